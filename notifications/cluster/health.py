"""The health of sending: whether due work progresses.

It is used by the banner of every page, by /healthz/sender and by whatever supervises the cluster. A cluster's
own report is not used: a dead one still reports "Working". What counts is the age of the oldest due message.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection
from django.db.models import OuterRef, QuerySet, Subquery

from notifications.channels import held_channels
from notifications.database.sql import read_moment
from notifications.delivery.claims import LEASE
from notifications.models import Attempt, Lane, Message
from notifications.process import this_process
from notifications.states import Circuit

PATIENCE = timedelta(seconds=30)
# Attempts are opened in the order of their ids; one that finished lately is among the newest, and no index on
# the time is needed.
_NEWEST = 1_000


class Survey(NamedTuple):
    """The state of due work.

    `due_since`: when the oldest message became due that no worker has (None: none is due). `held`: how many
    lanes are held back. `failing`: how many lanes were marked as failing, which may be over.
    """

    due_since: datetime | None
    held: int
    failing: int = 0


# What a look of this process found to be the oldest, and when it found that first. A message can be old when
# it appears: it is due from the start of the transaction that stores it, and no row tells when that was
# committed.
_first_look: tuple[datetime, datetime] | None = None


# One index probe a lane. What is held is not late; a lapsed lease is due: its worker is gone. Written out, as
# every page asks it and putting it together took a quarter of a plain page's time.
_SURVEY = """SELECT min(CASE WHEN held OR channel IN ({channels}) THEN NULL ELSE due END), min(lapsed),
       count(CASE WHEN held OR restored THEN 1 END), count(failing_since)
FROM (
    SELECT lane.channel, lane.failing_since, restored.found AS restored,
           lane.paused_at IS NOT NULL OR lane.circuit = %s OR restored.stopped
             OR EXISTS (SELECT 1 FROM notifications_channelswitch AS switch
                        WHERE switch.channel = lane.channel
                          AND (NOT switch.enabled OR switch.paused_at IS NOT NULL)) AS held,
           (SELECT due_at FROM notifications_message
            WHERE lane_id = lane.id AND due_at <= %s AND parked_at IS NULL ORDER BY due_at LIMIT 1) AS due,
           (SELECT lease_until FROM notifications_message WHERE lane_id = lane.id AND lease_until <= %s
            ORDER BY lease_until LIMIT 1) AS lapsed
    FROM notifications_lane AS lane
    CROSS JOIN (SELECT EXISTS (SELECT 1 FROM notifications_installation
                               WHERE restored_at IS NOT NULL) AS found,
                       EXISTS (SELECT 1 FROM notifications_installation
                               WHERE restored_at IS NOT NULL AND lifted_at IS NULL) AS stopped) AS restored
) AS lanes
"""


def survey(now: datetime) -> Survey:
    """Return what is due and what is held back, by one statement."""
    held = [str(channel) for channel in held_channels()] or [""]
    at = connection.ops.adapt_datetimefield_value(now)
    sql = _SURVEY.format(channels=", ".join(["%s"] * len(held)))
    with connection.cursor() as cursor:
        cursor.execute(sql, [*held, Circuit.OPEN, at, at])
        *times, lanes_held, failing = cursor.fetchone()
    known = [read_moment(time) for time in times if time is not None]
    return Survey(min(known) if known else None, lanes_held, failing)


def is_late(now: datetime, *, by: timedelta) -> bool:
    """Return whether a message has waited longer than `by` for a sender."""
    since = survey(now).due_since
    return since is not None and now - since > by


def stalled(now: datetime, *, patience: timedelta = PATIENCE, seen: Survey | None = None) -> bool:
    """Return whether due work has not progressed for `patience`.

    That means two looks of this process, that far apart, found the same oldest due message, and meanwhile no
    claim was taken or renewed and no attempt ended.
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
    """Forget the first look, for tests whose database is emptied."""
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
