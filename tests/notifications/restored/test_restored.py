"""A database that is older than the one seen last: what is held, what is marked, and what people decide."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from bench.standins import StandIns
from commlog import jobs
from commlog.models.job import JobKind, JobState
from notifications import outbox, tasks
from notifications.cluster import health
from notifications.cluster.broker import MessageBroker
from notifications.database.clock import db_now
from notifications.lanes import openings
from notifications.models import Attempt, Installation, Lane, Message
from notifications.models.message import UNTIL_RELEASED
from notifications.restored import holding, marker
from notifications.states import MessageState, MessageType, Outcome
from tests.factories import make_attempt, make_job, make_message, officer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_markers(settings: Any, tmp_path: Path) -> None:
    settings.MARKER_DIRECTORY = tmp_path / "markers"


def seen_and_lost() -> None:
    """A look at the database after a send; then that send is lost, as by a restore."""
    sent = make_message(MessageState.SENT)
    attempt = make_attempt(sent, Outcome.ACCEPTED)
    holding.look(db_now())
    attempt.delete()


def test_a_new_database_is_not_held() -> None:
    make_attempt(make_message(MessageState.SENT), Outcome.ACCEPTED)

    holding.look(db_now())
    holding.look(db_now())

    assert not holding.held()
    assert marker.read(Installation.objects.get().key) == marker.Position.present()


def test_a_database_that_lacks_a_send_is_held() -> None:
    message = make_message()
    seen_and_lost()

    holding.look(db_now())

    assert holding.held()
    message.refresh_from_db()
    assert (message.state, message.outcome, message.due_at) == (
        MessageState.WAITING,
        Outcome.UNKNOWN,
        UNTIL_RELEASED,
    )
    assert message.awaits_decision
    assert openings.openings(db_now() + timedelta(days=1)) == []


def test_what_waits_apart_for_its_destination_is_marked_too() -> None:
    message = make_message(MessageState.WAITING, parked_at=timezone.now())
    seen_and_lost()

    holding.look(db_now())

    message.refresh_from_db()
    assert (message.due_at, message.parked_at, message.outcome) == (UNTIL_RELEASED, None, Outcome.UNKNOWN)


def test_a_database_that_lacks_a_result_is_held() -> None:
    attempt = make_attempt(make_message(MessageState.SENT), Outcome.ACCEPTED)
    holding.look(db_now())
    Attempt.objects.filter(pk=attempt.pk).update(outcome="", finished_at=None)

    holding.look(db_now())

    assert holding.held()


def test_another_send_under_the_same_number_is_not_the_one_that_was_seen() -> None:
    attempt = make_attempt(make_message(MessageState.SENT), Outcome.ACCEPTED)
    holding.look(db_now())
    Attempt.objects.filter(pk=attempt.pk).update(permitted_at=timezone.now() + timedelta(minutes=5))

    holding.look(db_now())

    assert holding.held()


def test_a_permit_that_came_late_is_seen() -> None:
    early, late = (
        make_attempt(make_message(MessageState.SENDING_ASYNC), "", permitted_at=None) for _ in range(2)
    )
    now = timezone.now()
    Attempt.objects.filter(pk=late.pk).update(permitted_at=now)
    Attempt.objects.filter(pk=early.pk).update(permitted_at=now + timedelta(seconds=10))

    assert marker.Position.present().permit == marker.Seen(early.pk, now + timedelta(seconds=10))


def test_a_marker_that_lags_holds_nothing() -> None:
    make_attempt(make_message(MessageState.SENT), Outcome.ACCEPTED)
    holding.look(db_now())
    make_attempt(make_message(MessageState.SENT), Outcome.ACCEPTED)

    assert not marker.read(Installation.objects.get().key).is_lacking  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"permit": {"attempt": 1}}', '{"other": {"attempt": 1, "at": "2026-01-01"}}', "\x00"],
)
def test_a_broken_marker_holds_nothing(content: str, settings: Any) -> None:
    seen_and_lost()
    file = settings.MARKER_DIRECTORY / f"{Installation.objects.get().key.hex}.json"
    assert file.exists()
    file.write_text(content)

    holding.look(db_now())

    assert not holding.held()


def test_a_directory_that_cannot_be_written_holds_nothing(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings.MARKER_DIRECTORY = tmp_path / "file" / "markers"
    make_attempt(make_message(MessageState.SENT), Outcome.ACCEPTED)

    holding.look(db_now())

    assert not holding.held()


def test_the_same_backup_restored_twice_is_held_twice() -> None:
    seen_and_lost()
    key = Installation.objects.get().key
    holding.look(db_now())
    holding.lift(now=db_now())
    assert not holding.held()

    Installation.objects.update(key=key)
    holding.look(db_now())

    assert holding.held()


def test_markers_of_the_lost_database_hold_nothing_once_it_was_decided() -> None:
    seen_and_lost()
    holding.look(db_now())
    holding.lift(now=db_now())

    holding.look(db_now())

    assert not holding.held()


def test_a_message_that_was_being_sent_is_marked_and_its_attempt_closed() -> None:
    now = timezone.now()
    mail, sms = (
        make_message(MessageState.SENDING_ASYNC, type, lease_until=now - timedelta(minutes=1))
        for type in (MessageType.EMAIL, MessageType.SMS)
    )
    permitted, claimed = make_attempt(mail, ""), make_attempt(sms, "", permitted_at=None)
    seen_and_lost()

    holding.look(db_now())

    assert {
        (row.state, row.outcome, row.due_at)
        for row in (Message.objects.get(pk=mail.pk), Message.objects.get(pk=sms.pk))
    } == {(MessageState.WAITING, Outcome.UNKNOWN, UNTIL_RELEASED)}
    assert {Attempt.objects.get(pk=each.pk).outcome for each in (permitted, claimed)} == {Outcome.UNKNOWN}


def test_what_a_living_worker_sends_is_awaited_before_anything_leaves() -> None:
    sending = make_message(MessageState.SENDING_ASYNC)
    seen_and_lost()

    holding.look(db_now())
    assert not holding.lift(now=db_now())
    Message.objects.filter(pk=sending.pk).update(
        state=MessageState.SENT, lease_until=None, sent_at=db_now(), outcome=Outcome.ACCEPTED
    )
    holding.look(db_now())

    assert holding.lift(now=db_now())


def test_what_comes_later_is_accepted_waits_and_leaves_unmarked() -> None:
    seen_and_lost()
    holding.look(db_now())
    new = make_message()

    holding.look(db_now())
    assert openings.openings(db_now()) == []
    holding.lift(now=db_now())

    assert [opening.lane_id for opening in openings.openings(db_now())] == [new.lane_id]
    new.refresh_from_db()
    assert (new.outcome, new.restored_at) == ("", None)


def test_released_messages_are_due_as_possible_duplicates_and_text_messages_only_if_wanted() -> None:
    mail, sms = make_message(), make_message(type=MessageType.SMS)
    seen_and_lost()
    holding.look(db_now())
    holding.lift(now=db_now())

    assert holding.release(Message.objects.all(), sms=False, seconds=10) == 1
    assert {opening.lane_id for opening in openings.openings(db_now())} == {mail.lane_id}
    assert holding.standing() is not None
    assert holding.release(Message.objects.all(), sms=True, seconds=10) == 1

    assert {opening.lane_id for opening in openings.openings(db_now())} == {mail.lane_id, sms.lane_id}
    assert set(
        Message.objects.filter(pk__in=[mail.pk, sms.pk]).values_list("possible_duplicate", flat=True)
    ) == {True}
    assert holding.standing() is None


def test_some_are_released_and_others_ended() -> None:
    one, other = make_message(destination="one@example.org"), make_message(destination="other@example.org")
    seen_and_lost()
    holding.look(db_now())
    holding.lift(now=db_now())

    holding.release(Message.objects.filter(destination="one@example.org"), sms=False, seconds=10)
    assert holding.end(Message.objects.all(), seconds=10) == 1

    one.refresh_from_db()
    other.refresh_from_db()
    assert (one.state, one.possible_duplicate) == (MessageState.WAITING, True)
    assert (other.state, other.outcome, other.may_have_been_delivered) == (
        MessageState.FAILED,
        Outcome.UNKNOWN,
        True,
    )
    assert holding.standing() is None


def test_open_bulk_resends_rest_and_what_they_had_left_is_doubtful(providers: StandIns) -> None:
    person = officer()
    failed, done = make_message(MessageState.FAILED), make_message(MessageState.FAILED)
    job = make_job(person, state=JobState.RUNNING, created_at=timezone.now() - timedelta(hours=1))
    export = make_job(person, JobKind.EXPORT)
    job.items.create(message=failed)
    job.items.create(message=done, outcome="RESENT")
    seen_and_lost()

    holding.look(db_now())

    job.refresh_from_db()
    export.refresh_from_db()
    assert (job.state, job.lease_until, export.state) == (JobState.PAUSED, None, JobState.QUEUED)
    assert "restored from a backup" in job.reason
    failed.refresh_from_db()
    done.refresh_from_db()
    assert (failed.may_have_been_delivered, done.may_have_been_delivered) == (True, False)
    again = outbox.resend(failed, by=person).message
    assert again.possible_duplicate
    assert not outbox.resend(done, by=person).message.possible_duplicate


def test_jobs_take_no_turn_while_it_is_held() -> None:
    export = make_job(officer(), JobKind.EXPORT)
    seen_and_lost()
    holding.look(db_now())

    assert jobs.claim(2) is None
    assert not jobs.stalled(db_now() + timedelta(hours=1), patience=timedelta(), since=db_now())
    holding.lift(now=db_now())
    assert jobs.claim(2) == ("commlog.jobs.run", (export.pk, 1), 6 * 3600)


def test_a_cluster_is_not_started_anew_because_of_it() -> None:
    make_message(due_at=db_now() - timedelta(hours=1))
    seen_and_lost()
    holding.look(db_now())
    make_message(due_at=db_now() - timedelta(hours=1))

    health.stalled(db_now())
    assert not health.stalled(db_now() + timedelta(minutes=5))
    assert health.survey(db_now()).held == 1


def test_a_cluster_looks_before_it_hands_anything_out() -> None:
    make_message()
    seen_and_lost()

    assert MessageBroker().dequeue() is None

    assert holding.held()


def test_many_are_marked_and_released_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "_BATCH", 2)
    for _ in range(5):
        make_message()
    seen_and_lost()

    holding.look(db_now())

    assert holding.marked().count() == 5
    assert holding.release(Message.objects.all(), sms=False, seconds=10) == 5


def test_the_mail_that_says_so_leaves_alone(settings: Any, providers: StandIns) -> None:
    settings.ALERT_EMAIL = "operations@example.org"
    make_message()
    seen_and_lost()

    holding.look(db_now())
    (task,) = OrmQ.objects.all()
    assert task.func() == "notifications.tasks.send_alone"
    assert tasks.send_alone(*task.task["args"])

    (mail,) = providers.journal("EMAIL")
    assert mail["destination"] == "operations@example.org"
    alert = Message.objects.get(event="ALERT")
    assert alert.state == MessageState.SENT
    assert "/administration/after-restore/" in alert.content


def test_the_mail_that_says_so_waits_where_its_server_is_paused(settings: Any, providers: StandIns) -> None:
    settings.ALERT_EMAIL = "operations@example.org"
    seen_and_lost()
    holding.look(db_now())
    alert = Message.objects.get(event="ALERT")
    Lane.objects.filter(pk=alert.lane_id).update(paused_at=db_now())

    assert not tasks.send_alone(alert.pk)

    assert providers.journal("EMAIL") == []
