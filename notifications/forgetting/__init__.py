"""Removal of messages in two steps: first their texts (`words`), then their rows (`rows`)."""
