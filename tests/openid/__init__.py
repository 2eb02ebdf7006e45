"""The company sign-in against a certified provider that others wrote: `make test-openid` installs it."""
