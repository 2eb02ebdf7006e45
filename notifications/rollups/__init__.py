"""How sending goes, in numbers: tries counted by lane, minute and outcome as they are recorded, folded into
hours, and read.
"""
