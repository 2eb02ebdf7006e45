"""What an erasure's page and its certificate say: counts, and what stayed. No personal data."""

from collections.abc import Sequence
from dataclasses import dataclass

from commlog.models import Erasure
from notifications.models import LegalHold
from notifications.text import keys

_COUNTS = {
    "messages": "Messages emptied",
    "cancelled": "Messages that were under way, cancelled",
    "attempts": "Attempts emptied of what servers said",
    "receipts": "Delivery receipts emptied",
    "stream_events": "Events of streams emptied",
    "events": "Business events emptied",
    "records": "Records of clients and groups emptied",
    "memberships": "Memberships deleted",
    "subscriptions": "Subscriptions deleted",
    "files": "Files of exports deleted",
    "answers": "Answers for repeated API calls emptied",
    "sessions": "Sessions in which the person was named",
    "tasks": "Finished tasks deleted",
}
_KEPT = {
    "messages": "messages to the person are on legal hold and were not erased",
    "events": "business events belong to messages on legal hold and were not erased",
    "mentions": "other entries that name the person are on legal hold and were not changed",
    "audit": "entries of the audit trail name the person: they are never changed, and go with its period of "
    "retention",
    "archives": "files were written by retention to its own storage: they are not searched",
    "shared": "names, addresses or numbers belong to somebody else, too: where others are written of, they "
    "were not searched for",
}


@dataclass(frozen=True, slots=True)
class Line:
    """How many of what."""

    label: str
    number: int


def done(erasure: Erasure) -> Sequence[Line]:
    """Return what was changed or deleted; what only named the person last."""
    known = [Line(label, erasure.counts[name]) for name, label in _COUNTS.items() if erasure.counts.get(name)]
    named = sorted(name for name in erasure.counts if name not in _COUNTS)
    return [*known, *(Line(f"Named {name}: replaced", erasure.counts[name]) for name in named)]


def kept(erasure: Erasure) -> Sequence[Line]:
    """Return what had to stay, and why."""
    return [Line(label, erasure.kept[name]) for name, label in _KEPT.items() if erasure.kept.get(name)]


def holds(erasure: Erasure) -> Sequence[LegalHold]:
    """Return the holds for which something stayed."""
    return list(LegalHold.objects.filter(key__in=[keys.key_in(each) for each in erasure.holds]))
