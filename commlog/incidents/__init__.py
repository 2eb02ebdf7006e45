"""Incidents for people: what failed, what became of it, and the one action that repairs it."""
