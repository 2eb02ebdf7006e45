"""Recovery of claims whose worker was lost.

A message that was provably not sent is due again; one that may have been sent gets the outcome unknown.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from notifications.channels.base.contract import DeliveryError, Envelope
from notifications.database import sql
from notifications.delivery import tallies
from notifications.delivery.claims import Claim
from notifications.delivery.results import abandon, settle
from notifications.delivery.tallies import Ended
from notifications.failures import Reason
from notifications.models import Attempt, Lane, Message
from notifications.states import MessageState, MessageType, Outcome

_BATCH = 200
_SUSPECTS_WAIT = timedelta(seconds=5)  # before what a dead cluster had only claimed is claimed again
_UNSENT = "The sender was lost before anything was sent."
_UNKNOWN = "The sender was lost while the message was being handed over; it may have been delivered."
# Lanes with lapsed claims, by one look per lane into the index of claims: without good statistics PostgreSQL
# would otherwise read all messages.
_LAPSED = f"""
SELECT lane.* FROM {sql.LANE} lane WHERE (SELECT m.lease_until FROM {sql.MESSAGE} m
WHERE m.lane_id = lane.id AND m.lease_until IS NOT NULL ORDER BY m.lease_until LIMIT 1) < %s
"""  # noqa: S608 - names of tables
_NOTHING_TO_SEND = Envelope(key=UUID(int=0), destination="")


def lapsed(now: datetime) -> bool:
    """Return whether any claim's lease has run out."""
    return bool(sql.select(f"{_LAPSED} LIMIT 1", [sql.moment(now)]))


def end_those_of(workers: Iterable[str], now: datetime) -> int:
    """End the leases of workers known to be dead, and return how many were ended.

    Permitted sends end at once. A message that was only claimed waits for some seconds and is counted as
    abandoned by a lost worker: it may have killed them.
    """
    # The token is asked for too: PostgreSQL asks again of a row that another worker has claimed meanwhile.
    theirs = Attempt.objects.filter(
        message=OuterRef("pk"), token=OuterRef("token"), outcome="", worker__in=workers
    )
    held = Message.objects.filter(state=MessageState.SENDING_ASYNC)
    cut_off = held.filter(Exists(theirs.filter(permitted_at__isnull=False)), lease_until__gt=now)
    suspects = held.filter(Exists(theirs.filter(permitted_at=None)), lease_until__gt=now + _SUSPECTS_WAIT)
    return cut_off.update(lease_until=now) + suspects.update(lease_until=now + _SUSPECTS_WAIT)


def recover(now: datetime) -> int:
    """Close the attempts of lapsed claims and move their messages on. Returns the number of messages."""
    # Asked every second by every turn; on SQLite a transaction keeps all others from writing, so there is
    # none where nothing lapsed.
    return sum(_recover(lane, now) for lane in Lane.objects.raw(_LAPSED, [sql.moment(now)]))


def _recover(lane: Lane, now: datetime) -> int:
    with transaction.atomic():
        rows = Message.objects.filter(lane=lane, lease_until__lt=now).order_by("lease_until")
        if connection.features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(skip_locked=True)
        lost = list(
            rows.only("id", "type", "lane_id", "token", "failures", "outcome", "possible_duplicate")[:_BATCH]
        )
        for message in lost:
            _recover_one(message, now)
    return len(lost)


def _recover_one(message: Message, now: datetime) -> None:
    open_attempt = Attempt.objects.filter(message_id=message.pk, token=message.token, outcome="")
    claim = claim_of(message)
    if open_attempt.filter(permitted_at=None).update(
        outcome=Outcome.ABANDONED, finished_at=now, detail=_UNSENT
    ):
        tallies.count([Ended(claim, now, Outcome.ABANDONED, called=False)])
        abandon(claim, due_at=now)
        return
    closed = open_attempt.update(
        outcome=Outcome.UNKNOWN, finished_at=now, failure_reason=Reason.OTHER, detail=_UNKNOWN
    )
    failed = settle(claim, DeliveryError(Reason.OTHER, _UNKNOWN, outcome=Outcome.UNKNOWN), finished_at=now)
    if closed:
        tallies.count([Ended(claim, now, Outcome.UNKNOWN, Reason.OTHER, final=failed, called=False)])
    elif failed:
        tallies.count_failed(claim.lane_id, now)


def claim_of(message: Message) -> Claim:
    """Return the message as a claim, for code that settles it without having sent it."""
    return Claim(
        message_id=message.pk,
        attempt_id=0,
        lane_id=message.lane_id,
        channel=MessageType(message.type),
        token=message.token,
        failures=message.failures,
        outcome=message.outcome,
        possible_duplicate=message.possible_duplicate,
        envelope=_NOTHING_TO_SEND,
    )
