"""A turn that breaks off by an error: what never left is due again, what was under way is recorded, whatever
became of the connection.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

import pytest
from django.conf import settings
from django.db import DatabaseError, OperationalError, connection

from bench.standins import StandIns
from notifications import outbox, tasks
from notifications.delivery import results
from notifications.delivery.claims import LEASE
from notifications.models import Attempt, Message
from notifications.outbox import Draft
from notifications.states import MessageState, MessageType, Outcome
from tests.notifications.receivers import receiver

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def refusing(table: str, condition: str) -> Iterator[None]:
    """While this lasts, the database refuses every UPDATE of the table that makes a row meet the
    condition.
    """
    on_sqlite = (
        f"CREATE TRIGGER planted BEFORE UPDATE ON {table} WHEN {condition} BEGIN SELECT RAISE(ABORT, "
        "'planted fault'); END"
    )
    on_postgres = (
        "CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'planted "
        "fault'; END $$;"
        f"CREATE TRIGGER planted BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION "
        "planted()"
    )
    with connection.cursor() as cursor:
        cursor.execute(on_sqlite if settings.IS_SQLITE else on_postgres)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(
                "DROP TRIGGER planted"
                if settings.IS_SQLITE
                else f"DROP TRIGGER planted ON {table}; DROP FUNCTION planted()"
            )


def emails(count: int) -> list[Message]:
    return outbox.enqueue_many(
        Draft(MessageType.EMAIL, destination=f"a{n}@example.org", subject="s", body="b") for n in range(count)
    )


def received(providers: StandIns) -> list[str]:
    return sorted(entry["destination"] for entry in providers.journal("EMAIL"))


def test_claims_that_got_no_permit_are_closed_at_once_and_due_when_their_lease_would_have_lapsed(
    providers: StandIns,
) -> None:
    emails(30)

    with (
        refusing("notifications_attempt", "NEW.permitted_at IS NOT NULL"),
        pytest.raises(DatabaseError, match="planted fault"),
    ):
        tasks.drain("EMAIL")

    assert received(providers) == []
    assert dict.fromkeys(
        Message.objects.values_list("state", "lease_until", "abandons", "failures")
    ) == dict.fromkeys(
        # A lane that is not known to be quick is claimed little by little.
        [(MessageState.WAITING, None, 1, 0), (MessageState.QUEUED, None, 0, 0)]
    )
    for attempt in Attempt.objects.select_related("message"):
        assert (attempt.outcome, attempt.permitted_at, attempt.started_at) == (Outcome.ABANDONED, None, None)
        assert attempt.message.due_at == attempt.finished_at + LEASE
        assert "an error of its own" in attempt.detail


def test_a_message_whose_every_turn_breaks_off_fails_in_the_end(providers: StandIns) -> None:
    (message,) = emails(1)

    with refusing("notifications_attempt", "NEW.permitted_at IS NOT NULL"):
        for _ in range(results.MOST_ABANDONS):
            with pytest.raises(DatabaseError, match="planted fault"):
                tasks.drain("EMAIL")
            Message.objects.exclude(due_at=None).update(due_at=message.created_at)

    message.refresh_from_db()
    assert (message.state, message.outcome, message.retries) == (MessageState.FAILED, Outcome.REFUSED, 0)
    assert "could send this message" in message.failure_cause


def test_one_result_that_cannot_be_recorded_takes_no_other_along(providers: StandIns) -> None:
    poison, *others = emails(30)
    cannot_be_sent = f"NEW.id = {poison.pk} AND NEW.state = 'SENT'"

    with (
        refusing("notifications_message", cannot_be_sent),
        pytest.raises(DatabaseError, match="planted fault"),
    ):
        tasks.drain("EMAIL")

    poison.refresh_from_db()
    attempt = poison.attempts.get()
    assert (poison.state, attempt.outcome, attempt.permitted_at is not None) == (
        MessageState.SENDING_ASYNC,
        "",
        True,
    )  # until its lease lapses
    sent = set(Message.objects.filter(state=MessageState.SENT).values_list("destination", flat=True))
    due = set(Message.objects.exclude(due_at=None).values_list("destination", flat=True))
    assert sent | due == {message.destination for message in others}
    assert set(received(providers)) == sent | {poison.destination}
    assert len(received(providers)) == len(sent) + 1


@pytest.mark.postgres
@pytest.mark.skipif(
    settings.IS_SQLITE, reason="a SQLite file has no connection that could be ended from outside"
)
def test_a_lost_connection_costs_no_result_of_what_was_under_way(providers: StandIns) -> None:
    import psycopg

    server = {name: connection.settings_dict[name.upper()] for name in ("host", "user", "password")}
    victims: list[int] = []

    def lose_the_connection() -> None:
        if victims:
            with psycopg.connect(**server, dbname="postgres", autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", victims)

    with receiver(lose_the_connection) as url:
        outbox.enqueue_many(Draft(MessageType.WEB_HOOK, destination=url, body="{}") for _ in range(10))
        # The lane is known to be quick now, so the next turn claims more than it sends at once.
        tasks.drain("WEB_HOOK")
        before = set(Message.objects.values_list("pk", flat=True))
        victims.append(connection.connection.info.backend_pid)
        outbox.enqueue_many(Draft(MessageType.WEB_HOOK, destination=url, body="{}") for _ in range(100))
        with pytest.raises(OperationalError):
            tasks.drain("WEB_HOOK")

    touched = Message.objects.exclude(pk__in=before).exclude(state=MessageState.QUEUED)
    assert set(touched.values_list("state", "attempts__outcome")) == {
        (MessageState.SENT, Outcome.ACCEPTED),
        (MessageState.WAITING, Outcome.ABANDONED),
    }
    given_back = touched.filter(state=MessageState.WAITING)
    assert set(given_back.values_list("abandons", "failures", "outcome")) == {(0, 0, "")}
    assert all(message.due_at == message.attempts.get().finished_at for message in given_back)  # due at once


@pytest.mark.postgres
@pytest.mark.skipif(
    settings.IS_SQLITE, reason="a trigger of SQLite cannot say that the database is read-only"
)
def test_a_while_without_writing_costs_no_result_of_what_was_under_way(
    providers: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was accepted meanwhile is written down afterwards, instead of being sent twice."""
    monkeypatch.setattr(tasks, "_UNTIL_ASKED_AGAIN", 0.0)
    emails(10)

    def end() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("DROP TRIGGER planted ON notifications_attempt")
        finally:
            connection.close()

    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS $$"
            " BEGIN RAISE EXCEPTION 'cannot execute UPDATE' USING ERRCODE = '25006'; END $$;"
            "CREATE TRIGGER planted BEFORE UPDATE ON notifications_attempt FOR EACH ROW WHEN (NEW.outcome = "
            "'ACCEPTED')"
            " EXECUTE FUNCTION planted()"
        )
    ending = Timer(1.5, end)
    ending.start()
    assert tasks.drain("EMAIL") == 0
    ending.join()
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION planted()")
    tasks.drain("EMAIL")

    assert set(Message.objects.values_list("state", "abandons", "possible_duplicate")) == {
        (MessageState.SENT, 0, False)
    }
    assert len(received(providers)) == 10
