"""Access records: who has read message content, and when."""
