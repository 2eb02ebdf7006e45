"""A night of retention on PostgreSQL, while 200 messages a second are sent and somebody reads pages.

    python -m bench retention --rows 10000000 --server URL --only [--keep]

A tenth of the messages, which span ninety days, is past its period. There are 30 seconds without the night
first, then the night; then another tenth, while workers are killed at twenty moments, and an audit of what is
left. --keep takes a copy of the database that `bench log` and `bench ten_million` keep.
"""

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from bench import sinks
from bench.installation import Installation, descendants, new_database, production
from bench.log import filled
from commlog.demo import standins

ROWS = 1_000_000
DAYS, OLDEST = 90, 9
KILLS = 20
_WITHOUT = 30.0  # seconds
_WITHIN = 3600.0
_RATE, _STEP = 200, 10  # messages a second, and in a transaction
_PREPARE = """
from notifications.models import Backfill
Backfill.objects.all().delete()
from commlog.models import User
User.objects.create_superuser("ada", password="none", email="ada@example.org")
"""
_BEGIN = """
import sys
from datetime import timedelta
from commlog.models import RetentionPeriod
from commlog.retention import runs
from notifications.database.clock import db_now
now = db_now()
RetentionPeriod.objects.update_or_create(
    what="MESSAGES", channel="", template=None,
    defaults={{"days": {days}, "starts_at": now - timedelta(days=2), "reached_at": None, "reached_pk": 0}},
)
runs.open_run(now)
"""
_SENDS = f"""
import pathlib, time
from notifications import outbox
from notifications.outbox import Draft
from notifications.states import MessageType
stop, sent, began = pathlib.Path("{{stop}}"), 0, time.monotonic()
while not stop.exists():
    outbox.enqueue_many(
        [Draft(type=MessageType.EMAIL, destination="ana@example.org", subject="Paid", body="Dear Ana, ...")
         for _ in range({_STEP})]
    )
    sent += {_STEP}
    time.sleep(max(0.0, began + sent / {_RATE} - time.monotonic()))
print(sent)
"""
_READS = """
import json, pathlib, time
from statistics import quantiles
from django.test import Client
from commlog.models import User
stop, times = pathlib.Path("{stop}"), {{}}
browser = Client(SERVER_NAME="127.0.0.1", headers={{"host": "127.0.0.1"}})
browser.force_login(User.objects.get(username="ada"))
pages = ("/communications/", "/communications/?state=FAILED", "/communications/?q=ana", "/")
for page in pages:
    browser.get(page)
pathlib.Path("{stop}.ready").touch()
while not stop.exists():
    for page in pages:
        began = time.perf_counter()
        assert browser.get(page).status_code == 200
        times.setdefault(page, []).append(time.perf_counter() - began)
        time.sleep(0.05)
print(json.dumps([quantiles(sum(times.values(), []), n=20)[18] * 1000, sum(map(len, times.values()))]))
"""


def run(installation: Installation, *, rows: int = ROWS, kills: int = KILLS, keep: bool = False) -> None:
    """Run both nights; print minutes, pages, sending and locks, and the audit."""
    server = installation.environment["DATABASE_URL"]
    if server.startswith("sqlite"):
        print("  only on PostgreSQL, in which others work meanwhile")
        return
    with ExitStack() as stack:
        like = stack.enter_context(filled(installation, server, rows, keep))
        url = stack.enter_context(new_database(server, installation.directory, like=like)) if keep else like
        installation.environment["DATABASE_URL"] = url
        _measured(installation, url, kills)


def _measured(installation: Installation, url: str, kills: int) -> None:
    installation.manage("shell", "-c", _PREPARE)
    with sinks.running() as (_, ports), _connected(url) as database:
        providers = standins.environment(smtp=ports["smtp"], twilio=ports["twilio"])
        installation.environment |= production() | providers
        installation.manage("collectstatic", "--noinput", "--verbosity", "0")
        database.execute("VACUUM ANALYZE")
        before = _sizes(database)
        with installation.cluster("sender"):
            time.sleep(5)
            without = _phase(installation, database, lambda: time.sleep(_WITHOUT))
            with_it = _phase(installation, database, lambda: _night(installation, database))
        gone, longest, took = database.execute(_LAST).fetchone()
        print(
            f"  {gone:,} messages gone in {took / 60:.1f} min, {gone / took:,.0f} a second; longest batch "
            f"{longest * 1000:.0f} ms",
            flush=True,
        )
        for name, of in (("pages, p95 of ms", "pages"), ("seconds from birth to sent, p95", "late")):
            ratio = with_it[of] / without[of]
            print(f"  {name}: {without[of]:.2f} without, {with_it[of]:.2f} with, {ratio:.2f} ×")
        print(f"  sent a second: {without['rate']:.0f} without, {with_it['rate']:.0f} with", flush=True)
        print(f"  MB of messages and attempts: {before} before, {_sizes(database)} after", flush=True)
        database.execute("VACUUM")
        _killed(installation, database, kills)


_LAST = """SELECT coalesce((gone->>'MESSAGES')::int, 0), longest_batch,
extract(epoch FROM finished_at - started_at)::float FROM commlog_retentionrun
WHERE NOT counts_only ORDER BY id DESC LIMIT 1"""
_OPEN = "SELECT count(*) FROM commlog_retentionrun WHERE NOT counts_only AND finished_at IS NULL"
_LATE = """SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM sent_at - created_at)),
count(*), extract(epoch FROM max(sent_at) - min(sent_at))
FROM notifications_message WHERE id > %s AND sent_at IS NOT NULL"""
_AUDIT = {
    "messages whose chain has lost its first": """SELECT count(*) FROM notifications_message m WHERE first_id
        IS NOT NULL AND NOT EXISTS (SELECT 1 FROM notifications_message r WHERE r.id = m.first_id)""",
    "messages that resend nothing": """SELECT count(*) FROM notifications_message m WHERE resend_of_id IS NOT
        NULL AND NOT EXISTS (SELECT 1 FROM notifications_message r WHERE r.id = m.resend_of_id)""",
    "attempts without a message": """SELECT count(*) FROM notifications_attempt a WHERE NOT EXISTS (SELECT 1
        FROM notifications_message m WHERE m.id = a.message_id)""",
    "receipts without a message": """SELECT count(*) FROM notifications_deliveryreceipt a WHERE NOT EXISTS
        (SELECT 1 FROM notifications_message m WHERE m.id = a.message_id)""",
    "messages with some of their attempts": """SELECT count(*) FROM notifications_message m
        WHERE attempt_count <> (SELECT count(*) FROM notifications_attempt a WHERE a.message_id = m.id)
        AND state IN ('SENT', 'FAILED') AND created_at < now() - interval '1 day'""",
}


def _begin(installation: Installation, days: int) -> None:
    installation.manage("shell", "-c", _BEGIN.format(days=days))


def _phase(installation: Installation, database: Any, wait: Any) -> dict[str, float]:
    """Measure pages and sending until `wait` returns."""
    stop = installation.directory / f"stop-{time.monotonic_ns()}"
    first = database.execute("SELECT coalesce(max(id), 0) FROM notifications_message").fetchone()[0]
    shell = ("manage.py", "shell", "-v", "0", "-c")
    asks = [installation.beside(*shell, code.format(stop=stop)) for code in (_SENDS, _READS)]
    while not stop.with_name(f"{stop.name}.ready").exists():
        time.sleep(0.1)
    wait()
    stop.touch()
    (_, pages) = [each.communicate()[0] for each in asks]
    time.sleep(3)
    late, sent, seconds = database.execute(_LATE, [first]).fetchone()
    return {"pages": json.loads(pages)[0], "late": float(late), "rate": float(sent / seconds)}


def _night(installation: Installation, database: Any) -> None:
    _begin(installation, DAYS - OLDEST)
    ends = time.monotonic() + _WITHIN
    while database.execute(_OPEN).fetchone()[0]:
        assert time.monotonic() < ends, "the night does not end"
        time.sleep(0.25)


def _killed(installation: Installation, database: Any, kills: int) -> None:
    """Delete another tenth, with the workers killed at `kills` moments; then audit."""
    count = "SELECT count(*) FROM notifications_message"
    before, chance, done = database.execute(count).fetchone()[0], random.Random(7), 0
    with installation.cluster("sender") as cluster:
        time.sleep(5)
        _begin(installation, DAYS - 2 * OLDEST)
        while database.execute(_OPEN).fetchone()[0]:
            time.sleep(chance.uniform(0.2, 2.0) if done < kills else 0.5)
            if done < kills and _is_at_work(database):
                for pid in descendants(cluster.pid):
                    if chance.random() < 0.5:
                        _kill(pid)
                done += 1
    after, (gone, *_) = database.execute(count).fetchone()[0], database.execute(_LAST).fetchone()
    print(f"  killed at {done} moments: {before - after:,} gone, {gone:,} by the record", flush=True)
    for said, query in _AUDIT.items():
        print(f"    {said}: {database.execute(query).fetchone()[0]}", flush=True)


def _is_at_work(database: Any) -> bool:
    query = _OPEN + " AND lease_until > now() AND waits = ''"
    return bool(database.execute(query).fetchone()[0])


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _sizes(database: Any) -> int:
    tables = ("notifications_message", "notifications_attempt")
    total = "SELECT sum(pg_total_relation_size(t::regclass)) FROM unnest(%s::text[]) t"
    return int(database.execute(total, [list(tables)]).fetchone()[0]) // 1_000_000


@contextmanager
def _connected(url: str) -> Iterator[Any]:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        yield connection
