"""The log: what is asked of it, its columns and sorting, its custom views, and the rows that come of it."""
