"""Retention runs: opened when due, and run by workers turn by turn when there is no job."""

import logging
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils import timezone

from commlog import audit, jobs
from commlog.audit import AuditAction
from commlog.models import RetentionObstacle, RetentionPeriod, RetentionRun
from commlog.models.retention import Kept
from commlog.retention import holds, periods
from commlog.retention.leases import OTHERS, hand_out, is_at_work, is_free, take_turn, try_again
from commlog.retention.periods import Policy
from commlog.retention.work import Work
from notifications.database.clock import db_now
from notifications.models import LegalHold

_NAME = "retention"
_REST = timedelta(seconds=5)  # after which it is tried again where nothing may go
_COUNTED_EVERY = timedelta(hours=12)
_COUNTS_KEPT = timedelta(days=7)
_LOOKED_THROUGH = 15.0  # seconds a minute for the conditions of holds

logger = logging.getLogger(__name__)


def night(now: datetime, *, nights: int = 0) -> datetime:
    """Return when the current night's work begins or last began; or that of `nights` later."""
    here = timezone.localtime(now, timezone.get_default_timezone())
    first = here.replace(hour=settings.RETENTION_HOUR, minute=0, second=0, microsecond=0)
    if first > here:
        first -= timedelta(days=1)
    return first + timedelta(days=nights)


def next_night(now: datetime) -> datetime:
    """Return the next night in which every period set applies."""
    starts = RetentionPeriod.objects.order_by("-starts_at").values_list("starts_at", flat=True).first()
    found = night(now, nights=1)
    return found if starts is None or starts <= found else night(starts, nights=1)


def tick() -> str:
    """Open tonight's run, or a count of what will be deleted, and evaluate holds (a task of django-q2).

    Returns what was opened.
    """
    now, ends = db_now(), time.monotonic() + _LOOKED_THROUGH
    for hold in LegalHold.objects.active(now).filter(pairs__isnull=False):
        while time.monotonic() < ends and holds.look_through(hold):
            continue
    tonight = night(now)
    if not RetentionRun.objects.filter(counts_only=False, as_of__gte=tonight).exists() and _due(tonight):
        return "a night" if open_run(tonight) else ""
    newest = RetentionRun.objects.filter(counts_only=True).order_by("-pk").first()
    if (newest is None or newest.started_at < now - _COUNTED_EVERY) and _due(next_night(now)):
        return "a count" if count_anew(now) else ""
    return ""


def open_run(as_of: datetime, *, counts_only: bool = False) -> RetentionRun | None:
    """Open a run, unless one is open."""
    try:
        with transaction.atomic():
            if not counts_only:
                periods.begin(as_of, since=_last_night())
            return RetentionRun.objects.create(as_of=as_of, counts_only=counts_only)
    except IntegrityError:
        return None


def _last_night() -> datetime | None:
    nights = RetentionRun.objects.filter(counts_only=False).order_by("-pk")
    return nights.values_list("as_of", flat=True).first()


def count_again(now: datetime) -> None:
    """Restart a count in progress: a hold was placed or lifted."""
    if RetentionRun.objects.filter(counts_only=True).exists():
        count_anew(now)


def count_anew(now: datetime) -> RetentionRun | None:
    """Count what will be deleted from the beginning: periods or holds changed, or a night is over."""
    counts = RetentionRun.objects.filter(counts_only=True)
    counts.filter(started_at__lt=now - _COUNTS_KEPT).delete()
    counts.filter(finished_at=None).delete()
    return open_run(next_night(now), counts_only=True)


def claim_long_work(room: int) -> tuple[str, tuple[int, int], int] | None:
    """Claim a job, else a turn of a run, for the broker (settings.LONG_WORK).

    A run has one worker at a time, and takes the place of a job.
    """
    now = db_now()
    runs = list(RetentionRun.objects.filter(finished_at=None).order_by("counts_only", "pk"))
    at_work = any(is_at_work(run, now) for run in runs)
    if job := jobs.claim(room - at_work):
        return job
    free = [run for run in runs if is_free(run, now)]
    if at_work or not free or jobs.under_way(now) >= room:
        return None
    return hand_out(free[0], turn, now)


def under_way(now: datetime) -> bool:
    """Return whether a worker holds a run."""
    return any(is_at_work(run, now) for run in RetentionRun.objects.filter(finished_at=None))


def turn(run_id: int, token: int) -> str:
    """Run one turn of a claimed run (a task of django-q2). Return how it ended."""
    mine = RetentionRun.objects.filter(pk=run_id, token=token, finished_at=None)
    run = mine.first()
    if run is None:
        return OTHERS
    try:
        return take_turn(mine, Work(run).do, rest=_REST) or _finish(run)
    except Exception as error:
        logger.exception("retention %s failed and is tried again", run.key.hex)
        return try_again(mine, error)


def _finish(run: RetentionRun) -> str:
    with transaction.atomic():
        now, stayed = db_now(), run.stayed if run.counts_only else _stuck()
        ended = {"finished_at": now, "lease_until": None, "stayed": stayed, "waits": ""}
        if not RetentionRun.objects.filter(pk=run.pk, token=run.token, finished_at=None).update(**ended):
            return OTHERS
        gone = {Kept(name).label: number for name, number in run.gone.items() if number}
        if gone and not run.counts_only:
            audit.record(
                None,
                AuditAction.CHANGED,
                kind=_NAME,
                key=run.key.hex,
                label=str(run),
                after={"deleted": gone},
            )
    if not run.counts_only:
        count_anew(now)
    return "done"


def _stuck() -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    counts = RetentionObstacle.objects.values("what", "why").order_by("what", "why")
    for row in counts.annotate(number=Count("pk")):
        found.setdefault(row["what"], {})[row["why"]] = row["number"]
    return found


def _due(at: datetime) -> bool:
    policy = Policy.at_moment(at)
    return any(True for what in Kept for _ in policy.due(what))
