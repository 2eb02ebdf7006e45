"""A person is erased: who that is, what is left of the rows, and how it is done again after a restore."""
