"""Templates in the back office: editor, preview and test, and the events that use them."""
