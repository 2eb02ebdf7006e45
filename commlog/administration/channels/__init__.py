"""Channels and lanes: status, pause, limits and switches."""
