"""Holding of a database restored from a backup until a person decides about messages that may have been sent.

`look` compares the database with the marker that this machine keeps outside it (marker.py). A database older
than its marker is held, in one transaction; then all live messages are marked, in batches that resume after
an interruption, and given a due time that is never reached. `lift` lets new messages be sent; `release` and
`end` decide about the marked ones.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import OuterRef, Q, Subquery
from django.utils.module_loading import import_string
from django_q.tasks import async_task

from notifications import alerts
from notifications.database import sql
from notifications.database.clock import db_now
from notifications.delivery import tallies
from notifications.failures import Reason
from notifications.failures.meanings import Meaning, stored
from notifications.models import Attempt, Installation, Lane, Message, newest_id
from notifications.models.message import UNTIL_RELEASED, MessageQuerySet
from notifications.restored import marker
from notifications.restored.marker import Position
from notifications.states import MessageState, Outcome, WaitingReason

_BATCH = 1_000
_A_LOOK = 1.0  # seconds of marking, each second: the cluster has other work
_RESTORED = (
    "The database was restored from a backup, which does not know what happened afterwards: it may have "
    "been sent."
)
_ENDED = "Not sent again: it may have been sent before the database was restored from a backup."

logger = logging.getLogger(__name__)


def standing() -> Installation | None:
    """Return the restored database's row while something is to be decided; None otherwise."""
    return Installation.objects.filter(restored_at__isnull=False).first()


def held() -> bool:
    """Return whether nothing may be sent."""
    return Installation.objects.filter(restored_at__isnull=False, lifted_at=None).exists()


def look(now: datetime) -> bool:
    """Hold a database that is older than the one that this machine has seen; else store its position.

    Returns whether it is held. Each cluster calls it before it hands out work, every second, and after each
    error of the database. Call it outside transactions.
    """
    row = Installation.objects.get_or_create(pk=Installation.ONLY)[0]
    known, present = marker.read(row.key), Position.present()
    if known is not None and known.is_lacking:
        hold(known=known, now=now)
        row.refresh_from_db()
    elif known != present:
        marker.write(row.key, present)
    if row.restored_at is not None and row.marked_at is None:
        mark(now=now, seconds=_A_LOOK)
    return row.held


def hold(*, known: Position | None = None, now: datetime) -> bool:
    """Hold all messages, pause jobs and notify the owner.

    Returns whether this call did so: of several senders one does.
    """
    present = Position.present()
    with transaction.atomic():
        row = Installation.objects.get_or_create(pk=Installation.ONLY)[0]
        # A new id: markers of the database that was lost say nothing about this one any more, on no machine.
        fresh = {
            "key": uuid4(),
            "restored_at": now,
            "marked_at": None,
            "lifted_at": None,
            "newest": newest_id(Message),
        }
        fresh["last_sent_at"] = present.permit.at if present.permit else None
        fresh["known_sent_at"] = known.permit.at if known and known.permit else None
        if not Installation.objects.filter(pk=row.pk, key=row.key).update(**fresh):
            return False
        import_string(settings.LONG_WORK["hold"])()
        row.refresh_from_db()
        alerts.record(row, before={"sending": "on"}, after={"sending": "held", **_times(row)})
        letter = alerts.tell(
            "Commlog: nothing is sent, the database was restored from a backup", _letter(row)
        )
        if letter:
            async_task("notifications.tasks.send_alone", letter.pk)
    logger.error(
        "nothing is sent: the database is older than the one seen last. See Administration, or manage.py "
        "after_restore"
    )
    return True


def _times(row: Installation) -> dict[str, object]:
    times = {"its last send": row.last_sent_at, "last send known": row.known_sent_at}
    return {name: f"{time:%Y-%m-%d %H:%M:%S} UTC" for name, time in times.items() if time}


def _letter(row: Installation) -> str:
    facts = "\n".join(f"{name[0].upper()}{name[1:]}: {value}" for name, value in _times(row).items())
    return (
        "The database is older than the one that the senders have seen: it was restored from a backup, or a "
        "standby took over that had "
        "lost something. So nothing is sent, and open jobs are paused. New messages are accepted and "
        "wait.\n\n"
        f"{facts}\n\nWhat may have been sent in between is marked. Decide what becomes of it: "
        f"{settings.PUBLIC_URL}/administration/after-restore/ or manage.py after_restore."
    )


# --- Marking ---


def mark(*, now: datetime, seconds: float) -> bool:
    """Continue marking messages that may have been sent, for `seconds`. Returns whether all are marked."""
    row = standing()
    if row is None or row.marked_at is not None:
        return True
    ends = time.monotonic() + seconds
    for batch in (_mark_claimed, _mark_due, _mark_targets):
        while batch(row, now):
            if time.monotonic() >= ends:
                return False
    before = Q(pk__lte=row.newest)
    if Message.objects.filter(before, lease_until__isnull=False).exists() or _lanes_with_due(row).exists():
        # A worker that has not lost its database is sending it: its result will say what became of it.
        return False
    return bool(Installation.objects.filter(pk=row.pk, restored_at=row.restored_at).update(marked_at=now))


def _marked(row: Installation) -> dict[str, Any]:
    waits = {
        "state": MessageState.WAITING,
        "waiting_reason": WaitingReason.WAIT_FOR_CLOSE_CIRCUIT,
        "due_at": UNTIL_RELEASED,
    }
    return waits | {
        "outcome": Outcome.UNKNOWN,
        "restored_at": row.restored_at,
        "lease_until": None,
        "parked_at": None,
    }


def _mark_claimed(row: Installation, now: datetime) -> int:
    """Mark messages that were claimed when the backup was made: their workers may have sent them."""
    with transaction.atomic():
        claimed = Message.objects.filter(pk__lte=row.newest, lease_until__lt=now).order_by("lease_until")
        ids = _locked(claimed)
        attempts = Attempt.objects.filter(message__in=ids, outcome="")
        tallies.count_unknown(attempts.values_list("message__lane", "number"), now)
        attempts.update(
            outcome=Outcome.UNKNOWN, finished_at=now, failure_reason=Reason.OTHER, detail=_RESTORED
        )
        return Message.objects.filter(pk__in=ids).update(**_marked(row))


def _mark_due(row: Installation, now: datetime) -> int:
    """Mark messages that were due when the backup was made, lane by lane in the order of an index."""
    lane = _lanes_with_due(row).first()
    if lane is None:
        return 0
    with transaction.atomic():
        ids = [pk for due in _due(row) for pk in _locked(due.filter(lane=lane))]
        return Message.objects.filter(pk__in=ids).update(**_marked(row))


def _due(row: Installation) -> list[MessageQuerySet]:
    """Return the due messages, and those that wait apart for their destination.

    Each has an index of its own.
    """
    due = Message.objects.filter(due_at__lt=UNTIL_RELEASED, pk__lte=row.newest).order_by("due_at", "pk")
    return [due.filter(parked_at=None), due.filter(parked_at__isnull=False)]


def _lanes_with_due(row: Installation) -> Any:
    first, apart = (Subquery(due.filter(lane=OuterRef("pk")).values("due_at")[:1]) for due in _due(row))
    return Lane.objects.annotate(first=first, apart=apart).filter(
        Q(first__isnull=False) | Q(apart__isnull=False)
    )


def _mark_targets(row: Installation, now: datetime) -> int:
    """Mark targets of open jobs as possibly delivered: the jobs may have resent them."""
    ids: Sequence[int] = import_string(settings.LONG_WORK["targets"])(row.restored_at, _BATCH)
    return Message.objects.filter(pk__in=ids).update(outcome=Outcome.UNKNOWN, restored_at=row.restored_at)


def _locked(messages: MessageQuerySet) -> list[int]:
    """Return the ids of the next messages, locked until the transaction ends."""
    sql.plan_for_large_tables()
    if connection.features.has_select_for_update_skip_locked:
        messages = messages.select_for_update(skip_locked=True)
    return list(messages.values_list("pk", flat=True)[:_BATCH])


# --- Deciding ---


def marked(messages: MessageQuerySet | None = None) -> MessageQuerySet:
    """Return those of the messages that wait for a decision."""
    among = Message.objects.all() if messages is None else messages
    return among.filter(restored_at__isnull=False, due_at=UNTIL_RELEASED)


def lift(*, now: datetime) -> bool:
    """Let unmarked messages be sent and resumed jobs go on. Returns whether that changed anything."""
    if not Installation.objects.filter(marked_at__isnull=False, lifted_at=None).update(lifted_at=now):
        return False
    _close()
    return True


def release(messages: MessageQuerySet, *, sms: bool, seconds: float) -> int:
    """Have those of the marked messages sent again, as possible duplicates. Returns how many.

    Channels that do not retry an unknown outcome (SMS) are included only with `sms`. It ends after `seconds`;
    call it again to continue.
    """
    chosen = marked(messages)
    if not sms:
        chosen = chosen.exclude(
            type__in=[channel for channel, policy in settings.RETRY_POLICIES.items() if not policy.unknown]
        )
    again = {"waiting_reason": WaitingReason.READY_TO_BE_SENT, "possible_duplicate": True}
    return sum(
        marked().filter(pk__in=ids).update(due_at=db_now(), **again) for ids in _batches(chosen, seconds)
    )


def end(messages: MessageQuerySet, *, seconds: float) -> int:
    """Fail those of the marked messages, for up to `seconds`. Returns how many."""
    failed = {"state": MessageState.FAILED, "due_at": None, "waiting_reason": ""}
    why = {"failure_reason": Reason.OTHER, "failure_cause": _ENDED, **stored(Meaning.NO_ANSWER)}
    return sum(
        marked().filter(pk__in=ids).update(**failed, **why) for ids in _batches(marked(messages), seconds)
    )


def _batches(chosen: MessageQuerySet, seconds: float) -> Iterator[Sequence[int]]:
    """Yield ids in the order of their index, each once, until the time is up."""
    ends = time.monotonic() + seconds
    last = None
    while time.monotonic() < ends:
        some = chosen.order_by("created_at", "pk")
        if last is not None:
            some = some.filter(Q(created_at__gt=last[0]) | Q(created_at=last[0], pk__gt=last[1]))
        rows = list(some.values_list("created_at", "pk")[:_BATCH])
        if not rows:
            break
        yield [pk for _, pk in rows]
        last = rows[-1]
    _close()


def _close() -> None:
    """Reset the state once messages are sent again and none waits for a decision."""
    lifted = Installation.objects.filter(lifted_at__isnull=False)
    if not marked().exists():
        lifted.update(restored_at=None, marked_at=None, lifted_at=None)
