"""The names that the API uses for fields and values; management commands use them too."""
