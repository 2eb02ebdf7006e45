"""Lanes: finding a message's lane, and which lanes have work that may be claimed now."""

from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from notifications import sql
from notifications.channels import held_channels
from notifications.models import Lane
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


_OPENINGS = f"""
SELECT lane.id, lane.channel, lane.cap - (SELECT COUNT(*) FROM {sql.MESSAGE} c WHERE c.lane_id = lane.id AND c.lease_until IS NOT NULL)
FROM {sql.LANE} lane WHERE EXISTS (SELECT 1 FROM {sql.MESSAGE} m WHERE m.lane_id = lane.id AND m.due_at <= %s)
"""  # noqa: S608 - names of tables


def openings(now: datetime) -> list[Opening]:
    """The lanes with a due message and room below their cap. The one predicate of the broker and of the claim."""
    rows = sql.select(_OPENINGS, [sql.moment(now)])
    held = held_channels()
    return [Opening(pk, MessageType(channel), room) for pk, channel, room in rows if room > 0 and channel not in held]
