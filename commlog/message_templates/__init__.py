"""Templates in the back office: the editor, trying one out, and the events that they were asked about."""
