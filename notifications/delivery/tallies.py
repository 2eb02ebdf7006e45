"""Counting results: once for all that is recorded together, in the same statement, on rows that no other
worker writes.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import Q

from notifications.database import sql
from notifications.database.clock import db_now
from notifications.delivery import failing
from notifications.delivery.claims import Claim
from notifications.failures import Reason
from notifications.incidents import watching
from notifications.lanes.lane_health import THE_HOUR, minute_of
from notifications.models import Attempt
from notifications.process import this_process
from notifications.rollups import adding, folding
from notifications.rollups.adding import Key
from notifications.states import Outcome

_A_TURN = 10.0  # seconds for which a worker of the cluster counts what ended before there were tallies


class Ended(NamedTuple):
    """An attempt that is closed now, how, and when its call ended (`called`: there was one).

    `final`: its message is FAILED thereby. `created_at`: its message; needed of what was accepted alone.
    """

    claim: Claim
    at: datetime
    outcome: str
    reason: str = ""
    final: bool = False
    called: bool = True
    created_at: datetime | None = None


def counted(ended: Sequence[Ended]) -> sql.Insert | None:
    """Return what counts these attempts; None where there are none."""
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
            adding.waited(here, each.created_at, each.at)
    _take_back([each for each in ended if each.called and each.claim.token > 1], counts)
    return adding.to_tallies(counts, accepted, this_process.name())


def count(ended: Sequence[Ended]) -> None:
    """Count attempts that were closed without a result, in a statement of its own."""
    if rows := counted(ended):
        sql.insert(rows)


def count_unknown(attempts: Iterable[tuple[int, int]], at: datetime) -> None:
    """Count attempts, each by its lane and number, of which nobody knows how they ended."""
    counts: defaultdict[Key, Counter[str]] = defaultdict(Counter)
    for lane_id, number in attempts:
        here = counts[Key(lane_id, minute_of(at), Outcome.UNKNOWN, Reason.OTHER)]
        here.update(tries=1, retries=int(number > 1))
    sql.insert(adding.to_tallies(counts, {}, this_process.name()))


def count_failed(lane_id: int, at: datetime, *, outcome: str = "") -> None:
    """Count a message that is FAILED now although no attempt has just failed: one that was given up, or of
    which its provider reports that it did not arrive.
    """
    key = Key(lane_id, minute_of(at), outcome, "")
    sql.insert(adding.to_tallies({key: Counter(final=1)}, {}, this_process.name()))


def _take_back(ended: Sequence[Ended], counts: defaultdict[Key, Counter[str]]) -> None:
    """A message that was tried before counted then, and now counts here."""
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
    """Look after lanes that are failing, fold what is older than an hour into hours, and count what ended
    before there were tallies, for so many seconds at most (a task of django-q2).

    Returns how many tallies were folded.
    """
    now = db_now()
    failing.sweep(now)
    watching.watch(now)
    folded = folding.fold(now)
    folding.fill_back(seconds)
    return folded
