"""Administration: one package per subject."""
