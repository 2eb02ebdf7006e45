"""Live pages: each polls every three seconds for those of its parts that have changed.

A part stands between `{% live "name" %}` and `{% endlive %}`; the page sends the version of each
(`parts.py`). Rows of a log are parts (`rows.py`); new messages are counted (`arrivals.py`). If nothing was
committed, nothing is read (`quiet.py`, kit/stamps.py); else the answer's statements are executed again
(kit/polls.py, kit/reuse.py).
"""
