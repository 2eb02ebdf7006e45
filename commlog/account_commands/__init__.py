"""Commands of Django about accounts, as they are here: what they do is in the audit trail."""
