"""Prometheus metrics: from the database for all hosts, from this host's processes for requests."""
