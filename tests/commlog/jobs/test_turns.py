"""How workers do jobs: claims, leases, steps, and what becomes of a lost worker's job."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from commlog import jobs
from commlog.jobs import Refused, Turn
from commlog.jobs.runner import MOST_LOSSES, RUNNERS, Runner
from commlog.models import Job, User
from commlog.models.job import JobKind, JobState
from notifications.cluster.broker import MessageBroker
from notifications.models import Message
from notifications.states import MessageState
from tests.factories import make_job, make_message, officer

pytestmark = pytest.mark.django_db
_work: list[Callable[[Turn], datetime | None]] = []


def work(turn: Turn) -> datetime | None:
    """A kind of job that does what the test wants."""
    return _work[-1](turn)


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    here = f"{__name__}.work"
    monkeypatch.setitem(RUNNERS, JobKind.RESEND, Runner(here, True, timedelta(seconds=20), 300))
    monkeypatch.setitem(RUNNERS, JobKind.EXPORT, Runner(here, False, timedelta(seconds=20), 300))
    _work[:] = [lambda turn: None]
    yield
    _work.clear()


@pytest.fixture
def owner() -> User:
    return officer()


def turn(room: int = 1) -> str:
    """What the broker and a worker do."""
    claimed = jobs.claim(room)
    assert claimed is not None
    return jobs.run(*claimed[1])


def lapse(job: Job) -> None:
    """As if its worker had been silent for longer than the lease."""
    assert Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1)) == 1


def test_the_broker_hands_out_one_job_and_leaves_a_worker_for_sending(owner: User) -> None:
    first, second = make_job(owner), make_job(owner)
    make_message()
    (job, drain) = [SignedPackage.loads(package) for _, package in MessageBroker("commlog").dequeue() or []]
    assert (job["func"], job["args"], job["timeout"]) == ("commlog.jobs.run", (first.pk, 1), 300)
    assert drain["func"] == "notifications.tasks.drain"
    # SENDER_WORKERS is 2
    (drain,) = [SignedPackage.loads(package) for _, package in MessageBroker("commlog").dequeue() or []]
    assert drain["func"] == "notifications.tasks.drain"
    assert jobs.run(first.pk, 1) == "DONE"
    ((_, package),) = [
        each
        for each in MessageBroker("commlog").dequeue() or []
        if SignedPackage.loads(each[1])["func"] == "commlog.jobs.run"
    ]
    assert SignedPackage.loads(package)["args"] == (second.pk, 1)
    assert OrmQ.objects.count() == 0


def served(times: int, room: int = 1) -> list[str]:
    """Whose jobs have the next turns."""
    found = []
    for _ in range(times):
        claimed = jobs.claim(room)
        assert claimed is not None
        found.append(Job.objects.get(pk=claimed[1][0]).owner.username)
        jobs.run(*claimed[1])
    return found


def test_owners_take_turns_however_many_jobs_one_of_them_has(owner: User) -> None:
    many, one, two = officer(username="many"), officer(username="one"), officer(username="two")
    for _ in range(500):
        make_job(many, JobKind.EXPORT)
    assert served(2) == ["many", "many"]
    make_job(one, JobKind.EXPORT), make_job(two, JobKind.EXPORT), make_job(two, JobKind.EXPORT)
    assert served(6) == ["one", "two", "many", "two", "many", "many"]
    make_job(one, JobKind.EXPORT)
    assert served(2) == ["one", "many"]


def test_a_long_resend_takes_turns_with_the_exports_of_another(owner: User) -> None:
    _work[:] = [lambda turn: timezone.now() if turn.job.kind == JobKind.RESEND else None]
    make_job(officer(username="resending"))
    exporting = officer(username="exporting")
    for _ in range(3):
        make_job(exporting, JobKind.EXPORT)
    assert served(6) == ["resending", "exporting", "resending", "exporting", "resending", "exporting"]
    assert served(2) == ["resending", "resending"]


def test_who_has_a_job_under_way_waits_for_those_who_have_none(owner: User) -> None:
    many, one = officer(username="many"), officer(username="one")
    jobs_of_many = [make_job(many, JobKind.EXPORT) for _ in range(3)]
    first = jobs.claim(2)
    assert first is not None
    assert first[1][0] == jobs_of_many[0].pk
    late = make_job(one, JobKind.EXPORT)
    second = jobs.claim(2)
    assert second is not None
    assert second[1][0] == late.pk
    assert jobs.claim(2) is None


def test_an_ordinary_task_under_way_keeps_jobs_waiting(owner: User) -> None:
    make_job(owner)
    OrmQ.objects.create(key="commlog", payload="x", lock=timezone.now() + timedelta(minutes=1))
    assert MessageBroker("commlog").dequeue() is None


def test_a_job_goes_forward_over_turns_until_it_is_done(owner: User) -> None:
    job = make_job(owner)

    def half(turn: Turn) -> datetime | None:
        with transaction.atomic():
            turn.record(done=turn.job.done + 5, outcomes={"RESENT": 4, "SKIPPED": 1})
        return timezone.now() if turn.job.done < 10 else None

    _work.append(half)
    assert (turn(), turn()) == ("to be continued", "DONE")
    job.refresh_from_db()
    assert (job.state, job.done, job.outcomes, job.reason) == (
        JobState.DONE,
        10,
        {"RESENT": 8, "SKIPPED": 2},
        "",
    )
    assert job.started_at is not None
    assert job.finished_at is not None
    assert jobs.claim(1) is None


def test_a_step_renews_the_lease_and_measures_the_rate(owner: User) -> None:
    job = make_job(owner)

    def steps(turn: Turn) -> None:
        turn.step(done=2)
        turn.job.mark_at = turn.job.mark_at and turn.job.mark_at - timedelta(seconds=6)
        lapse(job)
        turn.step(done=3, total=30)
        job.refresh_from_db()
        assert job.lease_until is not None
        assert job.lease_until > timezone.now()
        assert (job.done, job.total, round(job.rate or 0)) == (3, 30, 10)  # one in six seconds
        assert job.time_left == timedelta(minutes=27 / (job.rate or 0))

    _work.append(steps)
    assert turn() == "DONE"


def test_a_lost_worker_is_replaced_and_records_nothing_any_more(owner: User) -> None:
    job = make_job(owner)

    def lost(turn: Turn) -> None:
        lapse(job)
        assert jobs.claim(1) == ("commlog.jobs.run", (job.pk, 2), 300)
        with transaction.atomic():
            make_message(subject="must not stay")
            turn.record(done=7)

    _work.append(lost)
    assert turn() == "another worker's"
    assert not Message.objects.exists()
    job.refresh_from_db()
    assert (job.state, job.done, job.losses) == (JobState.RUNNING, 0, 1)
    assert jobs.run(job.pk, 1) == "another worker's"
    _work.append(lambda turn: turn.step(done=10))
    assert jobs.run(job.pk, 2) == "DONE"


def test_a_resumable_job_keeps_what_is_done_and_another_begins_anew(owner: User) -> None:
    for kind, kept in ((JobKind.RESEND, 3), (JobKind.EXPORT, 0)):
        job = make_job(owner, kind, JobState.RUNNING, done=3)
        lapse(job)
        assert jobs.claim(1) is not None
        job.refresh_from_db()
        assert (job.done, job.losses) == (kept, 1)
        assert jobs.run(job.pk, 2) == "DONE"


def test_a_job_that_kills_its_worker_each_time_fails(owner: User) -> None:
    job = make_job(owner)
    for _ in range(MOST_LOSSES):
        assert jobs.claim(1) is not None
        lapse(job)
    assert jobs.claim(1) is None
    job.refresh_from_db()
    assert (job.state, job.reason) == (JobState.FAILED, "3 workers in a row were lost while running it.")


def test_what_cannot_be_done_and_what_nobody_foresaw_fail_with_a_reason(
    owner: User, caplog: pytest.LogCaptureFixture
) -> None:
    refused, broken = make_job(owner), make_job(owner)

    def refuse(_: Turn) -> None:
        raise Refused("The log is closed.")

    _work.append(refuse)
    assert turn() == "FAILED"
    _work.append(lambda turn: 1 / 0)  # type: ignore[arg-type,return-value]
    assert turn() == "FAILED"
    refused.refresh_from_db(), broken.refresh_from_db()
    assert refused.reason == "The log is closed."
    assert broken.reason.startswith("An unexpected error occurred (ZeroDivisionError).")
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(("act", "state"), [(jobs.pause, JobState.PAUSED), (jobs.cancel, JobState.CANCELLED)])
def test_a_running_job_is_halted_at_its_next_step(
    owner: User, act: Callable[..., bool], state: JobState
) -> None:
    job = make_job(owner)

    def halted(turn: Turn) -> None:
        assert act(job, by=owner)
        assert not act(job, by=owner)
        with transaction.atomic():
            turn.record(done=4)  # what is done is kept
        turn.check()
        raise AssertionError("went on")

    _work.append(halted)
    assert turn() == state.lower()
    job.refresh_from_db()
    assert (job.state, job.done, job.wish) == (state, 4, "")
    assert jobs.claim(1) is None


def test_a_wish_that_comes_with_the_last_step_is_obeyed(owner: User) -> None:
    job = make_job(owner)
    _work.append(lambda turn: timezone.now() if jobs.pause(job, by=owner) else None)
    assert turn() == "paused"


def test_the_selection_is_frozen_and_its_owner_s_rights_are_asked_anew(owner: User) -> None:
    old = make_message(subject="old")
    pairs = [["q", "payment"], ["type", "EMAIL"]]
    whole = make_job(owner, newest=old.pk)
    make_job(owner, newest=old.pk, pairs=[["colour", "red"]])
    gone = make_job(owner, log="CLIENT", whom="0" * 32)
    make_message(subject="new")
    found: list[list[str]] = []
    _work.append(lambda turn: found.append([each.subject for each in turn.messages()]))
    assert turn() == "DONE"
    assert found == [["old"]]
    assert (turn(), turn()) == ("FAILED", "FAILED")
    assert list(Job.objects.filter(state="FAILED").order_by("pk").values_list("reason", flat=True)) == [
        "Its filter uses a condition that no longer exists.",
        "Ada Officer no longer has access to this log.",
    ]
    owner.groups.clear()
    Job.objects.filter(pk__in=[whole.pk, gone.pk]).delete()
    make_job(owner, pairs=pairs)
    assert turn() == "FAILED"
    User.objects.filter(pk=owner.pk).update(is_active=False)
    job = make_job(owner)
    assert turn() == "FAILED"
    job.refresh_from_db()
    assert job.reason == "Ada Officer no longer has access to Commlog."


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("job_due_or_leased_while_active", {"due_at": None}),
        ("job_lease_while_running", {"state": "PAUSED", "due_at": None, "lease_until": timezone.now()}),
        ("job_finished_with_time", {"state": "DONE", "due_at": None}),
        ("job_failed_with_reason", {"state": "FAILED", "due_at": None, "finished_at": timezone.now()}),
        ("job_state_known", {"state": "LOST", "due_at": None, "finished_at": timezone.now()}),
        ("job_kind_known", {"kind": "OTHER"}),
        ("job_approved_by_another", {"approver": "owner"}),
    ],
)
def test_the_database_refuses(owner: User, name: str, wrong: dict[str, object]) -> None:
    job = make_job(owner)
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(**(wrong | ({"approver": owner} if "approver" in wrong else {})))


def test_today_is_the_day_on_which_the_job_was_asked_for(owner: User) -> None:
    yesterday = timezone.now() - timedelta(days=1)
    message, _ = (
        make_message(state=MessageState.FAILED, now=yesterday),
        make_message(state=MessageState.FAILED),
    )
    job = make_job(owner, pairs=[["c", "created.TODAY"]], created_at=yesterday)
    assert list(Turn(job).messages()) == [message]


@pytest.mark.parametrize(
    ("state", "changes", "said"),
    [
        (JobState.QUEUED, {"due_at": 9}, True),
        (JobState.QUEUED, {"due_at": 7}, False),
        (JobState.RUNNING, {"lease_until": -9}, True),  # silent for 11 of its 20 s
        (JobState.RUNNING, {"lease_until": -11}, False),
        (JobState.PAUSED, {}, False),
        (JobState.DONE, {}, False),
    ],
)
def test_a_job_that_nobody_does_is_noticed(
    owner: User, state: JobState, changes: dict[str, int], said: bool
) -> None:
    now = timezone.now()
    make_job(owner, state=state, **{name: now - timedelta(seconds=ago) for name, ago in changes.items()})
    assert jobs.stalled(now, patience=timedelta(seconds=8), since=now - timedelta(minutes=5)) is said


def test_a_new_cluster_is_not_blamed_for_the_silence_before_it(owner: User) -> None:
    now = timezone.now()
    make_job(owner, state=JobState.RUNNING, lease_until=now + timedelta(seconds=8))  # renewed 12 s ago
    judged = [
        jobs.stalled(now, patience=timedelta(seconds=8), since=now - timedelta(seconds=age))
        for age in (20, 11, 5)
    ]
    assert judged == [True, True, False]


def test_a_job_that_waits_for_its_turn_is_not_left_alone(owner: User) -> None:
    now = timezone.now()
    make_job(owner, due_at=now - timedelta(minutes=5))
    running = make_job(owner, state=JobState.RUNNING)
    assert jobs.stalled(now, patience=timedelta(seconds=8), since=now) is False
    running.delete()
    task = OrmQ.objects.create(key="commlog", payload="x", lock=now + timedelta(minutes=1))
    assert jobs.stalled(now, patience=timedelta(seconds=8), since=now) is False
    task.delete()
    assert jobs.stalled(now, patience=timedelta(seconds=8), since=now) is True
