"""The database: raw statements, its clock, what its errors mean, and the triggers by which it refuses what
must never be.
"""
