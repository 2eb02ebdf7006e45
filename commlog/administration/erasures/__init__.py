"""Erasures in the administration."""
