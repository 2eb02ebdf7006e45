"""Sockets, names and deadlines, whatever protocol is used over them."""
