"""`manage.py sender`: a cluster that really works, or is started anew."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings

from bench.installation import ROOT, Installation, descendants, kill_group, mixed
from notifications.delivery.claims import LEASE, RENEW_EVERY

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

ROLES = ("main", "sentinel", "worker 1", "worker 2", "monitor", "pusher")
BACK_WITHIN = 15.0  # seconds
# Once is enough here: which processes there are does not depend on the database.
_ON_POSTGRESQL = pytest.mark.skipif(settings.IS_SQLITE, reason="done on PostgreSQL")
_ON_SQLITE = pytest.mark.skipif(not settings.IS_SQLITE, reason="done on SQLite")


def victim(sender: subprocess.Popen[bytes], role: str) -> int:
    """The process of a role: below the sender stand the cluster's main, its sentinel, and then in the order
    of their start the rest.
    """
    end = time.monotonic() + 20
    while len(found := descendants(sender.pid)) < len(ROLES):
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return found[ROLES.index(role)]


def sending(installation: Installation) -> int:
    """The process that has claimed the only message.

    One that claims nothing may hold the lock of the cluster's queue.
    """
    worker = installation.ask(
        "shell", "-c", "from notifications.models import Attempt; print(Attempt.objects.get().worker)"
    )
    return int(worker.rpartition(":")[2])


# `python -m bench.chaos roles` tries them all, idle and busy
@pytest.mark.parametrize(
    "role", [pytest.param("sentinel", marks=_ON_SQLITE), pytest.param("worker 1", marks=_ON_POSTGRESQL)]
)
def test_a_killed_process_stops_nothing_for_long(installation: Installation, role: str) -> None:
    with installation.cluster("sender") as sender:
        time.sleep(4)
        os.kill(victim(sender, role), signal.SIGKILL)
        killed = datetime.now(UTC)
        installation.enqueue(*mixed(installation.providers, 4))
        installation.until_final(within=60)
        back = datetime.now(UTC)

    # `python -m bench.chaos roles` measures that it takes 15 s at most; this machine is busy with other
    # tests.
    assert (back - killed).total_seconds() < BACK_WITHIN + 10


@pytest.mark.parametrize(
    "role",
    [
        pytest.param("main", marks=_ON_POSTGRESQL),
        pytest.param("the worker that sends it", marks=_ON_SQLITE),
    ],
)
def test_what_the_killed_were_sending_waits_for_no_lease(installation: Installation, role: str) -> None:
    slow = {"type": "WEB_HOOK", "destination": installation.providers.webhook_url("/slow/20/1"), "body": "{}"}
    assert installation.log() == []  # what reads has started
    with installation.cluster("sender") as sender:
        (key,) = installation.enqueue(slow)
        installation.until(lambda log: log[0]["state"] == "SENDING_ASYNC", within=20)
        os.kill(victim(sender, "main") if role == "main" else sending(installation), signal.SIGKILL)
        killed = time.monotonic()
        installation.until(
            lambda _: installation.message(key)["attempts"][0].get("outcome") == "UNKNOWN", within=60
        )
        took = time.monotonic() - killed

    assert took < LEASE.total_seconds() - RENEW_EVERY  # sooner than its lease can end


@_ON_SQLITE  # on PostgreSQL `python -m bench.chaos freezes` does it
def test_a_frozen_cluster_is_started_anew(installation: Installation) -> None:
    with installation.cluster("sender") as sender:
        time.sleep(4)
        os.killpg(victim(sender, "main"), signal.SIGSTOP)
        installation.enqueue(*mixed(installation.providers, 4))

        assert {message["state"] for message in installation.until_final(within=40)} == {"SENT"}


@_ON_SQLITE
def test_it_stops_clean_and_leaves_no_process(installation: Installation) -> None:
    with installation.cluster("sender") as sender:
        victim(sender, "pusher")
        below = descendants(sender.pid)
        sender.send_signal(signal.SIGTERM)
        assert sender.wait(timeout=15) == 0

    assert not [pid for pid in below if Path(f"/proc/{pid}").exists()]


@_ON_SQLITE
def test_it_waits_for_a_database_that_is_not_ready(installation: Installation, tmp_path: Path) -> None:
    migrated, later = tmp_path / "commlog.sqlite3", tmp_path / "later.sqlite3"
    environment = installation.environment | {"DATABASE_URL": f"sqlite:///{later}"}
    with (tmp_path / "sender.log").open("wb") as log:
        sender = subprocess.Popen(
            [sys.executable, "manage.py", "sender"],
            cwd=ROOT,
            env=environment,
            stderr=log,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + 20
        while "lacks migrations" not in (tmp_path / "sender.log").read_text():
            assert time.monotonic() < end
            time.sleep(0.1)
        assert descendants(sender.pid) == []
        with closing(sqlite3.connect(migrated)) as one, closing(sqlite3.connect(later)) as other:
            one.backup(other)  # migrating takes ten seconds
        victim(sender, "pusher")
        sender.send_signal(signal.SIGTERM)
        assert sender.wait(timeout=15) == 0
    finally:
        kill_group(sender)
