"""One message: its details, resending it, and writing one by hand."""
