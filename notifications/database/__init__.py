"""The database: raw statements, its clock, the meaning of its errors, and its triggers."""
