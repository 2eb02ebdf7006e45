"""Secrets at rest, and addresses that are secrets themselves."""
