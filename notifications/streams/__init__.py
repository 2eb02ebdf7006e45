"""Streams: what EVENT_STREAM messages are appended to, and who has read how far."""
