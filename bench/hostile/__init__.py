"""Servers and addresses that do what they should not, and what each must come to: for tests and for
`bench.chaos matrices`.
"""
