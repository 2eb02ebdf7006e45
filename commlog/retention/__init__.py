"""Retention: periods, legal holds, obstacles, and the nightly deletion."""
