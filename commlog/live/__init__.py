"""Keeps open pages up to date: each asks every three seconds for those of its parts that have changed.

A part stands between `{% live "name" %}` and `{% endlive %}`; the page sends what it has of each
(`parts.py`). Rows of a log are parts (`rows.py`); what has come is counted (`arrivals.py`). Where nothing was
committed nothing is looked at (`quiet.py`, kit/stamps.py); else the answer's statements are asked again
(kit/polls.py, kit/again.py).
"""
