"""The find box of every page: people, numbers, keys, subjects, views and pages, as the user types."""
