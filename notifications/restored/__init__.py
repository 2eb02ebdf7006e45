"""Databases that were restored from a backup: how one is known, and holding what it would send."""
