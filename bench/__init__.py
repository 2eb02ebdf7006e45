"""What Commlog does, shown and measured: `python -m bench`."""
