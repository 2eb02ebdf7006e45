"""The database: raw statements, its clock, what its errors mean, the triggers that guard it."""
