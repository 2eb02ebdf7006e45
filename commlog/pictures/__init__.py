"""Charts of sending: geometry and words here, the SVG in templates/pictures."""
