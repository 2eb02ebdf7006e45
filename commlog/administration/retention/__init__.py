"""Retention and legal holds in the administration."""
