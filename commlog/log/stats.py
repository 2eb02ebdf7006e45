"""The figures of the dashboard.

Each is the count of a log and leads there; nothing is counted beyond the cap, nor for long.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter

from commlog.kit.limits import A_COUNT, TookTooLong, capped, time_limit
from commlog.log import custom_views, writing
from commlog.log.conditions import meant
from commlog.log.query import LogQuery
from notifications.criteria import Criterion, Operator
from notifications.failures import Reason
from notifications.models import Message
from notifications.models.message import MessageQuerySet
from notifications.states import LIVE

LATELY = timedelta(hours=24)
_LABELS = dict(Reason.choices)
_FAILED_TODAY = LogQuery(bar=(("state", "FAILED"),), criteria=(meant(Criterion("created", Operator.TODAY)),))


@dataclass(frozen=True, slots=True)
class Figure:
    """How many messages a log holds ("" where counting took too long), and its query string.

    `state`: whose icon and colour it has.
    """

    label: str
    number: str
    query: str
    state: str = ""


@dataclass(frozen=True, slots=True)
class Failures:
    """What failed today: the whole of it, and the reasons, the most frequent first."""

    whole: Figure
    reasons: Sequence[Figure]


def figures(scope: MessageQuerySet, now: datetime) -> list[Figure]:
    """What waits now, what was sent within a day, whenever it was created, and what became of those created
    within a day.
    """
    # An open dashboard is not drawn anew for its addresses alone.
    since = (now - LATELY).isoformat(timespec="minutes")
    created, sent = (
        (meant(Criterion(field, Operator.AFTER_INCLUSIVE, (since,))),) for field in ("created", "sent")
    )
    asked = (
        ("Waiting to be sent", "WAITING", "PENDING", ()),
        ("Sent in the last 24 hours", "SENT", "SENT", sent),
        ("Failed in the last 24 hours", "FAILED", "FAILED", created),
        ("Still not delivered", "FAILED", "UNDELIVERED", created),
    )
    queries = [
        (label, icon, LogQuery(bar=(("state", state),), criteria=criteria))
        for label, icon, state, criteria in asked
    ]
    return [
        Figure(label, custom_views.number_of(query, scope), writing.url(query), icon)
        for label, icon, query in queries
    ]


def failed_today(scope: MessageQuerySet) -> Failures:
    """Today in the organisation's zone. The reasons are those of the latest failures, up to the cap."""
    latest = _FAILED_TODAY.over(scope).messages.order_by("-created_at", "-pk")
    try:
        with time_limit(A_COUNT):
            found = list(latest.values_list("failure_reason", flat=True)[: custom_views.CAP + 1])
    except TookTooLong:
        return Failures(Figure("Failed today", "", writing.url(_FAILED_TODAY)), [])
    reasons = [
        _of_reason(reason, number) for reason, number in Counter(found[: custom_views.CAP]).most_common()
    ]
    return Failures(
        Figure("Failed today", capped(len(found), custom_views.CAP), writing.url(_FAILED_TODAY)), reasons
    )


def waiting_longest(scope: MessageQuerySet) -> Message | None:
    """The oldest message that is not final: the first of each state, which an index finds, are enough to
    choose from.
    """
    slim = scope.defer("content", "html", "headers").order_by("created_at", "pk")
    oldest = [message for state in sorted(LIVE) if (message := slim.filter(state=state).first())]
    return min(oldest, key=attrgetter("created_at", "pk"), default=None)


def _of_reason(reason: str, number: int) -> Figure:
    failed_so = meant(Criterion("failure_reason", Operator.EQUALS, (reason,)))
    query = _FAILED_TODAY.replace(criteria=(*_FAILED_TODAY.criteria, failed_so))
    return Figure(
        _LABELS.get(reason, reason or "No reason was recorded"),
        capped(number, custom_views.CAP),
        writing.url(query),
    )
