"""The primary is killed while messages are stored and sent, and its standby is promoted.

    python -m bench failover

It shows how long nothing is sent, what is lost, and what is sent twice. It runs two PostgreSQL servers of its
own. First the standby is synchronous, and must have everything; then it is asynchronous and a moment behind,
as another machine may be: its lost messages are counted, and the senders must notice.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import psycopg

from bench.installation import Installation, descendants
from bench.postgres import Server, own_server
from bench.restarts import Load
from bench.run import Run, running, send_signal

BACK_WITHIN = 15.0  # seconds after the primary was lost
_NOTICED_AFTER = 2.0  # seconds after which somebody or something promotes the standby
# Seconds that the asynchronous standby is behind. Senders note once a second what they have seen.
_BEHIND = 3.0
_UNDER_LOAD = 15.0
_LOST = ("I1 lost", "I2 unlogged")


def run(_: Installation) -> None:
    """Run both kinds of replication, on databases of their own."""
    for synchronous in (True, False):
        with _started(synchronous) as (trial, primary, standby):
            _fail_over(trial, primary, standby, synchronous=synchronous)


@contextmanager
def _started(synchronous: bool) -> Iterator[tuple[Run, Server, Server]]:
    with (
        own_server() as primary,
        running(Random(0), primary.url) as trial,
        own_server(standby_of=primary) as standby,
    ):
        if synchronous:
            # Of the primary alone: the promoted standby has nobody to wait for.
            _ask(primary, "ALTER SYSTEM SET synchronous_standby_names = '*'")
            _ask(primary, "ALTER SYSTEM SET synchronous_commit = 'remote_apply'")
            _ask(primary, "SELECT pg_reload_conf()")
        there = urlsplit(trial.installation.environment["DATABASE_URL"])
        hosts = f"postgres@127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
        trial.installation.environment["DATABASE_URL"] = (
            f"postgres://{hosts}{there.path}?target_session_attrs=read-write"
        )
        try:
            yield trial, primary, standby
        finally:
            trial.kill_all()
            # To be stopped as any other, and to remove its database there without asking a standby.
            with suppress(RuntimeError):
                primary.start("synchronous_standby_names=")


def _fail_over(trial: Run, primary: Server, standby: Server, *, synchronous: bool) -> None:
    print(f"  {'synchronous, remote_apply' if synchronous else 'asynchronous'}:", flush=True)
    load = Load(trial)
    trial.start()
    load.start()
    time.sleep(_UNDER_LOAD)
    if not synchronous:
        for pid in _of_wal_sender(primary):
            send_signal(pid, signal.SIGSTOP)
        time.sleep(_BEHIND)
    trial.until_under_way(within=5.0)
    lost_at = datetime.now(UTC)
    _kill(primary)
    time.sleep(_NOTICED_AFTER)
    standby.promote()
    promoted, began = datetime.now(UTC), time.monotonic()
    print(f"    promoted {(promoted - lost_at).total_seconds():.1f} s after the kill", flush=True)
    if synchronous:
        back = _back_at_work(trial, promoted)
        took = (back - lost_at).total_seconds() if back else float("inf")
        print(f"    back at sending {took:.1f} s after the kill", flush=True)
        trial.promise(took <= BACK_WITHIN, f"back at sending only after {took:.1f} s")
        trial.promise(not _is_held(trial), "held, though nothing was lost")
    else:
        held = _until_held(trial, began)
        print(f"    held {held:.1f} s after the promotion", flush=True)
        trial.promise(held <= BACK_WITHIN, "not held, though something was lost")
        _release(trial)
    time.sleep(5.0)
    load.end()
    print(
        f"    {load.stored} batches stored, {load.refused} refused meanwhile; all final after "
        f"{trial.settle():.1f} s",
        flush=True,
    )
    if not synchronous:
        trial.excused |= {*_LOST, "I9 SMS twice"}  # what is lost is counted, and SMS were released as well
        broken = trial.audit()["broken"]
        said = ", ".join(f"{len(broken.get(name, []))} {name[3:]}" for name in _LOST)
        print(f"    of {len(trial.keys)} accepted: {said} (received, but not in the log)", flush=True)
    trial.report()


def _ask(server: Server, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server.url, autocommit=True) as session:
        found = session.execute(statement)
        return found.fetchall() if found.description else []


def _of_wal_sender(primary: Server) -> list[int]:
    return [int(str(row[0])) for row in _ask(primary, "SELECT pid FROM pg_stat_replication")]


def _kill(server: Server) -> None:
    """Kill all processes at once, like a power cut."""
    (pid, *_) = (server.directory / "data" / "postmaster.pid").read_text().split()
    processes = [int(pid), *descendants(int(pid))]
    for each in processes:
        send_signal(each, signal.SIGKILL)
    while any(Path(f"/proc/{each}").exists() and _lives(each) for each in processes):
        time.sleep(0.01)


def _lives(pid: int) -> bool:
    with suppress(OSError):
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def _back_at_work(trial: Run, since: datetime) -> datetime | None:
    """Return when the first message claimed after the promotion was accepted, or None."""
    query = (
        f"SELECT MIN(finished_at) FROM notifications_attempt WHERE opened_at > '{since.isoformat()}' "
        "AND outcome = 'ACCEPTED'"
    )
    ends = time.monotonic() + 4 * BACK_WITHIN
    while time.monotonic() < ends:
        if found := trial.ask(query)[0]:
            return found
        time.sleep(0.1)
    return None


def _release(trial: Run) -> None:
    """Release everything, as somebody who prefers a second SMS to none."""
    ends = time.monotonic() + 4 * BACK_WITHIN
    while True:
        try:
            trial.installation.manage("after_restore", "--release", "--sms")
            return
        except AssertionError:  # what was being sent is waited for
            if time.monotonic() > ends:
                raise
            time.sleep(2.0)


def _is_held(trial: Run) -> bool:
    query = "SELECT COUNT(*) FROM notifications_installation WHERE restored_at IS NOT NULL"
    return bool(trial.ask(query)[0])


def _until_held(trial: Run, began: float) -> float:
    while not _is_held(trial) and time.monotonic() - began < 4 * BACK_WITHIN:
        time.sleep(0.1)
    return time.monotonic() - began
