"""A backup from the middle of a bulk resend, a retry and a send is restored under real senders: who gets what
twice, and is it said.
"""

import os
import shutil
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bench.installation import FINAL, Installation, received
from bench.resends import step

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]
ROWS = 36
SMS = "+4917000000001"


def backup(installation: Installation, file: Path) -> Callable[[], None]:
    """Make a backup as an operator does; what restores it."""
    url = installation.environment["DATABASE_URL"]
    if url.startswith("sqlite"):
        live = Path(url.removeprefix("sqlite:///"))
        _copy(live, file)
        return lambda: _copy(file, live)
    parts = urlsplit(url)
    server, name = (
        ["--host", str(parts.hostname), "--port", str(parts.port), "--username", str(parts.username)],
        parts.path[1:],
    )

    def run(program: str, *options: str) -> None:
        subprocess.run([_installed(program), *server, *options], check=True, capture_output=True)

    def restore() -> None:
        run("dropdb", "--force", name)
        run("createdb", name)
        run("pg_restore", "--exit-on-error", "--dbname", name, str(file))

    run("pg_dump", "--format=custom", "--file", str(file), name)
    return restore


def _installed(program: str) -> str:
    """Where PostgreSQL's own programs are; Debian keeps each version's apart."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return (
        shutil.which(program, path=os.pathsep.join([*map(str, reversed(versions)), os.environ["PATH"]]))
        or program
    )


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


def _ask(installation: Installation, question: str) -> Any:
    """A value from the database: starting a command for it takes seconds, in which all goes on."""
    url = installation.environment["DATABASE_URL"]
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            return connection.execute(question).fetchone()[0]
    import psycopg

    with psycopg.connect(url) as session:
        return session.execute(question).fetchone()[0]


def _until(holds: Callable[[], bool], *, within: float = 60.0) -> None:
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def _settles(installation: Installation, *, live: int) -> None:
    """Wait until so many messages are neither SENT nor FAILED; else say which are."""
    try:
        _until(lambda: _ask(installation, LIVE) == live, within=90.0)
    except AssertionError as error:
        rows = [row for row in installation.log() if row["state"] not in FINAL]
        raise AssertionError(f"still live: {rows}; sends held: {_ask(installation, MARKED)}") from error


def _live(type: str, state: str) -> str:
    return f"SELECT COUNT(*) FROM notifications_message WHERE type = '{type}' AND state = '{state}'"


DONE = "SELECT done FROM commlog_job"
LIVE = "SELECT COUNT(*) FROM notifications_message WHERE state NOT IN ('SENT', 'FAILED')"
MARKED = "SELECT COUNT(*) FROM notifications_installation WHERE marked_at IS NOT NULL"


def test_nothing_is_sent_twice_unmarked(installation: Installation, tmp_path: Path) -> None:
    hook = {"type": "WEB_HOOK", "destination": installation.providers.webhook_url("/slow/5/1"), "body": "{}"}
    installation.environment["ALERT_EMAIL"] = "operations@example.org"
    installation.providers.outage("SMS", on=True)
    step(installation, "fill", ROWS)
    # A minute: 16 at once, 16 after four seconds, 4 after eight.
    job = step(installation, "make", "240")["key"]
    installation.enqueue({"type": "SMS", "destination": SMS, "body": "Your code"}, hook)
    with installation.cluster("sender"):
        _until(lambda: _ask(installation, DONE) >= 16)
        _until(
            lambda: (
                _ask(installation, _live("SMS", "WAITING")) == 1
                and _ask(installation, _live("WEB_HOOK", "SENDING_ASYNC")) == 1
            )
        )
        restore = backup(installation, tmp_path / "backup")
        installation.providers.outage("SMS", on=False)
        _until(lambda: _ask(installation, DONE) == ROWS)
        _settles(installation, live=0)
    once = Counter(received(installation.providers))
    assert once == Counter([*(f"client{number}@example.org" for number in range(ROWS)), SMS, "/slow/5/1"])

    restore()
    done = _ask(installation, DONE)
    assert done in (16, 32)
    with installation.cluster("qcluster"):
        _until(
            lambda: (
                _ask(installation, MARKED) == 1
                and "operations@example.org" in received(installation.providers)
            )
        )
        (new,) = installation.enqueue(
            {"type": "EMAIL", "destination": "new@example.org", "subject": "New", "body": "Accepted since"}
        )
        assert (_ask(installation, "SELECT state FROM commlog_job"), _ask(installation, DONE)) == (
            "PAUSED",
            done,
        )
        assert Counter(received(installation.providers)) - once == Counter(["operations@example.org"])
        assert _ask(installation, _live("EMAIL", "QUEUED")) == 1

        installation.ask("after_restore", "--release")
        step(installation, "steer", job, "resume", "DONE")
        _settles(installation, live=1)

    again = Counter(received(installation.providers)) - once
    log = {
        row["destination"].removeprefix(installation.providers.webhook_url("")[:-1]): row
        for row in reversed(installation.log())
    }
    assert [again[each] for each in ("operations@example.org", "new@example.org", "/slow/5/1", SMS)] == [
        1,
        1,
        1,
        0,
    ]
    assert sum(destination.startswith("client") for destination in again) >= ROWS - done
    twice = [destination for destination in again if destination in once]
    assert {destination for destination in twice if not log[destination].get("possibleDuplicate")} == set()
    assert "possibleDuplicate" not in installation.message(new)
    assert (log[SMS]["state"], log[SMS]["outcome"]) == ("WAITING", "UNKNOWN")
