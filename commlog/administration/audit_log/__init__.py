"""The audit trail as its page shows it, and the entries that no person caused."""
