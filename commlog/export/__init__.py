"""Exports of a log: cells.py (what a cell may hold), plans.py, reading.py, workbook.py, csv_file.py."""
