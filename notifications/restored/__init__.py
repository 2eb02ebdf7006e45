"""Databases restored from a backup: detection, and holding of what they would send again."""
