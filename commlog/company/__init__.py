"""Sign-in with a company account, by OpenID Connect."""
