"""Streams: the events that EVENT_STREAM messages become, and the positions of their readers."""
