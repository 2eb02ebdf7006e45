"""Lanes: find a message's lane, and the lanes with messages that may be claimed now."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction

from notifications.channels import held_channels
from notifications.database import sql
from notifications.lanes.pace import LOOK_BACK, Pace
from notifications.models import Attempt, Lane, Message, newest_id
from notifications.process import this_process
from notifications.states import Circuit, MessageState, MessageType, Outcome, WaitingReason

_NEWEST = 2_000  # attempts among which those of the last seconds are
_MARKED_AT_ONCE = 1_000
# One message to a destination that failed, while the lane delivers nothing.
PROBE_EVERY = timedelta(seconds=2)
WORKS_FOR = timedelta(seconds=10)  # after a delivery, for which a lane that was in trouble counts as working
# Messages under way in one worker: to such destinations, and to failed ones while the lane delivers.
_UNTRIED_OUT, _FAILED_OUT = 2, 2
_OVERLAP = timedelta(seconds=10)
_known: dict[tuple[str, str], int] = this_process.keep({})


class LaneFinder:
    """Finds lanes during one transaction, and creates new ones."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], int] = {}

    def id(self, channel: MessageType, name: str) -> int:
        key = (channel.value, name[:300])
        pk = self._found.get(key) or _known.get(key)
        if pk is None:
            pk = Lane.objects.get_or_create(channel=key[0], name=key[1])[0].pk
            # Remembered beyond the transaction once it is committed: a lane that is rolled back must not be
            # referred to.
            transaction.on_commit(lambda: _known.__setitem__(key, pk))
        self._found[key] = pk
        return pk


class Opening(NamedTuple):
    """Due messages of a lane, and how many of them may be claimed.

    `trial`: the lane's circuit is not closed. `parked`: messages to destinations that failed. `probe`: one of
    those, to try the lane. `most_out`: how many of their kind may be under way in one worker.
    """

    lane_id: int
    channel: MessageType
    room: int
    limited: bool = False
    trial: bool = False
    parked: bool = False
    probe: bool = False
    most_out: int | None = None


# A lane is free unless a person, an administrator's switch of its channel, or a restored database holds it
# back.
_RESTORED = f"SELECT 1 FROM {sql.INSTALLATION} i WHERE i.restored_at IS NOT NULL AND i.lifted_at IS NULL"  # noqa: S608
_UNPAUSED = f"""lane.paused_at IS NULL AND NOT EXISTS ({_RESTORED}) AND NOT EXISTS (
SELECT 1 FROM {sql.SWITCH} s WHERE s.channel = lane.channel AND (s.paused_at IS NOT NULL OR NOT s.enabled))"""  # noqa: S608
ROOM = f"""lane.cap - (
SELECT COUNT(*) FROM {sql.MESSAGE} c WHERE c.lane_id = lane.id AND c.lease_until IS NOT NULL)"""  # noqa: S608
_FIRST = f"""(SELECT m.due_at FROM {sql.MESSAGE} m WHERE m.lane_id = lane.id AND m.due_at IS NOT NULL AND
m.parked_at IS PARKED
ORDER BY m.due_at, m.id LIMIT 1)"""  # noqa: S608
# Asked lane by lane in the order of an index: as an EXISTS, PostgreSQL joins it with all that is due, as long
# as it knows of little.
_OPENINGS = f"""
WITH lane AS MATERIALIZED (
SELECT lane.*, {_FIRST.replace("PARKED", "NULL")} AS due_first, {_FIRST.replace("PARKED", "NOT NULL")} AS
parked_first
FROM {sql.LANE} lane WHERE {_UNPAUSED})
SELECT lane.id, lane.channel, {ROOM},
lane.due_first <= %s, lane.parked_first <= %s, lane.circuit, lane.probe_at <= %s, COALESCE(lane.worked_at >
%s, FALSE),
lane.rate, lane.pace, lane.paced_at, lane.tokens, lane.tokens_at
FROM lane WHERE lane.due_first <= %s OR lane.parked_first <= %s
"""  # noqa: S608 - names of tables
_NEXT = f"""
SELECT lane.channel, {_FIRST.replace("PARKED", "NULL")}, {_FIRST.replace("PARKED", "NOT NULL")},
(SELECT MIN(m.lease_until) FROM {sql.MESSAGE} m WHERE m.lane_id = lane.id AND m.lease_until IS NOT NULL)
FROM {sql.LANE} lane WHERE {_UNPAUSED}
"""  # noqa: S608 - names of tables
_HELD = f"""
SELECT lane.id, lane.circuit, NOT ({_UNPAUSED}) FROM {sql.LANE} lane WHERE NOT ({_UNPAUSED}) OR lane.circuit =
'{Circuit.OPEN}'
"""  # noqa: S608


def openings(now: datetime) -> list[Opening]:
    """Return the due messages that may be claimed now, by lane. Broker and claim both decide by it."""
    moment, stopped = sql.moment(now), held_channels()
    found: list[Opening] = []
    asked = [moment, moment, moment, sql.moment(now - WORKS_FOR), moment, moment]
    for pk, channel, room, due, parked, circuit, may_probe, worked, *paced in sql.select(_OPENINGS, asked):
        if channel in stopped:
            continue
        trial, delivers = circuit != Circuit.CLOSED, _delivers(circuit, bool(worked))
        filled = Pace(*paced).filled(now.timestamp(), delivers=delivers)
        room = room if filled is None else min(room, int(filled))
        lane = Opening(pk, MessageType(channel), room, filled is not None, trial)
        if parked and delivers and room > 0:
            found.append(lane._replace(parked=True, most_out=_FAILED_OUT if trial else None))
        elif parked and not delivers and may_probe:
            found.append(lane._replace(parked=True, room=1, limited=False, probe=True))
        if due and room > 0:
            found.append(lane._replace(most_out=None if delivers else _UNTRIED_OUT))
    return found


def next_due() -> datetime | None:
    """Return when the first message that is not held back becomes due or a claim lapses, or None."""
    stopped = held_channels()
    found = [
        sql.read_moment(moment)
        for channel, *moments in sql.select(_NEXT, [])
        if channel not in stopped
        for moment in moments
        if moment is not None
    ]
    return min(found, default=None)


def works(lane: Lane, now: datetime) -> bool:
    """Return whether the lane delivers: its circuit is closed, or half open with a delivery seconds ago."""
    return _delivers(lane.circuit, lane.worked_at is not None and lane.worked_at > now - WORKS_FOR)


def _delivers(circuit: str, worked: bool) -> bool:
    return circuit == Circuit.CLOSED or (circuit == Circuit.HALF_OPEN and worked)


def take(opening: Opening, wanted: int, *, now: datetime) -> int:
    """Return how many of `wanted` messages may be claimed.

    Costs a statement only if the lane is limited or in trouble.
    """
    if opening.probe:
        return int(wanted > 0 and _take_probe(opening.lane_id, now=now))
    if not opening.limited:
        return wanted
    with transaction.atomic():
        lane = _locked(opening.lane_id)
        filled = _pace_of(lane).filled(now.timestamp(), delivers=works(lane, now))
        if filled is None:
            return wanted
        taken = min(wanted, int(filled))
        Lane.objects.filter(pk=lane.pk).update(
            tokens=filled - taken, tokens_at=max(lane.tokens_at, now.timestamp())
        )
    return taken


def _take_probe(lane_id: int, *, now: datetime) -> bool:
    """Take the right to probe the lane with one message to a failed destination.

    One worker gets it, and another one some seconds later. Returns whether this worker got it.
    """
    due = Lane.objects.filter(pk=lane_id, probe_at__lte=now).exclude(circuit=Circuit.CLOSED)
    return bool(due.update(probe_at=now + PROBE_EVERY))


def probe_at_once(lane_ids: Collection[int], *, now: datetime) -> None:
    """Have those of the lanes that are in trouble probed with the next message."""
    Lane.objects.filter(pk__in=lane_ids).exclude(circuit=Circuit.CLOSED).update(probe_at=now)


def slow_down(lane_id: int, *, rest: float = 0.0, now: datetime) -> None:
    """Set the lane's pace below what the provider accepted in the last seconds.

    The provider asked for fewer messages, and for a rest of `rest` seconds. The pace is stored in the lane's
    row, so all hosts share it. Must run inside a transaction.
    """
    pace, moment = _pace_of(_locked(lane_id)), now.timestamp()
    if pace.settles(moment):
        return
    slower = pace.slowed(_accepted(lane_id, now), moment, rest=rest)
    Lane.objects.filter(pk=lane_id).update(
        pace=slower.pace, paced_at=slower.paced_at, tokens=slower.tokens, tokens_at=slower.tokens_at
    )


def present_limit(lane: Lane, now: datetime) -> float | None:
    """Return how many messages a second may leave the lane at that moment; None: no limit."""
    return _pace_of(lane).limit(now.timestamp())


def _pace_of(lane: Lane) -> Pace:
    return Pace(lane.rate, lane.pace, lane.paced_at, lane.tokens, lane.tokens_at)


def _locked(lane_id: int) -> Lane:
    return (
        Lane.objects.select_for_update(no_key=True)
        .only("rate", "pace", "paced_at", "tokens", "tokens_at", "circuit", "worked_at")
        .get(pk=lane_id)
    )


def _accepted(lane_id: int, now: datetime) -> int:
    """Return how many of the lane's messages all hosts have had accepted in the last seconds.

    Attempts are opened in the order of their ids.
    """
    # Two steps: as a subquery, PostgreSQL asks it anew for every attempt that there is.
    newest = newest_id(Attempt)
    accepted = Attempt.objects.filter(
        pk__gt=newest - _NEWEST, outcome=Outcome.ACCEPTED, finished_at__gt=now - timedelta(seconds=LOOK_BACK)
    )
    return accepted.filter(message__lane=lane_id).count()


def held() -> dict[int, bool]:
    """Return the lanes from which nothing, or only a probe, may be claimed, and whether probes may."""
    stopped = held_channels()
    found = {pk: circuit == Circuit.OPEN and not paused for pk, circuit, paused in sql.select(_HELD, [])}
    if stopped:
        found |= dict.fromkeys(Lane.objects.filter(channel__in=stopped).values_list("pk", flat=True), False)
    return found


def mark_held(now: datetime) -> int:
    """Mark due messages of lanes that are held back as WAITING.

    Returns how many messages were marked.
    """
    return sum(_mark(lane, now) for lane in Lane.objects.filter(pk__in=held()))


def _mark(lane: Lane, now: datetime) -> int:
    """Mark from a little before the last position: a message committed late may have been due earlier."""
    due = Message.objects.filter(lane=lane, due_at__lte=now, parked_at=None).exclude(
        waiting_reason=WaitingReason.WAIT_FOR_CLOSE_CIRCUIT
    )
    if lane.marked_until:
        due = due.filter(due_at__gt=lane.marked_until - _OVERLAP)
    with transaction.atomic():
        sql.plan_for_large_tables()
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True)
        rows = list(due.order_by("due_at", "id").values_list("pk", "due_at")[:_MARKED_AT_ONCE])
        waiting = {"state": MessageState.WAITING, "waiting_reason": WaitingReason.WAIT_FOR_CLOSE_CIRCUIT}
        # All of them locked, and so still due.
        Message.objects.filter(pk__in=[pk for pk, _ in rows]).update(**waiting)
        until = rows[-1][1] if len(rows) == _MARKED_AT_ONCE else now
        Lane.objects.filter(pk=lane.pk).update(marked_until=until)
    return len(rows)
