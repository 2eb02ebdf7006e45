"""Incidents: seen at once, told, and which messages failed because of them."""
