"""Bulk resend: what is chosen, what a worker does with it, and that the report adds up."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from commlog import jobs
from commlog.bulk import running, selection
from commlog.bulk.report import report
from commlog.jobs import Asked, Turn
from commlog.log import reading
from commlog.log.places import Place
from commlog.log.query import LogQuery
from commlog.models import AuditEntry, Job, JobItem, User
from commlog.models.job import JobKind, JobState
from notifications.models import Message, newest_id
from notifications.states import MessageState, MessageType, Outcome
from tests.factories import make_client, make_message, make_resend, officer, set_up_channels

pytestmark = pytest.mark.django_db
FAILED = MessageState.FAILED


@pytest.fixture(autouse=True)
def _channels_are_set_up(settings: Any) -> None:
    set_up_channels(settings)


@pytest.fixture
def owner() -> User:
    return officer()


def make(owner: User, query: str = "", *, unknown: bool = False, **options: Any) -> Job:
    """A bulk resend of all that the conditions choose."""
    chosen = reading.of_address(f"?{query}", owner, Place()).query.rows(owner)
    bound = newest_id(Message)

    def freeze(job: Job) -> int:
        found = selection.preview(chosen.messages.filter(pk__lte=bound))
        return selection.freeze(
            job, Place().scope(owner), sorted([*found.ids, *(found.doubtful if unknown else [])])
        )

    asked = Asked.of(chosen)
    return jobs.create(JobKind.RESEND, owner=owner, asked=asked, newest=bound, options=options, freeze=freeze)


def turn() -> str:
    claimed = jobs.claim(1)
    assert claimed is not None
    return jobs.run(*claimed[1])


def outcomes(job: Job) -> dict[str, int]:
    job.refresh_from_db()
    shown = report(job)
    assert sum(line.number for line in shown.lines) == job.total
    return {line.label: line.number for line in shown.lines}


def test_a_preview_counts_people_channels_and_what_is_left_out() -> None:
    ana, bo = make_client(), make_client()
    make_message(FAILED, client=ana)
    make_message(FAILED, MessageType.SMS, client=ana)
    make_message(FAILED, client=bo)
    make_message(FAILED, destination="x@example.org")
    make_message(FAILED, destination="x@example.org", outcome=Outcome.UNKNOWN)
    make_resend(make_message(FAILED), MessageState.SENT)  # delivered
    make_resend(make_message(FAILED), MessageState.WAITING)  # under way
    make_resend(make_message(FAILED, client=bo), FAILED, client=bo)  # its newest entry stands for it
    make_resend(make_message(FAILED, outcome=Outcome.UNKNOWN), FAILED)  # an earlier attempt may have arrived
    found = selection.preview(Message.objects.all(), count_others=True)
    assert (found.total, found.people) == (5, 3)
    assert found.channels == [(MessageType.EMAIL, 4), (MessageType.SMS, 1)]
    assert (found.resent_already, found.unknown, found.with_unknown, found.not_failed) == (4, 2, 7, 2)


def test_preview_equals_processed_equals_new_rows_and_later_messages_take_no_part(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "SLICE", 2)
    failed = [make_message(FAILED, subject=str(number)) for number in range(5)]
    make_message(FAILED, outcome=Outcome.UNKNOWN)
    make_message(MessageState.SENT)
    expected = selection.preview(Message.objects.all()).total
    job = make(owner)
    make_message(FAILED, subject="later")
    assert turn() == "DONE"
    assert outcomes(job) == {"Resent as new entries": 5}
    assert (expected, job.total, job.done) == (5, 5, 5)
    assert list(
        Message.objects.filter(resend_of__isnull=False).order_by("pk").values_list("resend_of", flat=True)
    ) == [e.pk for e in failed]
    (entry,) = AuditEntry.objects.filter(action="RESENT")
    assert (entry.actor, entry.after) == (
        owner,
        {"filter": "everything", "log": "Communications", "messages": 5},
    )


def test_a_second_run_adds_none_even_where_the_first_failed_again(owner: User) -> None:
    for _ in range(3):
        make_message(FAILED)
    first, second = make(owner), make(owner)
    assert turn() == "DONE"
    new = Message.objects.filter(resend_of__isnull=False).order_by("pk")
    Message.objects.filter(pk=new[0].pk).update(state=FAILED, failure_reason="OTHER", due_at=None)
    Message.objects.filter(pk=new[1].pk).update(state="SENT", sent_at=timezone.now(), due_at=None)
    assert turn() == "DONE"
    assert new.count() == 3
    assert outcomes(first) == {"Resent as new entries": 3}
    assert {fate.label: fate.number for fate in report(first).fates} == {
        "sent": 1,
        "failed again": 1,
        "in progress": 1,
    }
    assert outcomes(second) == {
        "Skipped: already delivered": 1,
        "Skipped: already being sent": 1,
        "Skipped: already resent by someone else": 1,
    }


def test_a_worker_that_is_lost_between_slices_or_within_one_does_no_row_twice(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "SLICE", 2)
    for _ in range(5):
        make_message(FAILED)
    job = make(owner)
    real = Turn.record

    def killed(turn: Turn, **given: Any) -> None:
        if given["done"] == 4:
            raise KeyboardInterrupt  # in the transaction of the second slice
        real(turn, **given)

    monkeypatch.setattr(Turn, "record", killed)
    with pytest.raises(KeyboardInterrupt):
        turn()
    monkeypatch.setattr(Turn, "record", real)
    job.refresh_from_db()
    assert (job.state, job.done, Message.objects.filter(resend_of__isnull=False).count()) == (
        JobState.RUNNING,
        2,
        2,
    )
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert turn() == "DONE"
    assert outcomes(job) == {"Resent as new entries": 5}
    assert Message.objects.filter(resend_of__isnull=False).count() == 5


def test_what_may_have_been_delivered_only_where_it_is_wanted(owner: User) -> None:
    make_message(FAILED, outcome=Outcome.UNKNOWN)
    assert make(owner).total == 0
    assert make(owner, unknown=True).total == 1
    assert (turn(), turn()) == ("DONE", "DONE")
    assert Message.objects.count() == 2


def test_a_pace_is_kept_and_others_have_the_worker_meanwhile(owner: User) -> None:
    for _ in range(3):
        make_message(FAILED)
    job = make(owner, pace=30)  # two at a time, every four seconds
    assert turn() == "to be continued"
    job.refresh_from_db()
    assert job.done == 2
    assert job.due_at is not None
    assert job.served_at is not None
    assert job.due_at - job.served_at == timedelta(seconds=4)  # however long its worker took
    assert jobs.claim(1) is None


@pytest.mark.parametrize(("late", "made_up"), [(0, 0), (2, 2), (60, 3)])
def test_a_turn_that_begins_late_delays_no_other(owner: User, late: int, made_up: int) -> None:
    for _ in range(3):
        make_message(FAILED)
    job = make(owner, pace=30)
    due = timezone.now() - timedelta(seconds=late)
    Job.objects.filter(pk=job.pk).update(due_at=due)
    began = timezone.now()
    assert turn() == "to be continued"
    job.refresh_from_db()
    assert job.due_at is not None
    expected = began + timedelta(seconds=4 - made_up)
    assert abs(job.due_at - expected) < timedelta(seconds=0.5)


def test_long_texts_make_a_slice_shorter(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MOST_TEXT", 100)
    for length in (60, 30, 30, 500, 10):
        make_message(FAILED, content="x" * length)
    job = make(owner)
    sizes = []
    while length := running._slice(Turn(Job.objects.get(pk=_claimed(job).pk)), 200):
        sizes.append(length)
        Job.objects.filter(pk=job.pk).update(state="QUEUED", due_at=timezone.now(), lease_until=None)
    assert sizes == [2, 1, 1, 1]


def _claimed(job: Job) -> Job:
    assert jobs.claim(1) is not None
    job.refresh_from_db()
    return job


def test_somebody_who_lost_the_permission_resends_nothing(owner: User) -> None:
    make_message(FAILED)
    job = make(owner)
    owner.groups.set([owner.groups.model.objects.get(name="Viewer")])
    assert turn() == "FAILED"
    job.refresh_from_db()
    assert job.reason == "Ada Officer no longer has the permission to resend messages."
    assert outcomes(job) == {"Not processed": 1}
    assert Message.objects.count() == 1


def test_a_filter_that_is_not_understood_makes_no_job(owner: User) -> None:
    make_message(FAILED)
    with pytest.raises(ValueError, match="never exported or resent"):
        make(owner, "colour=red")
    assert not Job.objects.exists()


def test_more_than_the_threshold_waits_for_a_second_person(owner: User) -> None:
    for _ in range(2):
        make_message(FAILED)
    chosen = LogQuery().rows(owner)

    def freeze(job: Job) -> int:
        return selection.freeze(job, chosen.messages, selection.preview(chosen.messages).ids)

    given = {"owner": owner, "asked": Asked.of(chosen), "freeze": freeze}
    assert jobs.create(JobKind.RESEND, **given, approval_above=2).state == JobState.QUEUED
    job = jobs.create(JobKind.RESEND, **given, approval_above=1)
    assert job.state == JobState.AWAITING_APPROVAL
    assert turn() == "DONE"
    assert jobs.claim(1) is None
    assert jobs.approve(job, by=officer(username="second"))
    assert turn() == "DONE"
    assert JobItem.objects.filter(job=job, outcome="UNDER_WAY").count() == 2
