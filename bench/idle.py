"""An idle cluster: its share of a core, and how soon a single message leaves it.

    python -m bench idle --seconds 60 --server URL

PostgreSQL's share is that of the sessions that existed before and after. On a server that others write to
there is no rest: any commit on it ends the rest.
"""

import random
import time
from contextlib import suppress
from statistics import median, quantiles

from bench.installation import Installation, descendants, mixed, production
from bench.roles import BELOW
from bench.run import Run

SECONDS = 60
_IDLE_AFTER = 40.0  # seconds that a cluster takes to start and to come to rest
_ROUNDS, _GAP = 100, (0.05, 0.4)  # a message of each channel; seconds between two messages
_TOOK = """SELECT message.type, {took} FROM notifications_attempt AS attempt
JOIN notifications_message AS message ON message.id = attempt.message_id ORDER BY attempt.id"""
_SECONDS = {
    True: "extract(epoch FROM attempt.finished_at - message.created_at)",
    False: "(julianday(attempt.finished_at) - julianday(message.created_at)) * 86400",
}


def run(installation: Installation, *, seconds: int = SECONDS) -> None:
    """Print the shares of a core before and after some messages, and the times from creation to result."""
    installation.environment |= production()
    it = Run(installation, random.Random(1))
    with installation.cluster("sender") as sender:
        _shares(it, sender.pid, seconds, "nothing in the log")
        for message in mixed(installation.providers, 4 * _ROUNDS):
            installation.enqueue(message)
            time.sleep(it.chance.uniform(*_GAP))
        installation.until_final(within=60)
        took: dict[str, list[float]] = {}
        for channel, seconds_ in it.rows(_TOOK.format(took=_SECONDS[it.on_postgres])):
            took.setdefault(channel, []).append(1_000 * float(seconds_))
        for channel, found in took.items():
            print(f"  {channel}: median {median(found):.0f} ms, p95 {quantiles(found, n=20)[-1]:.0f} ms")
        _shares(it, sender.pid, seconds, f"{4 * _ROUNDS} messages in the log")


def _shares(it: Run, sender: int, seconds: int, what: str) -> None:
    time.sleep(_IDLE_AFTER)
    pids = dict(zip(("supervisor", *BELOW), (sender, *descendants(sender)), strict=True))
    pids |= {f"session {pid}": pid for pid in _sessions(it)}
    began, before = time.monotonic(), {name: _used(pid) for name, pid in pids.items()}
    time.sleep(seconds)
    took = time.monotonic() - began
    # A session that has ended meanwhile has no time any more: another one is in its place.
    found = {name: max(0.0, _used(pid) - before[name]) / took for name, pid in pids.items()}
    sessions = sum(share for name, share in found.items() if name.startswith("session"))
    ours = {name: share for name, share in found.items() if not name.startswith("session")}
    said = ", ".join(f"{name} {share:.2%}" for name, share in ours.items())
    postgresql = f", and PostgreSQL {sessions:.2%}" if it.on_postgres else ""
    print(f"  {what}: {sum(ours.values()):.2%} of a core ({said}){postgresql}", flush=True)


def _sessions(it: Run) -> list[int]:
    if not it.on_postgres:
        return []
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    return [pid for (pid,) in it.rows(query)]


def _used(pid: int) -> float:
    """Return the processor time of a process in seconds; 0 if it has ended."""
    with suppress(OSError):
        return time.clock_gettime(~pid << 3 | 2)  # clock_getcpuclockid(3)
    return 0.0
