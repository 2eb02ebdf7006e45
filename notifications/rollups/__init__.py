"""Statistics of sending: tries counted by lane, minute and outcome, later folded into hours.

They are counted as they are recorded.
"""
