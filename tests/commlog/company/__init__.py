"""Signing in with the account of the company."""
