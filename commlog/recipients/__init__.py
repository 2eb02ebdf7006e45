"""Clients, groups and users: lists, profiles, forms and subscriptions."""
