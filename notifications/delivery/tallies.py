"""Counting results: once for all that is recorded together, in the same statement, on rows that no other
worker writes.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Max, Q
from django_q.models import Schedule

from notifications.database import sql
from notifications.database.clock import db_now
from notifications.delivery import failing
from notifications.delivery.failing import Try
from notifications.lanes.lane_health import THE_HOUR, minute_of
from notifications.models import Attempt, Lane, LaneTally
from notifications.process import this_process
from notifications.states import Outcome

_KEPT = THE_HOUR + timedelta(minutes=5)
_SWEEP = "sweep lane tallies"
_TALLY = LaneTally._meta.db_table
_TYPES = {
    "lane_id": "bigint",
    "minute": "integer",
    "delivered": "integer",
    "failed": "integer",
    "accepted_at": "timestamptz",
}
# WHERE 1 = 1: without it, SQLite reads ON CONFLICT as the condition of a join.
ADD = f"""
INSERT INTO {_TALLY} (lane_id, minute, worker, delivered, failed, accepted_at)
SELECT v.lane_id, v.minute, %s, v.delivered, v.failed, v.accepted_at FROM EACH WHERE 1 = 1
ON CONFLICT (lane_id, minute, worker) DO UPDATE SET
delivered = {_TALLY}.delivered + excluded.delivered, failed = {_TALLY}.failed + excluded.failed,
accepted_at = CASE WHEN excluded.accepted_at IS NULL OR excluded.accepted_at < {_TALLY}.accepted_at
THEN {_TALLY}.accepted_at ELSE excluded.accepted_at END
"""  # noqa: S608 - names of tables


class _Count:
    __slots__ = ("accepted_at", "delivered", "failed")

    def __init__(self) -> None:
        self.delivered = self.failed = 0
        self.accepted_at: datetime | None = None


def counted(tries: Sequence[Try]) -> sql.Insert | None:
    """Return what counts these tries; None where there are none."""
    if not tries:
        return None
    counts: defaultdict[tuple[int, int], _Count] = defaultdict(_Count)
    for claim, at, error in tries:
        here = counts[claim.lane_id, minute_of(at)]
        if error is not None:
            here.failed += 1
            continue
        here.delivered += 1
        if here.accepted_at is None or here.accepted_at < at:
            here.accepted_at = at
    _take_back([each for each in tries if each.claim.token > 1], counts)
    rows = [
        {
            "lane_id": lane_id,
            "minute": minute,
            "delivered": here.delivered,
            "failed": here.failed,
            "accepted_at": here.accepted_at and str(sql.moment(here.accepted_at)),
        }
        for (lane_id, minute), here in counts.items()
    ]
    return sql.Insert(ADD, rows, _TYPES, [this_process.name()])


def _take_back(tries: Sequence[Try], counts: defaultdict[tuple[int, int], _Count]) -> None:
    """A message that was tried before counted then, and now counts here."""
    if not tries:
        return
    mine = {each.claim.message_id: each for each in tries}
    earlier = Attempt.objects.filter(message__in=mine).exclude(
        pk__in=[each.claim.attempt_id for each in tries]
    )
    called = earlier.filter(
        ~Q(outcome=Outcome.ABANDONED), started_at__isnull=False, finished_at__isnull=False
    )
    last = {
        pk: (outcome, at)
        for pk, outcome, at in called.order_by("number").values_list("message", "outcome", "finished_at")
    }
    for pk, (outcome, at) in last.items():
        if at is None or at < mine[pk].at - THE_HOUR:
            continue
        here = counts[mine[pk].claim.lane_id, minute_of(at)]
        if outcome == Outcome.ACCEPTED:
            here.delivered -= 1
        else:
            here.failed -= 1


def install_schedule(**_: object) -> None:
    """Let the cluster sweep every minute (signal receiver of post_migrate)."""
    task = {"func": f"{__name__}.{sweep.__name__}", "schedule_type": Schedule.MINUTES, "minutes": 1}
    Schedule.objects.get_or_create(name=_SWEEP, defaults=task)


def sweep() -> int:
    """Tell of lanes that are failing, and delete what is older than an hour (a task of django-q2).

    Returns how many tallies were deleted.

    The last success of a lane is kept on its row.
    """
    now = db_now()
    failing.sweep(now)
    old = LaneTally.objects.filter(minute__lt=minute_of(now - _KEPT))
    for pk, last in (
        old.values("lane")
        .order_by()
        .annotate(last=Max("accepted_at"))
        .exclude(last=None)
        .values_list("lane", "last")
    ):
        Lane.objects.filter(Q(accepted_at=None) | Q(accepted_at__lt=last), pk=pk).update(accepted_at=last)
    return old.delete()[0]
