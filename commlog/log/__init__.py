"""The log: queries, columns and sorting, custom views, and the resulting rows."""
