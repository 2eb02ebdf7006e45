"""Lanes: which one a message belongs to, which have work, how each does, and the switches of channels."""
