"""Secrets at rest, and URLs that are secrets themselves."""
