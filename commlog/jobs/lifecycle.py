"""Actions of people on jobs. Each is one conditional UPDATE, so that repeating it has no effect."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from commlog import audit
from commlog.audit import AuditAction
from commlog.log import writing
from commlog.log.query import LogQuery, Selection
from commlog.models import Job, User
from commlog.models.job import ACTIVE, OPEN, JobKind, JobState, Wish
from notifications.database.clock import db_now
from notifications.models import Incident, Message, newest_id

_ACTS = {JobKind.RESEND: AuditAction.RESENT, JobKind.EXPORT: AuditAction.EXPORTED}
MOST_OPEN = 20  # jobs of one owner


class TooManyOpen(Exception):
    """The owner has as many open jobs as one person may have. The text says so to a clerk."""

    def __init__(self) -> None:
        super().__init__(
            f"You have {MOST_OPEN} open jobs, the maximum. Wait until one has finished, or cancel one."
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """A job's selection. `words`: its conditions for people."""

    query: LogQuery
    words: str

    @classmethod
    def of(cls, chosen: Selection, words: str = "") -> "Asked":
        """Return a selection. Raises ValueError if it is not sound."""
        if not chosen.sound:
            raise ValueError("what is not understood is never exported or resent")
        return cls(chosen.query, words or chosen.words())


def create(
    kind: JobKind,
    *,
    owner: User,
    asked: Asked,
    total: int = 0,
    options: dict[str, Any] | None = None,
    newest: int | None = None,
    key: UUID | None = None,
    freeze: Callable[[Job], int] | None = None,
    approval_above: int = 0,
    incident: Incident | None = None,
) -> Job:
    """Create a job over the selection, and record its creator. Raises TooManyOpen.

    `newest`: the largest message id included. `freeze` stores the job's items in the same transaction and
    returns their number; above `approval_above` (unless 0) the job waits for a second person.
    """
    now, place = db_now(), asked.query.place
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).only("pk").get(pk=owner.pk)  # two forms at once
        if Job.objects.filter(owner=owner, state__in=OPEN).count() >= MOST_OPEN:
            raise TooManyOpen
        job = Job.objects.create(
            key=key or uuid4(),
            kind=kind,
            owner=owner,
            state=JobState.QUEUED,
            due_at=now,
            created_at=now,
            log=place.kind,
            whom=place.key,
            pairs=[list(pair) for pair in writing.pairs(asked.query)],
            newest=newest_id(Message) if newest is None else newest,
            words=asked.words,
            options=options or {},
            total=total,
            incident=incident,
        )
        if freeze:
            job.total = freeze(job)
            if approval_above and job.total > approval_above:
                job.state, job.due_at = JobState.AWAITING_APPROVAL, None
            job.save(update_fields=["total", "state", "due_at"])
        said = {"filter": job.words, "log": place.kind.label, "messages": job.total, **job.options}
        audit.record(owner, _ACTS[kind], job, after=said)
    return job


def approve(job: Job, *, by: User) -> bool:
    """Approve the job. Return whether that changed anything."""
    return _decide(job, by, "Approved", state=JobState.QUEUED, due_at=db_now())


def reject(job: Job, *, by: User) -> bool:
    """Reject the job. Return whether that changed anything."""
    reason = f"{by.name} did not approve it."
    return _decide(job, by, "Not approved", state=JobState.CANCELLED, finished_at=db_now(), reason=reason)


def pause(job: Job, *, by: User) -> bool:
    """Pause at once, or at its worker's next step. Return whether that changed anything."""
    return _halt(job, by, JobState.PAUSED, Wish.PAUSE, ACTIVE, reason=f"Paused by {by.name}.")


def cancel(job: Job, *, by: User) -> bool:
    """Cancel at once, or at its worker's next step. Return whether that changed anything."""
    return _halt(job, by, JobState.CANCELLED, Wish.CANCEL, OPEN, reason=f"Cancelled by {by.name}.")


def resume(job: Job, *, by: User) -> bool:
    """Resume. Return whether that changed anything."""
    anew = {"state": JobState.QUEUED, "due_at": db_now(), "mark_at": None, "rate": None, "reason": ""}
    with transaction.atomic():
        hit = _these(job).filter(state=JobState.PAUSED).update(**anew)
        if not hit:
            asked = _these(job).filter(state=JobState.RUNNING, wish=Wish.PAUSE)
            hit = asked.update(wish=Wish.NONE, reason="")
        return _recorded(job, by, hit, JobState.PAUSED.label, "Resumed")


def _decide(job: Job, by: User, said: str, **changes: Any) -> bool:
    with transaction.atomic():
        waiting = _these(job).filter(state=JobState.AWAITING_APPROVAL).exclude(owner=by)
        hit = waiting.update(approver=by, **changes)
        return _recorded(job, by, hit, JobState.AWAITING_APPROVAL.label, said)


def _halt(
    job: Job, by: User, state: JobState, wish: Wish, states: tuple[JobState, ...], *, reason: str
) -> bool:
    ended = {"finished_at": timezone.now()} if state == JobState.CANCELLED else {}
    at_rest = {"state": state, "due_at": None, "lease_until": None, "wish": Wish.NONE, "reason": reason}
    with transaction.atomic():
        nobodys = _these(job).filter(Q(lease_until=None) | Q(lease_until__lt=db_now()), state__in=states)
        # The token moves on: a worker that was thought lost can record nothing any more.
        hit = nobodys.update(token=F("token") + 1, **at_rest, **ended)
        if not hit:
            running = _these(job).filter(state=JobState.RUNNING).exclude(wish__in=[wish, Wish.CANCEL])
            hit = running.update(wish=wish, reason=reason)
        return _recorded(job, by, hit, job.get_state_display(), state.label)


def _recorded(job: Job, by: User, hit: int, before: str, after: str) -> bool:
    if hit:
        audit.record(by, AuditAction.CHANGED, job, before={"state": before}, after={"state": after})
    return bool(hit)


def _these(job: Job) -> QuerySet[Job]:
    return Job.objects.filter(pk=job.pk)
