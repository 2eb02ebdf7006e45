"""Clients, groups and users: their lists, profiles, forms and subscriptions."""
