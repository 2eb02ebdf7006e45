"""Who can sign in to the demo. Printed in the terminal; opens nothing else."""

PASSWORD = "harbour-lights-2026"  # noqa: S105
ROLES = {"admin": "Administrator", "officer": "Officer", "viewer": "Viewer"}
