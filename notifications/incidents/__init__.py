"""Incidents: detection, notices, and the messages that failed because of them."""
