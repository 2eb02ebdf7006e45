"""Misbehaving servers and addresses, and the expected results, for tests and `bench.chaos matrices`."""
