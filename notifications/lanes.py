"""Lanes: finding a message's lane, and which lanes have work that may be claimed now."""

from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from notifications.models import Lane, Message
from notifications.states import MessageType

_known: dict[tuple[str, str], int] = {}


class LaneFinder:
    """Finds lanes for the length of one transaction, making those that are new."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], int] = {}

    def id(self, channel: MessageType, name: str) -> int:
        """The id of the lane of this name."""
        key = (channel.value, name[:300])
        pk = self._found.get(key) or _known.get(key)
        if pk is None:
            pk = Lane.objects.get_or_create(channel=key[0], name=key[1])[0].pk
            # Remembered beyond the transaction once it is committed: a lane that is rolled back must not be referred to.
            transaction.on_commit(lambda: _known.__setitem__(key, pk))
        self._found[key] = pk
        return pk


def forget() -> None:
    """Forget the lanes that this process remembers (for tests: their database is emptied under it)."""
    _known.clear()


class Opening(NamedTuple):
    """A lane with due messages, and how many of them may be claimed."""

    lane_id: int
    channel: MessageType
    room: int


def openings(now: datetime, *, channel: MessageType | None = None) -> list[Opening]:
    """The claimable lanes, of one channel or of all."""
    lanes = claimable(now) if channel is None else claimable(now).filter(channel=channel)
    rows = lanes.annotate(room=F("cap") - _claimed()).values_list("pk", "channel", "room")
    return [Opening(pk, MessageType(name), room) for pk, name, room in rows]


def claimable(now: datetime) -> QuerySet[Lane]:
    """The lanes with a due message and room below their cap. The one predicate of the broker and of the claim."""
    due = Message.objects.filter(lane=OuterRef("pk"), due_at__lte=now)
    return Lane.objects.filter(Exists(due), cap__gt=_claimed())


def _claimed() -> Coalesce:
    claimed = Message.objects.filter(lane=OuterRef("pk"), lease_until__isnull=False).order_by().values("lane").annotate(n=Count("pk"))
    return Coalesce(Subquery(claimed.values("n")), Value(0))
