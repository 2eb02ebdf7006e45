"""What goes of messages, and in which order: what they say (`words`), then their rows (`rows`)."""
