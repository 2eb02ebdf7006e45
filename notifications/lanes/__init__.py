"""Lanes: a message's lane, lanes with work, their health and pace, and the switches of channels."""
