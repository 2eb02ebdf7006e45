"""Reads from a real hot standby: what comes from it, what never does, and pages when it fails."""

import logging
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from django.test import Client, override_settings
from pytest_django import DjangoDbBlocker

from bench.installation import descendants
from bench.postgres import Server, own_server
from commlog import jobs
from commlog.environment import Environment
from commlog.export import job
from commlog.kit import database_settings
from commlog.models import ExportFile, User
from commlog.views import exports
from notifications.database import replica
from notifications.models import Message
from notifications.process import this_process
from notifications.states import MessageState
from tests.commlog.api.conftest import Program
from tests.factories import admin, make_client, make_key, make_message, officer, set_up_channels

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("replica")]
if settings.IS_SQLITE:
    pytest.skip("PostgreSQL only", allow_module_level=True)

_QUICKLY = ("fsync=off", "max_standby_streaming_delay=0", "wal_receiver_status_interval=1")
TOKEN = "a-token-of-more-than-twenty-characters"


@dataclass
class Pair:
    """A primary and its standby."""

    primary: Server
    standby: Server
    users: int = 0

    def on_standby(self, statement: str) -> Any:
        """The first value that the standby answers."""
        with psycopg.connect(self.standby.url, autocommit=True) as session:
            row = session.execute(statement).fetchone()
            return row[0] if row else None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Inside, the standby stays as it is."""
        self.caught_up()
        self.on_standby("SELECT pg_wal_replay_pause()")
        try:
            while self.on_standby("SELECT pg_get_wal_replay_pause_state()") != "paused":
                time.sleep(0.005)
            yield
        finally:
            self.on_standby("SELECT pg_wal_replay_resume()")

    def caught_up(self) -> None:
        """Returns once the standby has everything."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_wal_flush_lsn()::text")
            (position,) = cursor.fetchone()
        while not self.on_standby(f"SELECT pg_last_wal_replay_lsn() >= '{position}'"):
            time.sleep(0.005)
        this_process.forget()


@pytest.fixture(scope="module")
def servers(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Pair]:
    """Both, with the tables of the suite's database, in the place of that."""
    with own_server("", *_QUICKLY) as primary, django_db_blocker.unblock():
        _copy(primary)
        with own_server("", *_QUICKLY, standby_of=primary) as standby, _used(primary, standby):
            yield Pair(primary, standby)


def _copy(primary: Server) -> None:
    there = connection.settings_dict
    address = [f"--host={there['HOST']}", f"--port={there['PORT'] or 5432}", f"--username={there['USER']}"]
    dump = subprocess.run(
        ["pg_dump", *address, there["NAME"]],
        env=os.environ | {"PGPASSWORD": there["PASSWORD"]},
        capture_output=True,
        check=True,
    )
    subprocess.run(
        ["psql", "--quiet", "--set=ON_ERROR_STOP=1", primary.url],
        input=dump.stdout,
        capture_output=True,
        check=True,
    )


@contextmanager
def _used(primary: Server, standby: Server) -> Iterator[None]:
    addresses = Environment({"PRIMARY": primary.url, "REPLICA": standby.url})
    config = {
        "default": database_settings.completed(addresses.database("PRIMARY", "")),
        replica.ALIAS: database_settings.completed_replica(addresses.database("REPLICA", "")),
    }
    connections.configure_settings(config)
    before = dict(connection.settings_dict)
    connection.close()
    there = {name: config["default"][name] for name in ("HOST", "PORT", "NAME", "USER")}
    connection.settings_dict.update(there)
    connections.databases[replica.ALIAS] = config[replica.ALIAS]
    try:
        with override_settings(DATABASE_ROUTERS=["notifications.database.replica.Router"]):
            yield
    finally:
        connection.close()
        connection.settings_dict.update(before)
        connections[replica.ALIAS].close()
        del connections[replica.ALIAS], connections.databases[replica.ALIAS]


@pytest.fixture
def pair(servers: Pair) -> Iterator[Pair]:
    servers.users += 1
    yield servers
    this_process.forget()


@pytest.fixture
def reader(pair: Pair) -> User:
    return officer(username=f"reader-{pair.users}", email=f"reader-{pair.users}@example.org")


@pytest.fixture
def pages(client: Client, reader: User) -> Client:
    client.force_login(reader)
    return client


def test_what_is_read_comes_from_the_standby(pair: Pair, pages: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN
    person = make_client()
    tab = f"/clients/{person.key.hex}/communications/"
    addresses = ["/communications/", tab, "/communications/?q=zebra", "/find/?q=zebra+crossing"]

    with pair.frozen():
        key = make_message(client=person, subject="zebra crossing").key.hex
        before = [pages.get(each) for each in addresses]
        file = pages.post(f"/communications/export/?of={tab}", {"format": "csv"})
        exported = b"".join(file).decode()
        pages.cookies.pop("written")
    pair.caught_up()

    assert [each.status_code for each in before] == [200] * 4
    assert [key in each.text for each in before] == [False] * 4
    assert exported.count("\n") == 1
    assert [key in pages.get(each).text for each in addresses[:3]] == [True] * 3
    assert pages.get(addresses[3])["Location"] == f"/communications/{key}/"
    told = pages.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
    assert "commlog_replica_serves 1.0" in told
    assert "commlog_replica_lag_seconds 0.0" in told


def test_whoever_wrote_sees_it_and_others_soon_do(
    pair: Pair, pages: Client, reader: User, settings: Any
) -> None:
    set_up_channels(settings)
    failed = make_message(MessageState.FAILED, subject="own write", destination="own@example.org")
    other = Client()
    other.force_login(reader)

    with pair.frozen():
        answer = pages.post(f"/communications/{failed.key.hex}/resend/")
        mine, others = pages.get("/communications/?q=own").text, other.get("/communications/?q=own").text

    assert answer.status_code == 302
    assert pages.cookies["written"]["max-age"] == 20
    assert pages.cookies["written"]["httponly"]
    assert (mine.count('<tr id="row-'), others.count('<tr id="row-')) == (2, 1)
    pair.caught_up()
    with pair.frozen():
        Message.objects.filter(pk=failed.pk).update(subject="later")
        assert "later</" not in pages.get("/communications/").text  # the standby has what this reader wrote


def test_a_program_gets_what_there_is_now(pair: Pair) -> None:
    program = Program(make_key())
    one = make_message(subject="for a program")
    pair.caught_up()
    body = {"filterCriteria": [{"field": "subject", "operator": "EQUALS", "value": one.subject}]}
    reads = _reads(pair)

    assert [each["subject"] for each in program.post("/api/communications/messages:search", body).json()] == [
        one.subject
    ]
    assert _reads(pair) > reads
    with pair.frozen():
        Message.objects.filter(pk=one.pk).update(subject="changed")
        assert program.post("/api/communications/messages:search", body).json() == []


def _reads(pair: Pair) -> int:
    """How many rows the standby has given."""
    connections[replica.ALIAS].close()  # a session reports what it did when it ends, at the latest
    of_all = "SELECT tup_returned FROM pg_stat_database WHERE datname = current_database()"
    return int(pair.on_standby(of_all))


def test_an_open_page_misses_nothing_that_the_standby_did_not_have(pair: Pair, pages: Client) -> None:
    make_message(subject="on the page")

    with pair.frozen():
        come = make_message(subject="not yet on the standby")
        page = pages.get("/communications/").text
        newest, here = (re.search(f'data-{each}="([^"]*)"', page)[1] for each in ("watch", "here"))  # type: ignore[index]
        told = pages.get(f"{unescape(here)}&newest={newest}&live=", headers={"HX-Request": "true"}).text

    assert come.key.hex not in page
    assert "1 new message <a" in told


def test_an_export_as_a_job_has_what_there_was(
    pair: Pair, pages: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "AT_ONCE", 0)
    monkeypatch.setattr(job, "_PATIENCE", 0.05)
    person = make_client()
    address = f"/communications/export/?of=/clients/{person.key.hex}/communications/"

    def exported() -> str:
        pages.post(address, {"format": "csv"})
        claimed = jobs.claim(1)
        assert claimed is not None
        jobs.run(*claimed[1])
        made = ExportFile.objects.latest("pk")
        return b"".join(pages.get(f"/jobs/{made.job.key.hex}/file/")).decode()

    with pair.frozen():
        make_message(client=person, subject="first")
        assert exported().count("first") == 1
    pair.caught_up()
    reads = _reads(pair)
    assert exported().count("first") == 1
    assert _reads(pair) > reads


def test_who_may_do_what_is_read_in_the_primary(pair: Pair, pages: Client, reader: User) -> None:
    assert pages.get("/communications/").status_code == 200

    with pair.frozen():
        reader.groups.clear()

        assert pages.get("/communications/").status_code == 403


def test_a_page_waits_for_a_standby_that_does_not_answer_once(
    pair: Pair, pages: Client, caplog: pytest.LogCaptureFixture
) -> None:
    make_message(subject="while it is away")
    person = admin(username=f"admin-{pair.users}")
    pages.get("/communications/")
    pair.standby.stop("immediate")
    try:
        with caplog.at_level(logging.WARNING, "notifications.database.replica"):
            shown = [pages.get("/communications/").text for _ in range(3)]
        pages.force_login(person)
        told = pages.get("/administration/").text
    finally:
        pair.standby.start(*_QUICKLY)

    assert ["while it is away</" in each for each in shown] == [True] * 3
    assert len(caplog.records) == 1
    assert "The replica does not answer" in told
    pair.caught_up()
    assert "which is at most 0.0 s behind" in pages.get("/administration/").text


def test_a_frozen_standby_freezes_no_page(pair: Pair, pages: Client) -> None:
    make_message(subject="while it is frozen")
    pages.get("/communications/")
    (main, *_) = (pair.standby.directory / "data" / "postmaster.pid").read_text().split()
    processes = [int(main), *descendants(int(main))]

    for each in processes:
        os.kill(each, signal.SIGSTOP)
    try:
        before = time.monotonic()
        found = replica.read(Message.objects.count, longest=0.3)
        shown = pages.get("/communications/").text
        took = time.monotonic() - before
    finally:
        for each in processes:
            os.kill(each, signal.SIGCONT)

    assert found == Message.objects.count()
    assert "while it is frozen</" in shown
    assert 0.3 < took < 10


def test_a_standby_too_far_behind_is_not_read(pair: Pair, pages: Client, settings: Any) -> None:
    settings.DATABASE_REPLICA_MOST_BEHIND = 0.2

    with pair.frozen():
        make_message(subject="beyond the limit")
        time.sleep(0.3)
        this_process.forget()

        assert "beyond the limit</" in pages.get("/communications/").text


def test_what_the_standby_gives_up_is_asked_of_the_primary(pair: Pair) -> None:
    pair.caught_up()
    asked = []

    def make() -> int:
        here = replica.connection()
        asked.append(here.alias)
        with transaction.atomic(using=here.alias):
            Message.objects.count()
            if here.alias == replica.ALIAS:
                _lock_in_primary(pair)
            return Message.objects.count()

    assert replica.read(make) == Message.objects.count()
    assert asked == [replica.ALIAS, "default"]
    assert replica.state() == (True, 0.0)


def test_a_lock_that_has_ended_in_the_primary_holds_no_page_up(
    pair: Pair, pages: Client, caplog: pytest.LogCaptureFixture
) -> None:
    make_message(subject="behind a lock")
    pages.get("/communications/")
    held = (
        "SELECT COUNT(*) > 0 FROM pg_locks WHERE relation = 'notifications_message'::regclass "
        "AND mode = 'AccessExclusiveLock'"
    )

    with psycopg.connect(pair.primary.url) as session:
        session.execute("LOCK TABLE notifications_message IN ACCESS EXCLUSIVE MODE")
        session.execute("SELECT pg_current_xact_id()")
        with connection.cursor() as cursor:  # a commit takes the record of the lock along
            cursor.execute("SELECT pg_logical_emit_message(true, '', '')")
        while not pair.on_standby(held):
            time.sleep(0.005)
        with pair.frozen():
            session.commit()
            shown = pages.get("/communications/").text

    assert "behind a lock</" in shown
    assert "canceling statement due to lock timeout" in caplog.text


def _lock_in_primary(pair: Pair) -> None:
    """What a standby has to make room for at once."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE notifications_message IN ACCESS EXCLUSIVE MODE")
        cursor.execute("SELECT pg_current_xact_id()")
    pair.caught_up()
