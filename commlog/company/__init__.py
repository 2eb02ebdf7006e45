"""Signing in with the account of one's company, by OpenID Connect."""
