"""Channels and their lanes: how they do, and pausing, limiting and switching them."""
