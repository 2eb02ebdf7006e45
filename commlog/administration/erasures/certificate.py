"""The page and the certificate of an erasure: counts, and what was kept. No personal data."""

from collections.abc import Sequence
from dataclasses import dataclass

from commlog.models import Erasure
from notifications.models import LegalHold
from notifications.text import keys

_COUNTS = {
    "messages": "Messages: texts and addresses",
    "cancelled": "Messages not yet sent, cancelled",
    "attempts": "Attempts: replies of servers",
    "receipts": "Delivery receipts: details",
    "stream_events": "Stream events: contents",
    "events": "Business events: contents",
    "records": "Records of clients and groups",
    "memberships": "Memberships",
    "subscriptions": "Subscriptions",
    "files": "Export files",
    "answers": "Stored answers to API calls",
    "sessions": "Sessions that named the person",
    "tasks": "Finished tasks",
    "audit": "Audit trail entries: what they said",
}
_KEPT = {
    "messages": "Messages to the person: on legal hold",
    "events": "Business events of messages on legal hold",
    "mentions": "Other entries that name the person: on legal hold",
    "audit": "Audit trail entries about messages on legal hold",
    "archives": "Files that retention wrote to its own storage: not searched",
    "shared": "Names, addresses or numbers that others have, too: not searched for in their records",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A count with its label."""

    label: str
    number: int


def done(erasure: Erasure) -> Sequence[Line]:
    """Return what was changed or deleted; rows that only named the person come last."""
    known = [Line(label, erasure.counts[name]) for name, label in _COUNTS.items() if erasure.counts.get(name)]
    named = sorted(name for name in erasure.counts if name not in _COUNTS)
    return [*known, *(Line(f"Named {name}: replaced", erasure.counts[name]) for name in named)]


def kept(erasure: Erasure) -> Sequence[Line]:
    """Return what had to be kept, and why."""
    return [Line(label, erasure.kept[name]) for name, label in _KEPT.items() if erasure.kept.get(name)]


def holds(erasure: Erasure) -> Sequence[LegalHold]:
    """Return the legal holds because of which something was kept."""
    return list(LegalHold.objects.filter(key__in=[keys.key_in(each) for each in erasure.holds]))
