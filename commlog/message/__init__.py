"""One message: everything about it, resending it, and writing one by hand."""
