"""A user's own account: passwords, sign-ins and sessions."""
