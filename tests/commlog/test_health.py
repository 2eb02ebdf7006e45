"""The health pages, and the question behind them and the banner."""

import logging
import sys
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from commlog.kit.log_lines import OneLine
from notifications.cluster import health
from notifications.models import Attempt, Message
from notifications.states import MessageState, Outcome
from tests.factories import make_attempt, make_message, officer

pytestmark = pytest.mark.django_db


def _ago(seconds: float) -> timezone.datetime:
    return timezone.now() - timedelta(seconds=seconds)


def test_alive_asks_the_database_nothing(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok")


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "10.0.0.7", "[fd00::7]:8000", "a_name_that_is_none", ""])
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/healthz/sender"])
def test_a_probe_may_call_the_machine_as_it_likes(
    client: Client, settings: Any, path: str, host: str
) -> None:
    settings.ALLOWED_HOSTS = ["commlog.example.org"]
    assert client.get("/sign-in/", headers={"Host": host}).status_code == 400
    assert client.get(path, headers={"Host": host}).status_code == 200


def test_a_wrong_host_is_one_line_in_the_log() -> None:
    handler = next(
        each
        for each in logging.getLogger("django.security.DisallowedHost").handlers
        if isinstance(each.formatter, OneLine)
    )
    try:
        raise ValueError("a reason")
    except ValueError:
        record = logging.LogRecord(
            "django.security",
            logging.ERROR,
            __file__,
            1,
            "Invalid HTTP_HOST header: %r",
            ("x",),
            sys.exc_info(),
        )
    line = handler.format(record)
    assert "ERROR django.security" in line
    assert line.endswith("Invalid HTTP_HOST header: 'x'")
    assert "\n" not in line


def test_ready_when_every_migration_is_applied(client: Client) -> None:
    assert client.get("/readyz").json() == {"ready": True}


def test_not_ready_with_a_migration_missing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commlog.views.health._last_migrations", lambda: {("commlog", "9999_not_yet")})
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (
        503,
        {"ready": False, "reason": "The database lacks migrations: run manage.py migrate."},
    )


def test_not_ready_without_a_database(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> set[tuple[str, str]]:
        raise DatabaseError("password=secret")

    monkeypatch.setattr("commlog.views.health._last_migrations", broken)
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (
        503,
        {"ready": False, "reason": "The database does not answer."},
    )


def test_nothing_due_is_not_stalled() -> None:
    make_message(MessageState.SENT, created_at=_ago(500))
    make_message(MessageState.WAITING, due_at=timezone.now() + timedelta(seconds=60))
    now = timezone.now()
    assert health.survey(now).due_since is None
    assert health.stalled(now) is False


def stands_still(now: datetime | None = None) -> bool:
    """What the second of two looks says, the first of which was half a minute before."""
    now = now or timezone.now()
    assert health.stalled(now - timedelta(seconds=30)) is False
    return health.stalled(now)


def test_stalled_once_the_oldest_is_due_for_more_than_thirty_seconds() -> None:
    due = _ago(0)
    make_message(due_at=due)
    make_message(due_at=due + timedelta(seconds=9))
    assert health.survey(due + timedelta(seconds=29)).due_since == due
    assert health.stalled(due + timedelta(seconds=1)) is False
    assert health.stalled(due + timedelta(seconds=29)) is False
    assert health.stalled(due + timedelta(seconds=31)) is True


def test_a_message_that_is_old_when_it_appears_was_stored_by_a_long_transaction() -> None:
    due = _ago(300)
    make_message(due_at=due)
    assert health.stalled(due + timedelta(seconds=60)) is False
    assert health.stalled(due + timedelta(seconds=89)) is False
    Message.objects.all().update(state=MessageState.SENT, sent_at=due, due_at=None)
    make_message(due_at=due + timedelta(seconds=10))  # from the next such transaction
    assert health.stalled(due + timedelta(seconds=90)) is False
    assert health.stalled(due + timedelta(seconds=119)) is False
    assert health.stalled(due + timedelta(seconds=120)) is True


def test_a_backlog_that_moves_is_not_stalled() -> None:
    make_message(due_at=_ago(300))
    attempt = make_attempt(make_message(MessageState.SENT), Outcome.ACCEPTED)
    Attempt.objects.filter(pk=attempt.pk).update(finished_at=_ago(10))
    assert stands_still() is False
    Attempt.objects.filter(pk=attempt.pk).update(finished_at=_ago(40))
    assert health.stalled(timezone.now()) is True


def test_a_worker_that_waits_for_a_slow_provider_is_not_missing() -> None:
    make_message(due_at=_ago(300))
    slow = make_message(MessageState.SENDING_ASYNC)
    assert stands_still() is False
    Message.objects.filter(pk=slow.pk).update(lease_until=_ago(11))  # claimed 31 s ago, never renewed
    assert health.stalled(timezone.now()) is True


def test_a_lapsed_lease_is_due_work() -> None:
    make_message(MessageState.SENDING_ASYNC, lease_until=_ago(40))
    assert stands_still() is True


def test_the_sender_page_and_the_banner_say_so(client: Client) -> None:
    client.force_login(officer())
    make_message()
    assert client.get("/healthz/sender").json() == {"sending": True}
    assert "Nothing is being sent" not in client.get("/communications/").text
    Message.objects.update(due_at=_ago(60))
    assert stands_still() is True
    response = client.get("/healthz/sender")
    assert (response.status_code, response.json()) == (
        503,
        {"sending": False, "reason": "Due messages have stood still for 30 seconds: start manage.py sender."},
    )
    assert "Nothing is being sent: start manage.py sender" in client.get("/communications/").text


@pytest.mark.parametrize(("made", "queries"), [(0, 1), (3, 1)])
def test_the_usual_answer_costs_one_query(
    made: int, queries: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(made):
        make_message()
    with django_assert_num_queries(queries):
        health.stalled(timezone.now())
