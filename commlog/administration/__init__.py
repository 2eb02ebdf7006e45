"""What administrators manage, a package each: users, roles, API consumers, menu items, channels, the audit
trail.
"""
