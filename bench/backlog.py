"""The speed of 300,000 due messages beside 2,000 in the same database, on PostgreSQL.

The mail server runs in an event loop. There are two states: a log of a million messages, analysed while
nothing was due, and an empty log that was never analysed. Each round begins with a copy of that state, and
nothing is analysed during it. A speed is taken from the first claim to the last result of the first 2,000, or
of 30,000 of 300,000. `--burners N` keeps the processors busy with N other processes.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any

from bench import sinks
from bench.installation import Installation, new_database, production
from commlog.demo import standins

LOG = 1_000_000
FEW, MANY, MEASURED = 2_000, 300_000, 30_000
ROUNDS = 5
_WARM = 200
_TABLES = ("notifications_message", "notifications_attempt", "notifications_deliveryreceipt")
_QUEUED = {
    "key": "gen_random_uuid()", "destination": "'ana' || n || '@example.org'", "state": "'QUEUED'",
    "created_at": "now()", "sent_at": "NULL", "due_at": "now()", "token": "0", "attempt_count": "0",
    "outcome": "''",
}  # fmt: skip


def run(installation: Installation, *, rows: int = LOG, rounds: int = ROUNDS, burners: int = 0) -> None:
    """Measure both states in turns, round by round, and print medians and ratios."""
    url = installation.environment["DATABASE_URL"]
    if url.startswith("sqlite"):
        print("  only on PostgreSQL, which plans by its statistics")
        return
    with ExitStack() as stack:
        installation.environment |= production() | stack.enter_context(_mail_server())
        states = {
            f"a log of {rows:,}, analysed with an empty queue": stack.enter_context(
                _state(installation, url, rows)
            ),
            "an empty log, never analysed": stack.enter_context(_state(installation, url, 0)),
        }
        speeds: dict[str, list[tuple[float, float]]] = {name: [] for name in states}
        for _ in range(burners):
            stack.enter_context(_ended(subprocess.Popen([sys.executable, "-c", "while True: pass"])))
        for _ in range(rounds):
            for name, database in states.items():
                speeds[name].append(_round(installation, url, database))
    for name, found in speeds.items():
        few, many, ratios = (
            [each[0] for each in found],
            [each[1] for each in found],
            [each[1] / each[0] for each in found],
        )
        print(f"  {name}: messages a second, median of {rounds} rounds")
        print(
            f"    {FEW:,} due {median(few):,.0f} ({_list(few)}); {MANY:,} due {median(many):,.0f} "
            f"({_list(many)})"
        )
        print(f"    the ratio of each round: {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


def _list(found: list[float]) -> str:
    return ", ".join(f"{each:.0f}" for each in found)


@contextmanager
def _ended(process: "subprocess.Popen[Any]") -> Iterator["subprocess.Popen[Any]"]:
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


@contextmanager
def _mail_server() -> Iterator[dict[str, str]]:
    """Yield the environment of an installation that sends to a new mail server."""
    with sinks.running() as (_, ports):
        yield standins.environment(smtp=ports["smtp"], twilio=ports["twilio"])


@contextmanager
def _state(installation: Installation, server: str, rows: int) -> Iterator[str]:
    """Yield the URL of a database with that many messages, all final; analysed unless it is empty."""
    with new_database(server, installation.directory) as url:
        made = Installation(installation.directory, installation.providers, url)
        made.manage("migrate", "--verbosity", "0")
        with _connected(url) as database:
            for table in _TABLES:
                # As in the first minute of a backlog: vacuumed where it was before, but not analysed.
                only = "autovacuum_analyze_threshold = 2000000000" if rows else "autovacuum_enabled = false"
                database.execute(f"ALTER TABLE {table} SET ({only})")
        if rows:
            print(f"  {made.manage('generate_messages', str(rows)).splitlines()[-1]}", flush=True)
            with _connected(url) as database:
                database.execute("VACUUM ANALYZE")
        yield url


def _round(installation: Installation, server: str, state: str) -> tuple[float, float]:
    """Return messages a second for few and for many due messages, in a copy of the state."""
    with new_database(server, installation.directory, like=state) as url:
        copy = Installation(installation.directory, installation.providers, url)
        copy.environment |= installation.environment | {"DATABASE_URL": url}
        with _connected(url) as database, copy.cluster():
            last = _last(database)
            copy.enqueue(
                {
                    "type": "EMAIL",
                    "destination": "ana@example.org",
                    "subject": "We received your payment",
                    "body": "Dear Ana, …",
                }
            )
            _sent(database, last, 1)
            _speed(database, _WARM, _WARM)  # connections and code are warm
            speeds = _speed(database, FEW, FEW), _speed(database, MANY, MEASURED)
        return speeds


def _speed(database: Any, due: int, measured: int) -> float:
    """Store `due` messages, wait until `measured` of them are sent, and return messages a second."""
    last = _last(database)
    _store(database, due)
    _sent(database, last, measured)
    (seconds,) = database.execute(
        "SELECT extract(epoch FROM max(finished_at) - min(opened_at)) FROM (SELECT opened_at, finished_at "
        "FROM notifications_attempt"
        " WHERE id > %s AND outcome = 'ACCEPTED' ORDER BY finished_at LIMIT %s) AS first",
        [last, measured],
    ).fetchone()
    return measured / float(seconds)


def _last(database: Any) -> int:
    return int(database.execute("SELECT COALESCE(max(id), 0) FROM notifications_attempt").fetchone()[0])


def _store(database: Any, count: int) -> None:
    """Store `count` copies of the first message that was sent here, due now."""
    query = "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND column_name <> 'id'"
    names = [name for (name,) in database.execute(query, [_TABLES[0]]).fetchall()]
    values = ", ".join(_QUEUED.get(name, name) for name in names)
    like = (
        f"(SELECT * FROM {_TABLES[0]} WHERE id = (SELECT message_id FROM {_TABLES[1]} ORDER BY id DESC "
        "LIMIT 1)) AS one"
    )
    database.execute(
        f"INSERT INTO {_TABLES[0]} ({', '.join(names)}) SELECT {values} FROM {like}, generate_series(1, "
        f"{count}) n"
    )


def _sent(database: Any, last: int, count: int) -> None:
    """Wait until `count` attempts after the one with the id `last` were accepted."""
    query, end = (
        "SELECT count(*) FROM notifications_attempt WHERE id > %s AND outcome = 'ACCEPTED'",
        time.monotonic() + 900,
    )
    while database.execute(query, [last]).fetchone()[0] < count:
        assert time.monotonic() < end, f"{count:,} messages were not sent within a quarter of an hour"
        time.sleep(0.2)


@contextmanager
def _connected(url: str) -> Iterator[Any]:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        yield connection
