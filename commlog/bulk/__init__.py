"""Bulk resend: `choosing.py`, `confirming.py`, `running.py`, `report.py`."""
