"""The dashboard's figures, each the count of a log, capped and limited in time."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from commlog.kit.limits import A_COUNT, TookTooLong, capped, time_limit
from commlog.log import custom_views, writing
from commlog.log.conditions import meant
from commlog.log.query import LogQuery
from notifications.criteria import Criterion, Operator
from notifications.failures import Reason
from notifications.failures.meanings import Meaning
from notifications.models import Message
from notifications.models.message import MessageQuerySet
from notifications.states import LIVE

_LABELS = {"failure_reason": dict(Reason.choices), "failure_meaning": dict(Meaning.choices)}
_FAILED_TODAY = LogQuery(bar=(("state", "FAILED"), ("created", "TODAY")))


@dataclass(frozen=True, slots=True)
class Figure:
    """A log's count ("": took too long) and query string. `state`: its icon and colour."""

    label: str
    number: str
    query: str
    state: str = ""


@dataclass(frozen=True, slots=True)
class Failures:
    """Today's failures: the total, and the meanings, most frequent first."""

    whole: Figure
    reasons: Sequence[Figure]


def figures(scope: MessageQuerySet) -> list[Figure]:
    """Return what is waiting now, what was sent in the last day, and the results of messages created then."""
    sent = (meant(Criterion("sent", Operator.LAST_HOURS, ("24",))),)
    created = (("created", "LAST_HOURS.24"),)  # of the bar: another time is one choice away
    queries = (
        ("Waiting to be sent", "WAITING", LogQuery(bar=(("state", "PENDING"),))),
        ("Sent in the last 24 hours", "SENT", LogQuery(bar=(("state", "SENT"),), criteria=sent)),
        ("Failed in the last 24 hours", "FAILED", LogQuery(bar=(("state", "FAILED"), *created))),
        ("Still not delivered", "FAILED", LogQuery(bar=(("state", "UNDELIVERED"), *created))),
    )
    return [
        Figure(label, custom_views.number_of(query, scope), writing.url(query), icon)
        for label, icon, query in queries
    ]


def failed_today(scope: MessageQuerySet) -> Failures:
    """Return today's failures in the organisation's zone, by meaning of the latest ones, up to the cap."""
    latest = _FAILED_TODAY.over(scope).messages.order_by("-created_at", "-pk")
    try:
        with time_limit(A_COUNT):
            found = list(latest.values_list(*_LABELS)[: custom_views.CAP + 1])
    except TookTooLong:
        return Failures(Figure("Failed today", "", writing.url(_FAILED_TODAY)), [])
    kinds = Counter(_kind(*why) for why in found[: custom_views.CAP])
    reasons = [_of_kind(field, value, number) for (field, value), number in kinds.most_common()]
    return Failures(
        Figure("Failed today", capped(len(found), custom_views.CAP), writing.url(_FAILED_TODAY)), reasons
    )


def waiting_longest(scope: MessageQuerySet) -> Message | None:
    """Return the oldest message that is not final, by index from the first of each state."""
    slim = scope.defer("content", "html", "headers").order_by("created_at", "pk")
    oldest = [message for state in sorted(LIVE) if (message := slim.filter(state=state).first())]
    return min(oldest, key=attrgetter("created_at", "pk"), default=None)


def _kind(reason: str, meaning: str) -> tuple[str, str]:
    """Return a failure's group: its meaning, or its reason while no meaning is stored."""
    return ("failure_meaning", meaning) if meaning else ("failure_reason", reason)


def _of_kind(field: str, value: str, number: int) -> Figure:
    failed_so = meant(Criterion(field, Operator.EQUALS, (value,)))
    query = _FAILED_TODAY.replace(criteria=(*_FAILED_TODAY.criteria, failed_so))
    return Figure(
        _LABELS[field].get(value, value or "No reason recorded"),
        capped(number, custom_views.CAP),
        writing.url(query),
    )
