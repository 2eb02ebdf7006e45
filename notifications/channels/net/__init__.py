"""Sockets, names and deadlines, whatever is spoken over them."""
