"""HTTP exchanges of webhooks and SMS: one deadline, a cap on the answer."""
