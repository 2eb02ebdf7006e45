"""Selected messages that would fail again at once, counted before a bulk resend is confirmed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from django.db import connection
from django.db.models import Q
from django.db.models.expressions import RawSQL

from notifications import channels, sendable
from notifications.failures import Reason
from notifications.models import Message
from notifications.states import MessageType

MOST_READ = 10_000  # messages; the others are looked at when their turn comes, as all are once more
_AT_ONCE = 50  # texts in memory


def known_reason(channel: str, destination: str, closed: Mapping[MessageType, Reason]) -> Reason | None:
    """Return why a message would fail at once, whatever its text. `closed`: sendable.closed()."""
    return closed.get(MessageType(channel)) if destination else channels.of(channel).without_destination


def known(closed: Mapping[MessageType, Reason]) -> Q:
    """Return the condition under which known_reason has an answer."""
    return (
        Q(destination="")
        | Q(type__in=sorted(closed))
        | Q(words_gone_at__isnull=False)
        | Q(erased_at__isnull=False)
    )


def to_be_read(reason: str) -> bool:
    """Return whether a message that failed so must be read to know whether it would fail at once."""
    return reason in sendable.DOUBTFUL_REASONS


def found_by_reading(pks: Iterable[int]) -> dict[int, Reason]:
    """Return by id why each of the oldest of these would fail at once, with at most one query."""
    read = sorted(pks)[:MOST_READ]
    if not read:
        return {}
    messages = Message.objects.filter(pk__in=these(read)).order_by().only(*sendable.FIELDS)
    return {
        each.pk: error.reason for each in messages.iterator(_AT_ONCE) if (error := sendable.refusal_of(each))
    }


def by_reason(reasons: Iterable[Reason]) -> list[tuple[Reason, int]]:
    """Return how often each reason occurs, most frequent first."""
    return Counter(sorted(reasons)).most_common()


def these(pks: Sequence[int]) -> RawSQL:
    """Return the ids as a subquery with one parameter, whatever their number."""
    numbers = ",".join(map(str, pks))
    if connection.vendor == "postgresql":
        return RawSQL("SELECT unnest(%s::bigint[])", [f"{{{numbers}}}"])
    return RawSQL("SELECT value FROM json_each(%s)", [f"[{numbers}]"])
