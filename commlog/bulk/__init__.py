"""Bulk resend: what is chosen and confirmed (`choosing.py`), how a worker does it (`running.py`), and what became of it (`report.py`)."""
