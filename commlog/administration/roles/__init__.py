"""Roles: those that a new installation starts with, and the table of who may do what."""
