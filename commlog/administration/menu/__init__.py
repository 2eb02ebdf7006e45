"""The menu items of the navigation bar."""
