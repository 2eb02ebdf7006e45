"""Tallies of results: one count for all results recorded together, on rows that no other worker writes.

They are written in the statement that records the results.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import Q

from notifications.database import sql
from notifications.database.clock import db_now
from notifications.delivery import lane_failures
from notifications.delivery.claims import Claim
from notifications.failures import Reason
from notifications.incidents import detection
from notifications.lanes.lane_health import THE_HOUR, minute_of
from notifications.models import Attempt
from notifications.process import this_process
from notifications.rollups import hourly, inserts
from notifications.rollups.inserts import Key
from notifications.states import Outcome

_A_TURN = 10.0  # seconds for which a worker of the cluster counts what ended before there were tallies


class Ended(NamedTuple):
    """A closed attempt, its outcome, and when its call ended (`called`: there was a call).

    `final`: the message is FAILED because of it. `created_at`: when the message was created, needed only if
    it was accepted.
    """

    claim: Claim
    at: datetime
    outcome: str
    reason: str = ""
    final: bool = False
    called: bool = True
    created_at: datetime | None = None


def counted(ended: Sequence[Ended]) -> sql.Insert | None:
    """Return the insert that counts these attempts, or None if there are none."""
    if not ended:
        return None
    counts: defaultdict[Key, Counter[str]] = defaultdict(Counter)
    accepted: dict[Key, datetime] = {}
    for each in ended:
        key = Key(each.claim.lane_id, minute_of(each.at), each.outcome, each.reason)
        here = counts[key]
        here["tries"] += 1
        here["retries"] += each.claim.token > 1
        here["final"] += each.final
        here["messages"] += each.called
        if each.outcome == Outcome.ACCEPTED and each.created_at:
            accepted[key] = max(each.at, accepted.get(key, each.at))
            inserts.waited(here, each.created_at, each.at)
    _take_back([each for each in ended if each.called and each.claim.token > 1], counts)
    return inserts.to_tallies(counts, accepted, this_process.name())


def count(ended: Sequence[Ended]) -> None:
    """Count attempts that were closed without a result, in a separate statement."""
    if rows := counted(ended):
        sql.insert(rows)


def count_unknown(attempts: Iterable[tuple[int, int]], at: datetime) -> None:
    """Count attempts of unknown outcome, each given by its lane and number."""
    counts: defaultdict[Key, Counter[str]] = defaultdict(Counter)
    for lane_id, number in attempts:
        here = counts[Key(lane_id, minute_of(at), Outcome.UNKNOWN, Reason.OTHER)]
        here.update(tries=1, retries=int(number > 1))
    sql.insert(inserts.to_tallies(counts, {}, this_process.name()))


def count_failed(lane_id: int, at: datetime, *, outcome: str = "") -> None:
    """Count a message that became FAILED without a failed attempt.

    It was given up, or its provider reports that it did not arrive.
    """
    key = Key(lane_id, minute_of(at), outcome, "")
    sql.insert(inserts.to_tallies({key: Counter(final=1)}, {}, this_process.name()))


def _take_back(ended: Sequence[Ended], counts: defaultdict[Key, Counter[str]]) -> None:
    """Subtract messages that were counted at an earlier try: each counts only at its last one."""
    if not ended:
        return
    mine = {each.claim.message_id: each for each in ended}
    earlier = Attempt.objects.filter(message__in=mine).exclude(
        pk__in=[each.claim.attempt_id for each in ended]
    )
    called = earlier.filter(
        ~Q(outcome=Outcome.ABANDONED), started_at__isnull=False, finished_at__isnull=False
    )
    rows = called.order_by("number").values_list("message", "outcome", "failure_reason", "finished_at")
    last = {pk: (outcome, reason, at) for pk, outcome, reason, at in rows}
    for pk, (outcome, reason, at) in last.items():
        if at is not None and at >= mine[pk].at - THE_HOUR:
            counts[Key(mine[pk].claim.lane_id, minute_of(at), outcome, reason)]["messages"] -= 1


def sweep(seconds: float = _A_TURN) -> int:
    """Maintain failing lanes and incidents, and fold tallies older than an hour (a django-q2 task).

    Attempts from before there were tallies are counted for up to `seconds`. Returns how many tallies were
    folded.
    """
    now = db_now()
    lane_failures.sweep(now)
    detection.watch(now)
    folded = hourly.fold(now)
    hourly.fill_back(seconds)
    return folded
