"""Bulk resend: what is chosen (`choosing.py`) and confirmed (`confirming.py`), done (`running.py`) and
reported (`report.py`).
"""
