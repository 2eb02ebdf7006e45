"""How sending goes, as pictures: geometry and words here, the drawing in templates/pictures."""
