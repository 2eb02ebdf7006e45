"""Erasure of a person: what is searched, what remains of the rows, and the replay after a restore."""
