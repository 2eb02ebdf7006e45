"""docs/operate.md, followed to the letter in a root of its own: `python -m tests.production` (root on Linux).

`document.py` takes the blocks out of the page, `machine.py` is the machine they run on, `services.py` stands
in for systemd there, and `visitor.py` is who uses what was set up. Nothing is written outside of that root,
and no process outlives the programme.
"""
