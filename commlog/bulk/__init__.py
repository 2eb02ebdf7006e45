"""Bulk resend: `selection.py`, `confirmation.py`, `running.py`, `report.py`."""
