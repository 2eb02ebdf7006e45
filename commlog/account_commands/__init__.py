"""Django's account commands, extended: their actions are audited."""
