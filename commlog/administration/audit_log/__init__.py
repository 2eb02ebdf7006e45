"""The page of the audit trail, and audit entries without an actor."""
