"""Roles: the default ones, and the table of permissions by role."""
