"""Job execution by workers: a turn is claimed under a lease, takes steps and ends; lost turns are
reassigned.
"""

import logging
import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.db.models import F, Max, Q, QuerySet
from django.http import Http404
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from commlog.log import reading
from commlog.log.places import Place
from commlog.log.query import Selection
from commlog.models import Job
from commlog.models.job import ACTIVE, JobKind, JobState, Wish
from notifications.database.clock import db_now
from notifications.models.message import MessageQuerySet
from notifications.process import this_process
from notifications.restored import holding

logger = logging.getLogger(__name__)

TURN = 5.0  # seconds after which a resumable job makes room for another one, and for a clean stop
MOST_LOSSES = 3  # a job that kills its worker each time must not do so for ever
_LATE = timedelta(seconds=3)  # that a turn may be late without the next one being late, too
_MEASURED = timedelta(seconds=5)  # the rate is what was done in so much time
_LOST = f"{MOST_LOSSES} workers in a row were lost while running it."
_BROKEN = "An unexpected error occurred ({}). Your system administrator finds it in the log of the senders."


@dataclass(frozen=True, slots=True)
class Runner:
    """How a kind of job is run: the path of its function, and whether it resumes where a lost worker stopped.

    `lease`: how long a worker may be silent before it counts as lost. `longest`: seconds after which the
    cluster kills a turn.
    """

    path: str
    resumable: bool
    lease: timedelta
    longest: int


RUNNERS: Mapping[str, Runner] = {
    JobKind.RESEND: Runner(
        "commlog.bulk.running.run", resumable=True, lease=timedelta(seconds=20), longest=300
    ),
    JobKind.EXPORT: Runner(
        "commlog.export.job.run", resumable=False, lease=timedelta(seconds=60), longest=6 * 3600
    ),
}


class Stop(Exception):
    """The worker must release the job: it was paused, cancelled or reassigned."""


class Refused(Exception):
    """The job cannot be done (any more); the text explains why to a clerk."""


@dataclass(slots=True)
class Turn:
    """A worker's turn at a job."""

    job: Job
    began: float = field(default_factory=time.monotonic)

    @property
    def over(self) -> bool:
        """Whether a resumable job should release the worker for now, or the cluster is to stop."""
        return this_process.is_to_stop() or time.monotonic() - self.began > TURN

    def messages(self) -> MessageQuerySet:
        return self.chosen().messages

    def chosen(self) -> Selection:
        """The conditions over messages that existed and that the owner may read. Raises Refused."""
        job, scope = self.job, self.scope()
        # “Today” is the day on which the job was asked for, however late its turn comes.
        chosen = reading.of_job(job).over(scope, now=job.created_at)
        if not chosen.sound:
            raise Refused("Its filter uses a condition that no longer exists.")
        return chosen

    def scope(self) -> MessageQuerySet:
        """Messages of the log that existed. Raises Refused if the owner may not open it."""
        job = self.job
        if not job.owner.is_active:
            raise Refused(f"{job.owner.name} no longer has access to Commlog.")
        try:
            return cast(MessageQuerySet, Place.of(job).scope(job.owner).filter(pk__lte=job.newest))
        except (PermissionDenied, Http404) as error:
            raise Refused(f"{job.owner.name} no longer has access to this log.") from error

    def step(self, *, done: int, total: int | None = None) -> None:
        """Record the progress. Raises Stop if the worker must release the job."""
        self.record(done=done, total=total)
        self.check()

    def record(
        self, *, done: int, total: int | None = None, outcomes: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        """Record the progress in the transaction of the work; `outcomes` are added up. Renews the lease.

        Raises Stop if the job was reassigned: the transaction must then be rolled back.
        """
        job, now, runner = self.job, db_now(), RUNNERS[self.job.kind]
        changed = self._rate(now, done) | {"done": done, "lease_until": now + runner.lease}
        if outcomes:
            job.outcomes = {
                name: job.outcomes.get(name, 0) + outcomes.get(name, 0)
                for name in {**job.outcomes, **outcomes}
            }
            changed["outcomes"] = job.outcomes
        if total is not None:
            changed["total"] = job.total = total
        if runner.resumable:
            changed["losses"] = 0
        job.done = done
        if not _mine(job).update(**changed):
            raise Stop

    def check(self) -> None:
        """Raise Stop if the job was paused, cancelled or reassigned."""
        if not _mine(self.job).filter(wish=Wish.NONE).exists():
            raise Stop

    def _rate(self, now: datetime, done: int) -> dict[str, Any]:
        job = self.job
        if job.mark_at is None:
            job.mark_at, job.mark_done = now, done
        elif now - job.mark_at < _MEASURED:
            return {}
        else:
            rate = (done - job.mark_done) / ((now - job.mark_at) / timedelta(minutes=1))
            job.rate, job.mark_at, job.mark_done = max(0.0, rate), now, done
        return {"rate": job.rate, "mark_at": job.mark_at, "mark_done": job.mark_done}


def claim(room: int) -> tuple[str, tuple[int, int], int] | None:
    """Claim the next due job, or a lost worker's. Return function, arguments and longest time; or None.

    Owners take turns. Also None if `room` jobs are running. Called by the broker (settings.LONG_WORK).
    """
    now = db_now()
    due = Job.objects.filter(Q(due_at__lte=now) | Q(lease_until__lt=now), state__in=ACTIVE).order_by(
        "due_at", "id"
    )
    owners = set(due.order_by().values_list("owner", flat=True))
    if not owners or holding.held():
        return None
    running = Counter(
        Job.objects.filter(state=JobState.RUNNING, lease_until__gte=now).values_list("owner", flat=True)
    )
    if running.total() >= room:
        return None
    job = due.filter(owner=_next_owner(owners, running)).first()
    if job is None:
        return None  # another cluster was quicker
    runner, lost = RUNNERS[job.kind], job.lease_until is not None
    mine = Job.objects.filter(pk=job.pk, token=job.token, state=job.state)
    if lost and job.losses + 1 >= MOST_LOSSES:
        ended = {"state": JobState.FAILED, "reason": _LOST, "finished_at": now}
        mine.update(lease_until=None, due_at=None, token=F("token") + 1, **ended)
        return None
    taken = {"state": JobState.RUNNING, "token": job.token + 1, "losses": job.losses + lost}
    # At a pace the next turn follows when this one was due: a cluster that rests looks for jobs every 2 s.
    since = max(job.due_at, now - _LATE) if job.due_at and job.options.get("pace") else now
    taken |= {"due_at": None, "served_at": since, "lease_until": now + runner.lease}
    taken |= {} if runner.resumable else {"done": 0, "outcomes": {}, "mark_at": None}
    if not mine.update(started_at=job.started_at or now, **taken):
        return None  # another cluster was quicker
    return "commlog.jobs.run", (job.pk, job.token + 1), runner.longest


def under_way(now: datetime) -> int:
    """Return how many jobs are held by workers."""
    return Job.objects.filter(state=JobState.RUNNING, lease_until__gte=now).count()


def _next_owner(owners: Collection[int], running: Counter[int]) -> int:
    """Return the owner with the fewest running jobs; of several, the one whose last turn began longest
    ago.
    """
    if len(owners) == 1:
        return next(iter(owners))
    served = dict(
        Job.objects.filter(owner__in=owners).order_by().values_list("owner").annotate(last=Max("served_at"))
    )
    never = datetime.min.replace(tzinfo=UTC)
    return min(owners, key=lambda owner: (running[owner], served.get(owner) or never, owner))


def stalled(now: datetime, *, patience: timedelta, since: datetime) -> bool:
    """Return whether a job is neglected: its worker silent for half its lease, or nobody claimed it for long.

    Asked by the supervisor (settings.LONG_WORK): a cluster without live workers may claim jobs and never run
    them. A lost worker's job can be claimed once its lease has ended; silence from before `since` is not
    counted.
    """
    active = list(Job.objects.filter(state__in=ACTIVE).values_list("kind", "due_at", "lease_until"))
    if active and holding.held():
        return False  # what is not to be taken is not left alone
    leases = [(RUNNERS[kind].lease, until) for kind, _, until in active if until]
    if leases or OrmQ.objects.filter(lock__gte=timezone.now()).exists():
        return any(now - max(since, until - lease) > max(patience, lease / 2) for lease, until in leases)
    return any(due_at and now - due_at > patience for _, due_at, _ in active)


def run(job_id: int, token: int) -> str:
    """Run one turn of a claimed job (a task of django-q2). Return how it ended."""
    job = Job.objects.select_related("owner").filter(pk=job_id, token=token, state=JobState.RUNNING).first()
    if job is None:
        return "another worker's"
    turn = Turn(job)
    try:
        turn.check()
        again: datetime | None = import_string(RUNNERS[job.kind].path)(turn)
    except Stop:
        return _let_go(job)
    except Refused as refusal:
        return _end(job, JobState.FAILED, reason=str(refusal))
    except Exception as error:
        logger.exception("job %s failed", job.key.hex)
        return _end(job, JobState.FAILED, reason=_BROKEN.format(type(error).__name__))
    if again is None:
        return _end(job, JobState.DONE)
    # A wish that came with the last step is obeyed now, not at the next turn.
    if _mine(job).filter(wish=Wish.NONE).update(due_at=again, lease_until=None):
        return "to be continued"
    return _let_go(job)


def _mine(job: Job) -> QuerySet[Job]:
    return Job.objects.filter(pk=job.pk, token=job.token, state=JobState.RUNNING, lease_until__isnull=False)


_IDLE: Mapping[str, Any] = {"wish": Wish.NONE, "lease_until": None, "due_at": None, "rate": None}


def _let_go(job: Job) -> str:
    if _mine(job).filter(wish=Wish.PAUSE).update(state=JobState.PAUSED, **_IDLE):
        return "paused"
    if _mine(job).filter(wish=Wish.CANCEL).update(state=JobState.CANCELLED, finished_at=db_now(), **_IDLE):
        return "cancelled"
    return "another worker's"


def _end(job: Job, state: JobState, *, reason: str = "") -> str:
    ended = _mine(job).update(state=state, reason=reason, finished_at=db_now(), **_IDLE)
    return state.value if ended else "another worker's"
