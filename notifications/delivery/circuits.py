"""Circuit breakers: limit what is sent to a provider in trouble; failing destinations block no others.

An open circuit holds the destinations that failed (a webhook's is its URL). One of their messages is tried
every few seconds, and messages to other destinations go at a few a second. Once one of those others is
delivered, the circuit is half open: all but the failed destinations are free. Once a message to a failed
destination is delivered, the circuit is closed.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Max

from notifications import alerts
from notifications.database.cached_sql import CachedExists
from notifications.lanes.openings import PROBE_EVERY, works
from notifications.models import FailingDestination, Lane, Message
from notifications.models.lane import SOUND
from notifications.states import Circuit, MessageState, MessageType, WaitingReason

_LONGEST_REST = timedelta(seconds=60)
_QUIET = timedelta(seconds=60)  # without a failure, longer than any retry waits: then nothing fails any more
_PARKED_AT_ONCE, _MOST_PARKED = 500, 2_500
_FIRST = {"due_at__isnull": False, "parked_at": None}  # as the index of what is due says it
_KNOWN_BY = ("pk", "destination")
_HALF_OPEN = CachedExists(lambda: [Lane.objects.filter(circuit=Circuit.HALF_OPEN)])


class Trouble(NamedTuple):
    """The reason for opening a circuit.

    `words` is the text of the last failure, `destinations` are those that failed, and `works` says whether
    others are delivered to.
    """

    words: str
    destinations: frozenset[str]
    works: bool = False


def open_circuit(lane_id: int, trouble: Trouble, *, now: datetime) -> bool:
    """Hold the failing destinations and, if nothing is delivered, all others except a few messages.

    Returns whether this put the lane into trouble.
    """
    with transaction.atomic():
        lane = Lane.objects.select_for_update(no_key=True).get(pk=lane_id)
        before = lane.circuit
        if before == Circuit.CLOSED:
            FailingDestination.objects.filter(lane=lane).delete()  # what came late when it was closed
        opens = before == Circuit.CLOSED or not (trouble.works or before == Circuit.OPEN or works(lane, now))
        if opens:
            circuit, worked_at = (Circuit.HALF_OPEN, now) if trouble.works else (Circuit.OPEN, None)
            fields = {
                "circuit": circuit,
                "opened_at": now,
                "probe_at": now + PROBE_EVERY,
                "worked_at": worked_at,
                "trouble": trouble.words,
            }
            Lane.objects.filter(pk=lane_id).update(**SOUND | fields)
        note_failures(lane_id, trouble.destinations, now=now)
    if not opens or trouble.works:
        return False
    alerts.record(
        lane, before={"circuit": before}, after={"circuit": Circuit.OPEN.value, "trouble": trouble.words}
    )
    return True


def note_failures(lane_id: int, destinations: Iterable[str], *, now: datetime) -> None:
    """Record destinations that failed while the circuit was open: their messages wait apart from now on.

    Must run inside a transaction.
    """
    rows = [
        FailingDestination(lane_id=lane_id, digest=each, failed_at=now)
        for each in sorted(map(digest, destinations))
    ]
    FailingDestination.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["lane", "digest"],
        update_fields=["failed_at"],
        batch_size=_PARKED_AT_ONCE,
    )


def rest_after_unknown(lane: Lane, *, now: datetime) -> None:
    """Delay the next probe after one with an unknown outcome.

    Where such a message is not sent again, each probe may cost a message: the delay doubles, up to a minute.
    """
    policy = settings.RETRY_POLICIES.get(MessageType(lane.channel))
    grows = policy is not None and not policy.unknown
    rest = min(_LONGEST_REST, PROBE_EVERY * 2 ** min(lane.probes, 10)) if grows else PROBE_EVERY
    open_now = Lane.objects.filter(pk=lane.pk).exclude(circuit=Circuit.CLOSED)
    open_now.update(probe_at=now + rest, probes=F("probes") + 1, tokens=0, tokens_at=(now + rest).timestamp())


def delivered(lane_id: int, *, had_failed: bool, now: datetime) -> None:
    """Record that a message tried while the circuit was open was answered.

    If its destination had not failed, the circuit becomes half open; if it had, the circuit is closed. Must
    run inside a transaction.
    """
    if had_failed:
        _close(lane_id)
        return
    half = {"circuit": Circuit.HALF_OPEN, "worked_at": now, "probe_at": now, "probes": 0}
    if Lane.objects.filter(pk=lane_id, circuit=Circuit.OPEN).update(**half):
        _recovered(lane_id)
    else:  # once a second is enough
        Lane.objects.filter(
            pk=lane_id, circuit=Circuit.HALF_OPEN, worked_at__lt=now - timedelta(seconds=1)
        ).update(worked_at=now)


def close_quiet(now: datetime) -> None:
    """Close half-open circuits in which nothing has failed for a minute: the failed messages have left."""
    if not _HALF_OPEN.found():
        return
    half_open = Lane.objects.filter(circuit=Circuit.HALF_OPEN).annotate(failed=Max("failing__failed_at"))
    for lane in half_open:
        if (lane.failed or lane.opened_at or now) < now - _QUIET:
            _close(lane.pk)


def _close(lane_id: int) -> None:
    lanes = Lane.objects.filter(pk=lane_id)
    was_open = bool(lanes.filter(circuit=Circuit.OPEN).update(**SOUND))
    if was_open or lanes.filter(circuit=Circuit.HALF_OPEN).update(**SOUND):
        FailingDestination.objects.filter(lane=lane_id).delete()
    if was_open:
        _recovered(lane_id)


def _recovered(lane_id: int) -> None:
    lane = Lane.objects.get(pk=lane_id)
    alerts.record(lane, before={"circuit": Circuit.OPEN.value}, after={"circuit": lane.circuit})


# --- messages to destinations that failed wait apart ---


def digest(destination: str) -> str:
    """Return the hash that identifies a failing destination."""
    return sha256(destination.encode("utf-8", "surrogatepass")).hexdigest()


def park(lane_id: int, wanted: int, *, now: datetime) -> None:
    """Set messages to failed destinations apart from the first due messages of a lane in trouble."""
    look, parked = wanted, 0
    while parked < _MOST_PARKED:
        found = list(
            Message.objects.filter(**_FIRST, lane=lane_id, due_at__lte=now)
            .order_by("due_at", "id")
            .values_list(*_KNOWN_BY)[:look]
        )
        digests = {pk: digest(destination) for pk, destination in found}
        failing = FailingDestination.objects.filter(lane=lane_id, digest__in=set(digests.values()))
        failed = set(failing.values_list("digest", flat=True))
        these = [pk for pk, each in digests.items() if each in failed]
        _park(these, now)
        if len(these) < look:
            return
        look, parked = _PARKED_AT_ONCE, parked + len(these)


def _park(these: list[int], now: datetime) -> None:
    if not these:
        return
    waiting = {"state": MessageState.WAITING, "waiting_reason": WaitingReason.WAIT_FOR_CLOSE_CIRCUIT}
    with transaction.atomic():
        # Asked by their ids alone: PostgreSQL, which may know of little that is due, would take the index of
        # that and read all of it.
        rows = Message.objects.filter(pk__in=these)
        if connection.features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(skip_locked=True)
        found = rows.values_list("pk", "due_at", "parked_at")
        due = [
            pk
            for pk, due_at, parked_at in found
            if due_at is not None and due_at <= now and parked_at is None
        ]
        Message.objects.filter(pk__in=due).update(**waiting, parked_at=now)
