"""Lanes: finding a message's lane, and which lanes have work that may be claimed now."""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction

from notifications import sql
from notifications.channels import held_channels
from notifications.models import Attempt, Lane, Message
from notifications.states import Circuit, MessageState, MessageType, Outcome, WaitingReason

_BUCKET = 0.25  # seconds of a limited lane's rate that may leave at once
_BELOW = 0.9  # of what its provider took lately: the pace of a lane that was told to slow down
_GROWTH = 1.02  # a second, from then on
_SLOWEST, _FREE = 1.0, 2_000.0  # messages a second; a pace that has grown beyond _FREE holds nothing back
_LOOK_BACK = timedelta(seconds=2)  # over which is counted what a provider took
_SETTLES = 1.0  # seconds in which answers to what left before may still come
_LONGEST_REST = 60.0  # seconds that a provider may ask for
_NEWEST = 2_000  # attempts among which those of the last seconds are
_MARKED_AT_ONCE = 1_000
_PROBE_TAKES = timedelta(seconds=75)  # longer than any deadline: then its worker is lost, and another may try
_OVERLAP = timedelta(seconds=10)
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
    """A lane with due messages, and how many of them may be claimed. `probe`: it is in trouble, and one message may try it."""

    lane_id: int
    channel: MessageType
    room: int
    probe: bool = False
    limited: bool = False


# A lane is free unless a person, an administrator's switch of its channel, or its circuit holds it back.
_UNPAUSED = f"""lane.paused_at IS NULL AND NOT EXISTS (
SELECT 1 FROM {sql.SWITCH} s WHERE s.channel = lane.channel AND (s.paused_at IS NOT NULL OR NOT s.enabled))"""  # noqa: S608
# Asked lane by lane in the order of an index: as an EXISTS, PostgreSQL joins it with all that is due, as long as it knows of little.
_OPENINGS = f"""
SELECT lane.id, lane.channel, lane.cap - (SELECT COUNT(*) FROM {sql.MESSAGE} c WHERE c.lane_id = lane.id AND c.lease_until IS NOT NULL),
lane.circuit, lane.rate, lane.pace, lane.paced_at, lane.tokens, lane.tokens_at
FROM {sql.LANE} lane WHERE {_UNPAUSED} AND (lane.probe_at IS NULL OR lane.probe_at <= %s)
AND (SELECT m.due_at FROM {sql.MESSAGE} m WHERE m.lane_id = lane.id AND m.due_at IS NOT NULL ORDER BY m.due_at, m.id LIMIT 1) <= %s
"""  # noqa: S608 - names of tables
_HELD = f"""
SELECT lane.id, lane.channel, lane.circuit FROM {sql.LANE} lane WHERE NOT ({_UNPAUSED}) OR lane.circuit <> '{Circuit.CLOSED}'
"""  # noqa: S608


def openings(now: datetime) -> list[Opening]:
    """The lanes with a due message that may be claimed now. The one predicate of the broker and of the claim."""
    moment, stopped = sql.moment(now), held_channels()
    found = []
    for pk, channel, room, circuit, rate, pace, paced_at, tokens, tokens_at in sql.select(_OPENINGS, [moment, moment]):
        probe, limit = circuit != Circuit.CLOSED, _limit(rate, pace, paced_at, now.timestamp())
        most = min(room, 1 if probe else room, room if limit is None else int(_filled(limit, tokens, tokens_at, now.timestamp())))
        if most > 0 and channel not in stopped:
            found.append(Opening(pk, MessageType(channel), most, probe, limit is not None))
    return found


def take(opening: Opening, wanted: int, *, now: datetime) -> int:
    """How many of `wanted` messages may be claimed. Costs nothing but where a lane is limited, or in trouble."""
    if opening.probe:
        return int(wanted > 0 and take_probe(opening.lane_id, now=now))
    if not opening.limited:
        return wanted
    with transaction.atomic():
        lane = _locked(opening.lane_id)
        limit = _limit(lane.rate, lane.pace, lane.paced_at, now.timestamp())
        if limit is None:
            return wanted
        filled = _filled(limit, lane.tokens, lane.tokens_at, now.timestamp())
        taken = min(wanted, int(filled))
        Lane.objects.filter(pk=lane.pk).update(tokens=filled - taken, tokens_at=max(lane.tokens_at, now.timestamp()))
    return taken


def take_probe(lane_id: int, *, now: datetime) -> bool:
    """The right to try the lane with one message: one worker gets it."""
    due = Lane.objects.filter(pk=lane_id, probe_at__lte=now).exclude(circuit=Circuit.CLOSED)
    return bool(due.update(circuit=Circuit.HALF_OPEN, probe_at=now + _PROBE_TAKES))


def slow_down(lane_id: int, *, rest: float = 0.0, now: datetime) -> None:
    """Go on below what the provider took in the last seconds: it asked for fewer messages, and for a rest of so many seconds.

    Kept on the lane's row, so all hosts share it. Must run inside a transaction.
    """
    lane, moment = _locked(lane_id), now.timestamp()
    if lane.paced_at is not None and moment - lane.paced_at < _SETTLES:
        return
    present = _limit(None, lane.pace, lane.paced_at, moment)
    took = _accepted(lane_id, now) / _LOOK_BACK.total_seconds() if lane.pace else float(_accepted(lane_id, now))
    pace = max(_SLOWEST, _BELOW * (took if present is None else min(took, present)))
    begins = moment + min(rest, _LONGEST_REST)  # until then the bucket fills with nothing
    Lane.objects.filter(pk=lane_id).update(pace=pace, paced_at=moment, tokens=0, tokens_at=begins)


def present_limit(lane: Lane, now: datetime) -> float | None:
    """Return how many messages a second may leave the lane at that moment; None: no limit."""
    return _limit(lane.rate, lane.pace, lane.paced_at, now.timestamp())


def _locked(lane_id: int) -> Lane:
    return Lane.objects.select_for_update().only("rate", "pace", "paced_at", "tokens", "tokens_at").get(pk=lane_id)


def _accepted(lane_id: int, now: datetime) -> int:
    """How many of the lane's messages were accepted in the last seconds, by all hosts. Attempts are opened in the order of their ids."""
    newest = Attempt.objects.order_by("-pk").values("pk")[:_NEWEST]
    accepted = Attempt.objects.filter(pk__in=newest, outcome=Outcome.ACCEPTED, finished_at__gt=now - _LOOK_BACK)
    return accepted.filter(message__lane=lane_id).count()


def _limit(rate: float | None, pace: float | None, paced_at: float | None, now: float) -> float | None:
    """How many messages a second may leave now: at most what an administrator has set, and what the pace has grown to."""
    if pace is None or paced_at is None:
        return rate
    grown = pace * _GROWTH ** min(max(0.0, now - paced_at), 3_600.0)
    if grown >= _FREE:
        return rate
    return grown if rate is None else min(rate, grown)


def _filled(rate: float, tokens: float, since: float, now: float) -> float:
    """What the bucket of a limited lane holds: never more than a quarter of a second's messages, or one."""
    return min(max(1.0, rate * _BUCKET), tokens + rate * max(0.0, now - since))


def held() -> dict[int, bool]:
    """The lanes from which nothing may be claimed, and whether each is only waiting for a probe."""
    stopped = held_channels()
    found = {pk: circuit != Circuit.CLOSED for pk, _, circuit in sql.select(_HELD, [])}
    if stopped:
        found |= dict.fromkeys(Lane.objects.filter(channel__in=stopped).values_list("pk", flat=True), False)
    return found


def mark_held(now: datetime) -> int:
    """Say of what is due on lanes that are held back that it is WAITING. Returns how many messages were marked."""
    return sum(_mark(lane, now) for lane in Lane.objects.filter(pk__in=held()))


def _mark(lane: Lane, now: datetime) -> int:
    """Where it was left off, and a little before: what was committed late may have been due earlier."""
    due = Message.objects.filter(lane=lane, due_at__lte=now).exclude(waiting_reason=WaitingReason.WAIT_FOR_CLOSE_CIRCUIT)
    if lane.marked_until:
        due = due.filter(due_at__gt=lane.marked_until - _OVERLAP)
    with transaction.atomic():
        sql.plan_for_large_tables()
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True)
        rows = list(due.order_by("due_at", "id").values_list("pk", "due_at")[:_MARKED_AT_ONCE])
        waiting = {"state": MessageState.WAITING, "waiting_reason": WaitingReason.WAIT_FOR_CLOSE_CIRCUIT}
        Message.objects.filter(pk__in=[pk for pk, _ in rows]).update(**waiting)  # all of them locked, and so still due
        until = rows[-1][1] if len(rows) == _MARKED_AT_ONCE else now
        Lane.objects.filter(pk=lane.pk).update(marked_until=until)
    return len(rows)
