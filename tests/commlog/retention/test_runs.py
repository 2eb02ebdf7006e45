"""What goes in a night, what stays and why, and that nothing goes before somebody has said so."""

import gzip
import hashlib
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.storage import storages
from django.db import IntegrityError, connection, transaction
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commlog import audit
from commlog.audit import AuditAction
from commlog.models import (
    AccessRecord,
    AuditEntry,
    AuditKey,
    CustomView,
    JobItem,
    RetentionFile,
    RetentionObstacle,
    RetentionPeriod,
    RetentionRun,
    User,
)
from commlog.models.job import JobState
from commlog.models.retention import Kept
from commlog.retention import holds, other_tables, periods, runs
from commlog.retention.batches import Batches, Changed
from commlog.retention.chains import Place
from notifications.content import COLUMNS, FACTS
from notifications.database.clock import db_now
from notifications.forgetting import rows as of_rows
from notifications.forgetting import words as of_words
from notifications.models import (
    Attempt,
    Backfill,
    BusinessEvent,
    DeliveryReceipt,
    Message,
)
from notifications.states import MessageState, MessageType, Outcome
from tests.factories import admin, make_client, make_incident, make_job, make_lane, make_message

pytestmark = pytest.mark.django_db

NOW = timezone.now()
FAILED, SENT = MessageState.FAILED, MessageState.SENT


@pytest.fixture
def boss() -> User:
    return admin()


def old(days: float, state: MessageState = SENT, **fields: Any) -> Message:
    """A message of so many days ago, with an attempt and a receipt."""
    at = NOW - timedelta(days=days)
    message = make_message(state, created_at=at, now=at, **fields)
    if state == SENT:
        Attempt.objects.create(
            message=message, number=1, token=1, worker="w", due_at=at, opened_at=at, finished_at=at,
            outcome=Outcome.ACCEPTED,
        )  # fmt: skip
        DeliveryReceipt.objects.create(message=message, status="DELIVERED", received_at=at)
    return message


def set_period(boss: User, **days: int | None) -> None:
    """Set periods, and have their wait be over."""
    periods.change({Kept[name]: value for name, value in days.items()}, by=boss)
    RetentionPeriod.objects.update(starts_at=NOW - timedelta(days=2))


def work() -> RetentionRun:
    """Do a night's work at once."""
    run = runs.open_run(db_now()) or RetentionRun.objects.get(finished_at=None, counts_only=False)
    finish(run)
    return run


def finish(run: RetentionRun) -> None:
    for token in range(run.token + 1, run.token + 20):
        RetentionRun.objects.filter(pk=run.pk).update(token=token)
        said = runs.turn(run.pk, token)
        if said != "to be continued":
            break
    run.refresh_from_db()
    assert said == "done", said


def delete_now(message: Message) -> None:
    """Delete it, and have what else is checked at the end of a transaction checked."""
    of_rows.delete([message.pk])
    connection.check_constraints()


def keys() -> set[str]:
    return set(Message.objects.values_list("subject", flat=True))


def test_nothing_goes_until_somebody_has_set_a_period(boss: User) -> None:
    old(3_000)
    assert runs.tick() == ""
    assert work().gone == dict.fromkeys(work().gone, 0)
    assert Message.objects.count() == 1


def test_a_new_or_shorter_period_waits_a_day_and_counts_what_will_go(boss: User) -> None:
    for days in (1, 40, 400, 400):
        old(days)
    periods.change({Kept.MESSAGES: 365}, by=boss)
    assert RetentionPeriod.objects.get(what=Kept.MESSAGES).days_at(db_now()) is None
    assert work().gone.get("MESSAGES", 0) == 0

    later = RetentionPeriod.objects.get().starts_at
    assert timedelta(hours=23, minutes=59) < later - db_now() <= timedelta(hours=24)
    assert runs.next_night(db_now()) >= later
    count = runs.count_anew(db_now())
    assert count
    finish(count)
    assert (count.gone["MESSAGES"], Message.objects.count()) == (2, 4)

    periods.change({Kept.MESSAGES: 500}, by=boss)  # shorter than for ever, too
    periods.change({Kept.MESSAGES: None}, by=boss)  # at once
    assert RetentionPeriod.objects.get().starts_at <= db_now()
    entries = AuditEntry.objects.filter(target_kind="retention period").order_by("pk")
    assert [entry.after["kept"] for entry in entries if entry.after] == ["365 days", "500 days", "for ever"]


def test_words_go_first_and_then_whole_chains_with_all_that_stands_on_them(boss: User) -> None:
    root = old(500, FAILED, subject="root")
    old(300, FAILED, subject="resend", first=root, resend_of=root)
    old(500, subject="alone")
    text = old(100, subject="text", html="<p>x</p>", headers={"Authorization": "secret"}, auth_username="u")
    old(1, subject="young")
    set_period(boss, WORDS=90, MESSAGES=365)

    run = work()

    assert (run.gone["WORDS"], run.gone["MESSAGES"]) == (4, 1)
    assert Attempt.objects.count() == DeliveryReceipt.objects.count() == 2
    text.refresh_from_db()
    assert (text.subject, text.content, text.html, text.headers, text.auth_username) == ("", "", "", {}, "")
    assert text.words_gone_at == run.as_of
    assert (text.state, text.destination) == (SENT, "ana@example.org")
    assert keys() == {"", "young"}  # the chain waits for its last row
    assert Message.objects.filter(first=root).exists()
    assert run.longest_batch < 5
    assert set(of_words.EMPTIED) | FACTS == set(COLUMNS.values()) | {"event"}
    entry = AuditEntry.objects.filter(action=AuditAction.CHANGED, target_kind="retention").get()
    assert entry.automatic
    assert entry.after == {"deleted": {"Text of messages": 4, "Messages": 1}}


def test_what_is_live_held_in_an_open_job_or_incident_stays_and_says_why(boss: User) -> None:
    held_client, lane = make_client(), make_lane(name="failing")
    live = old(400, MessageState.WAITING, due_at=NOW + timedelta(days=1))
    held = old(400, client=held_client)
    in_job, failed = old(400, FAILED), old(400, FAILED, lane=lane, failed_at=NOW - timedelta(days=400))
    exported, goes = old(400, destination="canary@example.org"), old(400, FAILED)
    job = make_job(boss)
    JobItem.objects.create(job=job, message=in_job)
    over = make_job(boss, state=JobState.DONE)
    JobItem.objects.create(job=over, message=goes, new=exported, outcome="RESENT")
    make_incident(lane, began_at=NOW - timedelta(days=401))
    hold = holds.place(held_client, reason="Court order", until=None, by=boss)
    set_period(boss, MESSAGES=365)

    run = work()

    why = dict(RetentionObstacle.objects.values_list("chain", "why"))
    assert why == {live.pk: "LIVE", held.pk: "HOLD", in_job.pk: "JOB", failed.pk: "INCIDENT"}
    assert not Message.objects.filter(pk__in=[goes.pk, exported.pk]).exists()
    assert not JobItem.objects.filter(job=over).exists()
    assert run.stayed == {"MESSAGES": {"HOLD": 1, "INCIDENT": 1, "JOB": 1, "LIVE": 1}}

    holds.lift(hold, by=boss)
    assert work().gone["MESSAGES"] == 1
    assert not RetentionObstacle.objects.filter(why="HOLD").exists()


def test_a_channel_and_a_template_have_periods_of_their_own(boss: User) -> None:
    old(100, subject="e-mail")
    old(100, type=MessageType.SMS, subject="sms")
    set_period(boss, MESSAGES=30)
    periods.change_exception(("SMS", None), {Kept.WORDS: None, Kept.MESSAGES: 3_000}, by=boss)
    assert work().gone["MESSAGES"] == 1
    assert keys() == {"sms"}

    periods.end_exception(("SMS", None), by=boss)  # sooner than now: it waits
    assert work().gone.get("MESSAGES", 0) == 0
    RetentionPeriod.objects.filter(ends=True).update(starts_at=db_now())
    assert work().gone["MESSAGES"] == 1


def test_a_period_that_is_lengthened_while_a_night_works_is_obeyed(boss: User) -> None:
    old(100)
    set_period(boss, MESSAGES=30)
    run = runs.open_run(db_now())
    assert run
    periods.change({Kept.MESSAGES: 300}, by=boss)
    finish(run)
    assert Message.objects.count() == 1


def test_periods_that_changed_undo_the_batch_that_went_by_them(boss: User) -> None:
    message = old(400)
    set_period(boss, MESSAGES=365)
    run = runs.open_run(db_now())
    assert run
    period = RetentionPeriod.objects.get()
    RetentionPeriod.objects.update(reached_at=NOW, reached_pk=message.pk)
    with pytest.raises(Changed):
        Batches(run, Kept.MESSAGES).remove([message.pk], walked=(period, Place(NOW, message.pk)))
    run.refresh_from_db()
    assert (Message.objects.count(), Attempt.objects.count(), run.gone) == (1, 1, {})


def test_a_batch_takes_as_many_statements_however_much_goes(boss: User) -> None:
    messages = [old(400), *(old(400) for _ in range(5))]
    set_period(boss, MESSAGES=365)
    run = runs.open_run(db_now())
    assert run
    period = RetentionPeriod.objects.get()
    batches = Batches(run, Kept.MESSAGES)
    for those in (messages[:1], messages[1:]):
        last = those[-1]
        with CaptureQueriesContext(connection) as asked:
            batches.remove([each.pk for each in those], walked=(period, Place(last.created_at, last.pk)))
        # SQLite has no clock of its own, and one statement for each table.
        assert len(asked) == (19 if connection.vendor == "postgresql" else 23)
    assert not Message.objects.exists()
    assert run.gone["MESSAGES"] == 6


def test_a_view_on_hold_keeps_what_it_shows_now_and_later(boss: User) -> None:
    view = CustomView.objects.create(name="Failed SMS", owner=boss, conditions={"type": "SMS"})
    sms, mail = old(400, type=MessageType.SMS), old(400)
    hold = holds.place(view, reason="Ombudsman", until=NOW + timedelta(days=90), by=boss)
    view.conditions = {}
    view.save()
    set_period(boss, MESSAGES=365)
    later = old(400, type=MessageType.SMS)
    work()
    assert set(Message.objects.values_list("pk", flat=True)) == {sms.pk, later.pk}
    assert hold.words
    assert not Message.objects.filter(pk=mail.pk).exists()
    with pytest.raises(IntegrityError):  # the database refuses, whoever asks
        delete_now(sms)
    transaction.set_rollback(True)


def test_attempts_receipts_events_and_the_trail_have_periods_too(boss: User) -> None:
    message = old(100)
    event = BusinessEvent.objects.create(
        name="LOAN_REPAYMENT", occurred_at=NOW, received_at=NOW - timedelta(days=100),
        trace=[[uuid4().hex, "t", "EMAIL", "", [], [message.key.hex]]],
    )  # fmt: skip
    Message.objects.filter(pk=message.pk).update(business_event=event)
    past = NOW - timedelta(days=100)
    AuditEntry.objects.all().write(action=AuditAction.SIGNED_IN, target_label="Vera", at=past)
    AccessRecord.objects.bulk_create(
        AccessRecord(actor_name="Vera", how="OPENED", at=at) for at in (past, NOW)
    )
    held = old(100, client=make_client())
    holds.place(held.client, reason="Court order", until=None, by=boss)
    set_period(boss, ATTEMPTS=90, RECEIPTS=90, EVENTS=90, AUDIT=90, READINGS=90)

    run = work()

    expected = dict.fromkeys(("ATTEMPTS", "RECEIPTS", "EVENTS", "AUDIT", "READINGS"), 1)
    assert {name: run.gone[name] for name in expected} == expected
    message.refresh_from_db()
    assert message.business_event_id is None
    assert message.attempt_count == 1
    assert list(Attempt.objects.values_list("message", flat=True)) == [held.pk]
    assert not AuditEntry.objects.filter(action=AuditAction.SIGNED_IN).exists()
    assert [record.at for record in AccessRecord.objects.all()] == [NOW]
    if connection.vendor == "postgresql":  # in another way they stay
        for model in (AuditEntry, AuditKey, AccessRecord):
            with pytest.raises(IntegrityError), transaction.atomic():
                model._base_manager.all()._raw_delete("default")


def test_a_file_has_what_entries_of_the_trail_said(boss: User) -> None:
    entry = audit.record(boss, AuditAction.CHANGED, kind="role", label="Clerk", after={"pages": 1})
    assert entry
    table = other_tables.TABLES[Kept.AUDIT]
    (line,) = table.lines(table.rows(entry.pk - 1, 10), timezone.now() + timedelta(days=1))
    assert (line["id"], line["action"], line["target_kind"]) == (entry.pk, "CHANGED", "role")
    assert line["words"] == {"target_label": "Clerk", "before": None, "after": {"pages": 1}}


def test_it_waits_for_a_busy_queue_and_for_what_must_come_first(boss: User) -> None:
    old(400)
    set_period(boss, MESSAGES=30)
    late = make_message(due_at=NOW - timedelta(seconds=60))
    run = runs.open_run(db_now())
    assert run
    assert runs.claim_long_work(1) == ("commlog.retention.runs.turn", (run.pk, 1), 300)
    assert runs.claim_long_work(1) is None  # one worker at a time
    assert runs.turn(run.pk, 1) == "waits: messages are waiting to be sent"
    assert RetentionRun.objects.get(pk=run.pk).waits
    assert Message.objects.count() == 2
    Message.objects.filter(pk=late.pk).update(due_at=NOW + timedelta(days=1))
    Backfill.objects.create(before=NOW, oldest=1, newest=2)
    RetentionRun.objects.filter(pk=run.pk).update(token=2)
    assert runs.turn(run.pk, 2).startswith("waits: attempts")
    assert runs.turn(run.pk, 1) == "another worker's"
    Backfill.objects.all().delete()
    finish(RetentionRun.objects.get(pk=run.pk))
    assert Message.objects.count() == 1


def test_what_goes_is_kept_in_files_where_they_are_wanted(boss: User, settings: Any, tmp_path: Path) -> None:
    settings.STORAGES = settings.STORAGES | {
        "retention": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path)},
        }
    }
    gone = old(400, subject="gone", headers={"X-Secret": "s"}, auth_password="p")
    old(1)
    set_period(boss, MESSAGES=365)
    work()
    kept = RetentionFile.objects.get()
    packed = storages["retention"].open(kept.name).read()
    assert (kept.size, kept.sha256) == (len(packed), hashlib.sha256(packed).hexdigest())
    lines = [json.loads(line) for line in gzip.decompress(packed).splitlines()]
    assert [line["table"] for line in lines] == [
        "notifications_message", "notifications_attempt", "notifications_deliveryreceipt",
    ]  # fmt: skip
    assert kept.rows == 3
    assert lines[0]["key"] == str(gone.key)
    assert "auth_password" not in lines[0]


def test_a_storage_that_takes_no_file_is_told_on_the_page_and_tried_again(
    boss: User, client: Browser, settings: Any, tmp_path: Path
) -> None:
    backend = "django.core.files.storage.FileSystemStorage"
    (tmp_path / "file").touch()
    where = {"BACKEND": backend, "OPTIONS": {"location": str(tmp_path / "file")}}
    settings.STORAGES = settings.STORAGES | {"retention": where}
    old(400)
    set_period(boss, MESSAGES=365)
    run = runs.open_run(db_now())
    assert run
    assert runs.claim_long_work(1)
    assert runs.turn(run.pk, 1) == "failed: NotADirectoryError"
    client.force_login(boss)
    page = client.get("/administration/retention/").text
    assert "It is waiting, because an unexpected error occurred (NotADirectoryError)" in page
    assert Message.objects.count() == 1
    where["OPTIONS"] = {"location": str(tmp_path)}
    settings.STORAGES = settings.STORAGES | {"retention": where}
    finish(run)
    assert Message.objects.count() == 0


def test_a_night_is_opened_once_and_counted_anew_after_it(boss: User, settings: Any) -> None:
    old(400)
    set_period(boss, MESSAGES=30)
    assert runs.tick() == "a night"
    assert runs.tick() == "a count"
    assert runs.tick() == ""
    finish(RetentionRun.objects.get(counts_only=False))
    settings.RETENTION_HOUR = 3
    noon = datetime(2026, 3, 4, 12, tzinfo=timezone.get_default_timezone())
    assert runs.night(noon).hour == 3
    assert runs.night(noon.replace(hour=1)).day == 3
    assert runs.night(noon, nights=1).day == 5
