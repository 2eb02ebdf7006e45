"""API consumers and their keys."""
