"""A database that takes no writes: probes, programs and people are told, reading goes on, and what failed is
not said to be our fault.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone

from notifications import tasks
from notifications.cluster.broker import MessageBroker
from notifications.database import availability
from notifications.database.availability import Trouble
from notifications.models import Message
from notifications.states import MessageState
from tests.commlog.api.conftest import Program, refusal
from tests.commlog.test_health import stands_still
from tests.factories import admin, make_key, make_message, officer, set_up_channels
from tests.test_permissions_matrix import KNOWN, TABLE, one_of_everything

pytestmark = pytest.mark.django_db(transaction=True)

READ_ONLY = "The database is read-only at present."
FULL = "The database cannot save anything, because its disk is full or broken."
MAIL = {"type": "EMAIL", "destination": "ana@example.org", "subject": "Payment due", "body": "Dear Ana"}


def execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@contextmanager
def read_only() -> Iterator[None]:
    """As on a standby, or on a file system that was mounted read-only."""
    execute("PRAGMA query_only = 1" if settings.IS_SQLITE else "SET default_transaction_read_only = on")
    try:
        yield
    finally:
        execute("PRAGMA query_only = 0" if settings.IS_SQLITE else "SET default_transaction_read_only = off")


@contextmanager
def full() -> Iterator[None]:
    """A file that cannot grow."""
    execute("VACUUM", "PRAGMA max_page_count = 1")  # 1: as many as there are
    try:
        yield
    finally:
        execute("PRAGMA max_page_count = 1000000")


on_sqlite = pytest.mark.skipif(
    not settings.IS_SQLITE, reason="a full disk of PostgreSQL: tests/cluster/test_full_disk.py"
)
TROUBLES = [
    pytest.param(read_only, READ_ONLY, id="read-only"),
    pytest.param(full, FULL, id="full", marks=on_sqlite),
]
Troubled = Callable[[], AbstractContextManager[None]]


@pytest.mark.parametrize(("troubled", "reason"), TROUBLES)
@pytest.mark.parametrize(("path", "what"), [("/readyz", "ready"), ("/healthz/sender", "sending")])
def test_probes_are_told_at_once_and_told_when_it_is_over(
    client: Client, troubled: Troubled, reason: str, path: str, what: str
) -> None:
    assert client.get(path).json() == {what: True}

    with troubled():
        answer = client.get(path)

    assert (answer.status_code, answer.json(), answer["Retry-After"]) == (
        503,
        {what: False, "reason": reason},
        "10",
    )
    assert client.get(path).json() == {what: True}
    assert client.get("/healthz").status_code == 200


def test_a_probe_leaves_nothing_behind(client: Client) -> None:
    tables = connection.introspection.table_names()
    availability.forget()

    assert client.get("/readyz").status_code == 200

    assert connection.introspection.table_names() == tables


@pytest.mark.parametrize(("troubled", "reason"), TROUBLES)
def test_programs_are_told_to_repeat_what_was_not_stored(
    troubled: Troubled, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    program = Program(make_key())
    large = MAIL | {"body": "Dear Ana " * 5_000}
    with troubled():
        answer = program.post("/api/communications/messages", large)

    told = f"{reason} Repeat the call later, with the same Idempotency-Key if it had one"
    assert refusal(answer) == (503, 100_006, "SERVICE_UNAVAILABLE", told)
    assert answer["Retry-After"] == "10"
    assert Message.objects.count() == 0
    assert not [
        record for record in caplog.records if record.exc_info and "Traceback" in (record.exc_text or "")
    ]
    assert program.post("/api/communications/messages", MAIL).status_code == 201


def test_programs_go_on_reading_while_nothing_can_be_written() -> None:
    program = Program(make_key())
    message = make_message(MessageState.SENT, subject="Payment due")

    with read_only():
        found = program.get(f"/api/communications/messages/{message.key.hex}")
        searched = program.post("/api/communications/messages:search", [])

    assert (found.status_code, found.json()["subject"]) == (200, "Payment due")
    assert [each["encodedKey"] for each in searched.json()] == [message.key.hex]


def test_people_go_on_reading_while_nothing_can_be_written(client: Client) -> None:
    client.force_login(officer())
    message = make_message(MessageState.SENT, subject="Payment due")
    Session.objects.update(expire_date=timezone.now() + timezone.timedelta(minutes=10))
    client.get("/")

    with read_only():
        session = client.session  # its expiry is to be written anew with the next page
        assert session.session_key
        for path in (
            "/",
            "/communications/",
            f"/communications/{message.key.hex}/",
            "/clients/",
            "/jobs/",
            "/account/",
        ):
            assert client.get(path).status_code == 200, path


@pytest.mark.parametrize(("troubled", "reason"), TROUBLES)
def test_people_are_told_in_words_what_does_not_work(
    client: Client, troubled: Troubled, reason: str, settings: Any
) -> None:
    set_up_channels(settings)
    client.force_login(officer())
    failed = make_message(MessageState.FAILED, content="Dear Ana " * 5_000)

    with troubled():
        answer = client.post(f"/communications/{failed.key.hex}/resend/", {"last": failed.key.hex})

    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    for sentence in (
        "Nothing can be saved at the moment",
        reason,
        "You can read everything",
        "Check before you repeat it",
    ):
        assert sentence in answer.text
    assert Message.objects.count() == 1


def test_signing_in_says_so_too(client: Client) -> None:
    officer(username="ofra")
    with read_only():
        answer = client.post("/sign-in/", {"username": "ofra", "password": "wrong"})
    assert answer.status_code in (200, 503)


def test_what_fails_outside_of_a_view_is_told_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    anybody = Client(raise_request_exception=False)
    anybody.force_login(officer())
    with read_only():  # POST: the session of whoever is at work is written after the view
        answer = anybody.post("/sign-out/")
    assert answer.status_code == 503
    assert "Nothing can be saved at the moment" in answer.text


def test_the_banner_names_the_database_rather_than_the_senders(client: Client) -> None:
    client.force_login(officer())
    make_message(due_at=timezone.now() - timezone.timedelta(seconds=60))
    assert stands_still() is True
    assert "Nothing is being sent: start manage.py sender" in client.get("/communications/").text

    with read_only():
        shown = client.get("/communications/").text

    assert f"{READ_ONLY} Nothing is sent or saved until this is fixed." in shown
    assert "start manage.py sender" not in shown


def test_an_error_of_ours_stays_one() -> None:
    with pytest.raises(DatabaseError) as wrong:
        execute("SELECT nonsense")
    assert availability.trouble_of(wrong.value) is None
    assert availability.trouble_of(ValueError("no")) is None
    assert availability.trouble_of(None) is None


def test_a_server_that_is_not_there_is_a_trouble() -> None:
    psycopg = pytest.importorskip("psycopg")
    with pytest.raises(psycopg.OperationalError) as gone:
        psycopg.connect("postgresql://nobody@127.0.0.1:1/nothing")
    assert availability.trouble_of(gone.value) == Trouble.GONE


def test_a_drain_waits_instead_of_failing_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tasks, "_UNTIL_ASKED_AGAIN", 0.0)
    message = make_message()

    with caplog.at_level(logging.WARNING, "notifications"), read_only():
        before = Message.objects.values().get()
        for _ in range(3):
            assert tasks.drain("EMAIL") == 0
        broker = MessageBroker("commlog")
        monkeypatch.setattr("notifications.cluster.broker._DATABASE_GONE", 0.0)
        for _ in range(3):
            broker.dequeue()
        assert Message.objects.values().get() == before

    said = [record for record in caplog.records if record.name.startswith("notifications")]
    assert [record.getMessage() for record in said] == [READ_ONLY]  # once a minute
    assert said[0].exc_info is None
    message.refresh_from_db()
    assert (message.state, message.abandons) == (MessageState.QUEUED, 0)


def test_every_address_reads_on_and_none_that_writes_is_our_fault() -> None:
    world, key = one_of_everything(), make_key()
    person = Client(raise_request_exception=False)
    person.force_login(admin())

    def status(name: str) -> int:
        headers = {"apiKey": key} if name.startswith(("api-", "bare-")) else {}
        return person.generic(
            TABLE[name].method.upper(), world.address(name), "", headers=headers
        ).status_code

    reads = {
        name: status(name)
        for name in KNOWN
        if TABLE[name].method == "get" and name not in ("ready", "sender")
    }
    with read_only():
        # Their next step needs what they would keep in the session.
        begun = dict.fromkeys(("security-app", "security-passkey"), 503)
        assert {name: status(name) for name in reads} == reads | begun
        writes = {name: status(name) for name in KNOWN if TABLE[name].method != "get"}

    assert [name for name, found in writes.items() if found == 500] == []
    assert 503 in writes.values()
