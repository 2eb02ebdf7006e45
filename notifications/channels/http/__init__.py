"""HTTP exchanges of webhooks and SMS: one deadline, and a limit on the answer's size."""
