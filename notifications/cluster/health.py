"""Does due work progress? Asked by the banner of every page, by /healthz/sender and by whatever supervises
the cluster.

A cluster's own word for it is not believed: a dead one still reports "Working". What counts is the age of the
oldest due message.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet, Subquery

from notifications.channels import held_channels
from notifications.delivery.claims import LEASE
from notifications.models import Attempt, ChannelSwitch, Installation, Lane, Message
from notifications.process import this_process
from notifications.states import Circuit

PATIENCE = timedelta(seconds=30)
# Attempts are opened in the order of their ids; one that finished lately is among the newest, and no index on
# the time is needed.
_NEWEST = 1_000


class Survey(NamedTuple):
    """Since when the oldest message that nobody works on has been due (None: nothing is due), how many lanes
    are held back, and how many were said to be failing, which may be over.
    """

    due_since: datetime | None
    held: int
    failing: int = 0


# What a look of this process found to be the oldest, and when it found that first. A message can be old when
# it appears: it is due from the start of the transaction that stores it, and no row tells when that was
# committed.
_first_look: tuple[datetime, datetime] | None = None


def survey(now: datetime) -> Survey:
    """One index probe a lane, so a backlog of millions costs nothing. What is held back is not late.

    A lapsed lease is due work too: its worker is gone.
    """
    mine = Message.objects.filter(lane=OuterRef("pk"))
    due = mine.filter(due_at__lte=now, parked_at=None).order_by("due_at").values("due_at")[:1]
    lapsed = mine.filter(lease_until__lte=now).order_by("lease_until").values("lease_until")[:1]
    switches = ChannelSwitch.objects.filter(channel=OuterRef("channel"))
    restored = Installation.objects.filter(restored_at__isnull=False)
    held = Q(paused_at__isnull=False) | Q(circuit=Circuit.OPEN) | Q(switched=True) | Q(stopped=True)
    lanes = Lane.objects.annotate(
        restored=Exists(restored),
        stopped=Exists(restored.filter(lifted_at=None)),
        due=Subquery(due),
        lapsed=Subquery(lapsed),
        switched=Exists(switches.filter(Q(enabled=False) | Q(paused_at__isnull=False))),
    )
    free = ~held & ~Q(channel__in=held_channels())
    found = lanes.aggregate(
        due_first=Min("due", filter=free),
        lapsed_first=Min("lapsed"),
        held=Count("pk", filter=held | Q(restored=True)),
        failing=Count("pk", filter=Q(failing_since__isnull=False)),
    )
    times = [time for time in (found["due_first"], found["lapsed_first"]) if time is not None]
    return Survey(min(times) if times else None, found["held"], found["failing"])


def oldest_due(now: datetime) -> timedelta | None:
    """For how long the oldest message that nobody works on has been due."""
    since = survey(now).due_since
    return None if since is None else now - since


def stalled(now: datetime, *, patience: timedelta = PATIENCE, seen: Survey | None = None) -> bool:
    """Whether due work has not progressed for `patience`: two looks of this process, so far apart, found the
    same message to be the oldest that is due; and meanwhile no claim was taken or renewed, and nothing ended.
    """
    since = (seen or survey(now)).due_since
    if since is None or not _has_stood(since, now, patience):
        return False
    return now - since > patience and not _claimed_since(now - patience) and not _ended_since(now - patience)


def _has_stood(due_since: datetime, now: datetime, patience: timedelta) -> bool:
    global _first_look
    if _first_look is None or _first_look[0] != due_since:
        _first_look = (due_since, now)
    return now - _first_look[1] >= patience


@this_process.at_forget
def forget() -> None:
    """Look as for the first time (for tests: their database is emptied under it)."""
    global _first_look
    _first_look = None


def _claimed_since(time: datetime) -> bool:
    # A live drain renews its leases, so a fresh one is a worker that waits for a slow provider, not a missing
    # one. Lane by lane, as the index of claims has it: a database that was never analysed would read all
    # messages.
    claimed = (
        Message.objects.filter(lane=OuterRef("pk"), lease_until__isnull=False)
        .order_by("-lease_until")
        .values("lease_until")
    )
    return Lane.objects.annotate(last=Subquery(claimed[:1])).filter(last__gt=time + LEASE).exists()


def _ended_since(time: datetime) -> bool:
    newest: QuerySet[Attempt] = Attempt.objects.order_by("-pk")[:_NEWEST]
    return Attempt.objects.filter(pk__in=newest.values("pk"), finished_at__gte=time).exists()
