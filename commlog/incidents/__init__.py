"""Incidents on pages: what failed, its result so far, and the action that repairs it."""
