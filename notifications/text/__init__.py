"""Text from outside: what may be stored, and one interpretation of spellings, telephone numbers and keys."""
