"""Events from topics to readers, while readers come, go and die and senders are killed; and their speed.

    python -m bench streams [--rows EVENTS] [--server URL]

Messages are stored, appended by real senders, and read over HTTP from the server of docs/operate.md.
"""

import random

from bench.installation import Installation, production
from bench.run import Run
from bench.stream_faults import Faults
from bench.stream_reader import free_port
from bench.stream_speeds import BACKLOG, Speeds

EVENTS, EVENTS_ON_SQLITE = 100_000, 10_000


def run(installation: Installation, *, rows: int = 0) -> None:
    """Run the faults first, then the speeds."""
    port = free_port()
    installation.environment |= production(f"http://127.0.0.1:{port}") | {
        "API_CALLS_A_MINUTE": "0",
        "API_CALLS_A_MINUTE_IN_ALL": "0",
    }
    installation.manage("collectstatic", "--noinput", "--verbosity", "0")
    key = installation.manage("create_api_key", "--consumer=bench", "--role=Administrator").strip()
    senders = Run(installation, random.Random(1))
    try:
        events = rows or (EVENTS if senders.on_postgres else EVENTS_ON_SQLITE)
        Faults(senders, port, key).run(events)
        Speeds(senders, port, key, backlog=min(events, BACKLOG)).run()
    finally:
        senders.kill_all()
