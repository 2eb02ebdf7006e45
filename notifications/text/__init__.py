"""Text from outside: what may be stored, and one reading of spellings, telephone numbers and keys."""
