"""Everything is read while more arrives: by offset, by cursor, each message once and in order."""
