"""What keeps open pages up to date: each asks once every three seconds, by itself, for those of its parts
that have changed.

A part is what stands between `{% live "name" %}` and `{% endlive %}` in a template; the page sends what it
has of each (`parts.py`). The rows of a log are parts too (`rows.py`), and what has come since is counted
(`arrivals.py`). Where nothing was committed since the last answer, nothing is looked at (`quiet.py`,
kit/stamps.py); else the statements that the answer was read from are asked again (kit/polls.py,
kit/again.py).
"""
