"""Demonstrations and measurements of Commlog: `python -m bench`."""
