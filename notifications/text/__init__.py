"""Text from outside: what may be stored, and one reading of spellings and telephone numbers."""
