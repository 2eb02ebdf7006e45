"""Exports: what a log shows, as a file.

`cells.py` owns every rule of what a cell may hold, `plans.py` what is asked for and in which columns,
`reading.py` the rows, `workbook.py` and `csv_file.py` the two formats.
"""
