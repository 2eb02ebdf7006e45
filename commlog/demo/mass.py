"""Messages by the hundred thousand, with their attempts, for trying the log at size.

They are written straight into the tables, already sent or failed: nothing of this goes through a channel, and nothing is ever due. Resends
point at what they resend, short messages have their receipts, and the texts are those of the demo. Of many messages on PostgreSQL only
the last week or so is written from here; the weeks before are its copies (copies.py).
"""

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models, transaction

from commlog.demo import copies, crowd, fates, texts, timeline
from commlog.demo.appending import Appender, new_ids
from commlog.demo.fates import Fate
from commlog.demo.stories import Stories
from notifications.content import COLUMNS, as_columns
from notifications.models import Attempt, DeliveryReceipt, Lane, Message
from notifications.outbox import Draft
from notifications.retry import RetryPolicy
from notifications.states import MessageState, MessageType, Outcome, ReceiptStatus, WaitingReason
from notifications.text.spelling import stored_fold

RECEIVER = "https://hooks.example.org"
_AT_ONCE = 5_000  # messages a transaction
_NEVER = timedelta(days=36_500)
_LONG = 1_000  # of so many e-mails one is very long
_RESENT = 60  # of a hundred failed
_NO_RECEIPT, _UNDELIVERED = 6, 2  # of a hundred short messages
_LONGEST_REST = 6 * 3600.0  # seconds until somebody resends what failed
_POLICY = RetryPolicy()
_WORKERS = tuple(f"sender{host}:{4_000 + number}" for host in (1, 2) for number in range(4))
_FROZEN = (
    "type", "lane_id", "destination", "sender", "sender_user_id", "recipient_name", "client_id", "group_id", "user_id",
    "recipient_name_fold", "destination_fold", *COLUMNS.values(),
)  # fmt: skip
_LIFE = (
    "id", "key", "created_at", "first_id", "resend_of_id", "resent_by", "resent_by_user_id", "state", "sent_at", "due_at", "token",
    "waiting_reason", "attempt_count", "failures", "abandons", "failure_reason", "failure_cause", "outcome", "possible_duplicate",
    "provider_id", "receipt_due_at", "receipt_status", "receipt_at",
)  # fmt: skip
_ATTEMPT = (
    "message_id", "number", "token", "worker", "due_at", "opened_at", "permitted_at", "started_at", "finished_at", "outcome",
    "failure_reason", "detail", "provider_id",
)  # fmt: skip
_RECEIPT = ("message_id", "provider_id", "status", "received_at")
Row = tuple[Any, ...]
# The tables to write to: those of the models, or others of the same columns.
Tables = Mapping[type[models.Model], str]


@dataclass(frozen=True, slots=True)
class _Failed:
    """A failed message that somebody will resend."""

    pk: int
    first: int
    frozen: Row


def generate(
    count: int, *, days: int, rng: Random, now: datetime, waiting: int = 0, said: Callable[[int], None] = lambda done: None
) -> None:
    """Write so many messages of the last `days` days; `waiting` of them wait for a retry that lies a hundred years ahead.

    `said` is told how many are there, now and then.
    """
    cast = crowd.gather(count, since=now - timedelta(days=days + 200), rng=rng)
    mill = _Mill(Stories(cast, RECEIVER, rng), rng, now)
    ended = count - waiting
    repeats = copies.plan(ended, days)
    if repeats is None:
        _write(mill, timeline.spread(ended, days, now=now, rng=rng), {}, said=said)
    else:
        moments = timeline.spread(repeats.originals, repeats.days, now=now, rng=rng)
        with transaction.atomic():
            _write(mill, moments, repeats.tables())
            repeats.write(said)
    _write(mill, timeline.latest(waiting, now=now, rng=rng), {}, wait=True)


def _write(
    mill: "_Mill", moments: Sequence[datetime], tables: Tables, *, wait: bool = False, said: Callable[[int], None] = lambda done: None
) -> None:
    kinds: Sequence[tuple[type[models.Model], Sequence[str]]] = (
        (Message, (*_FROZEN, *_LIFE)), (Attempt, _ATTEMPT), (DeliveryReceipt, _RECEIPT),
    )  # fmt: skip
    appenders = [Appender(model, names, tables.get(model, "")) for model, names in kinds]
    for start in range(0, len(moments), _AT_ONCE):
        part = moments[start : start + _AT_ONCE]
        with transaction.atomic():
            pks = list(range(start, start + len(part))) if tables else new_ids(Message, len(part))
            for appender, rows in zip(appenders, mill.grind(part, pks, wait=wait), strict=True):
                appender.append(rows)
        said(start + len(part))


class _Mill:
    """Makes rows, the oldest first; keeps what is still to be resent."""

    def __init__(self, stories: Stories, rng: Random, now: datetime) -> None:
        self._stories, self._rng, self._now = stories, rng, now
        self._zone = now.tzinfo
        self._lanes = {channel: Lane.objects.get_or_create(channel=channel, name="generated")[0].pk for channel in MessageType}
        self._to_resend: list[tuple[datetime, int, _Failed]] = []
        self._officers = stories.cast.officers()

    def grind(self, part: Sequence[datetime], pks: Sequence[int], *, wait: bool) -> tuple[list[Row], list[Row], list[Row]]:
        """The rows of these moments, their attempts and receipts. `wait`: all of them wait for a retry."""
        messages: list[Row] = []
        attempts: list[Row] = []
        receipts: list[Row] = []
        for moment, pk in zip(part, pks, strict=True):
            source = heapq.heappop(self._to_resend)[2] if self._to_resend and self._to_resend[0][0] <= moment else None
            frozen = source.frozen if source else self._frozen(self._stories.any(moment))
            channel = frozen[0]
            fate = fates.WAITS if wait else self._fate(channel, again=source is not None)
            life, tries, told = self._life(pk, moment, channel, fate, source)
            messages.append((*frozen, *life))
            attempts += tries
            receipts += told
            if fate.state == MessageState.FAILED and self._rng.randrange(100) < _RESENT:
                later = moment + timedelta(seconds=300 + self._rng.random() * _LONGEST_REST)
                heapq.heappush(self._to_resend, (later, pk, _Failed(pk, source.first if source else pk, frozen)))
        return messages, attempts, receipts

    def _fate(self, channel: MessageType, *, again: bool) -> Fate:
        fate = fates.fate_of(channel, self._rng)
        # What failed fails more often than others; that it cannot be sent at all was put right before.
        return Fate(MessageState.FAILED, (Outcome.REFUSED,) * 6) if again and self._rng.randrange(4) == 0 else fate

    def _frozen(self, draft: Draft) -> Row:
        recipient, sender = draft.recipient, draft.sender
        on_file = "" if recipient is None else recipient.email if draft.type == MessageType.EMAIL else recipient.mobile_phone
        destination, name = draft.destination or on_file, recipient.name if recipient else ""
        is_long = draft.type == MessageType.EMAIL and self._rng.randrange(_LONG) == 0
        body = draft.body + texts.turnover(self._rng) if is_long else draft.body
        said = replace(draft, body=body, auth_username="", auth_password="")  # passwords are stored sealed, and nobody will need these
        return (
            draft.type, self._lanes[draft.type], destination,
            sender.name if sender else settings.SYSTEM_SENDER_NAME, sender.pk if sender else None, name,
            draft.client.pk if draft.client else None, draft.group.pk if draft.group else None, draft.user.pk if draft.user else None,
            stored_fold(name), stored_fold(destination), *as_columns(said).values(),
        )  # fmt: skip

    def _life(
        self, pk: int, created: datetime, channel: MessageType, fate: Fate, source: _Failed | None
    ) -> tuple[Row, Iterator[Row], list[Row]]:
        by = self._rng.choice(self._officers) if source else None
        moments = list(self._moments(created, fate))
        refused = fates.refusal(channel, fate, self._rng) if fate.state != MessageState.SENT or len(fate.outcomes) > 1 else ("", "")
        told = ("", "") if fate.state == MessageState.SENT else refused
        sent = moments[-1][-1] if fate.state == MessageState.SENT else None
        waits = fate.state == MessageState.WAITING
        provider_id = f"SM{self._rng.getrandbits(128):032x}" if channel == MessageType.SMS and sent else ""
        receipts = self._receipts(pk, sent, provider_id) if sent and provider_id else []
        asked = sent + timedelta(seconds=settings.RECEIPT_TIMEOUT) if sent and provider_id else None
        _, _, status, at = receipts[-1] if receipts else (0, "", "", None)
        sent = receipts[0][-1] if receipts else sent
        tries = len(fate.outcomes)
        abandons = fate.outcomes.count(Outcome.ABANDONED)
        life = (
            pk, UUID(int=self._rng.getrandbits(128), version=4), created, source.first if source else None, source.pk if source else None,
            by.name if by else "", by.pk if by else None, fate.state, sent, self._now + _NEVER if waits else None, tries,
            WaitingReason.READY_TO_BE_SENT if waits else "", tries, tries - abandons - (sent is not None), abandons, *told, fate.outcome,
            Outcome.UNKNOWN in fate.outcomes and sent is not None, provider_id,
            asked, status, at,
        )  # fmt: skip
        return life, self._attempts(pk, channel, fate, moments, refused, provider_id), receipts

    def _receipts(self, pk: int, accepted: datetime, provider_id: str) -> list[Row]:
        """What its provider reports of a short message: passed on, then delivered or not; of some it never reports anything."""
        if self._rng.randrange(100) < _NO_RECEIPT:
            return []
        passed_on = accepted + timedelta(seconds=0.5 + self._rng.random() * 2)
        ended = passed_on + timedelta(seconds=1 + self._rng.random() * 8)
        last = ReceiptStatus.UNDELIVERED if self._rng.randrange(100) < _UNDELIVERED else ReceiptStatus.DELIVERED
        return [(pk, provider_id, ReceiptStatus.PASSED_ON, passed_on), (pk, provider_id, last, ended)]

    def _attempts(
        self, pk: int, channel: MessageType, fate: Fate, moments: Sequence[tuple[datetime, ...]], refused: tuple[str, str], provider_id: str
    ) -> Iterator[Row]:
        for number, (outcome, (due, opened, started, finished)) in enumerate(zip(fate.outcomes, moments, strict=True), start=1):
            reason, detail = {
                Outcome.ACCEPTED: ("", fates.answer(channel, self._rng)),
                Outcome.ABANDONED: ("", fates.LOST),
                Outcome.UNKNOWN: (refused[0], fates.SILENT),
                Outcome.REFUSED: refused,
            }[outcome]
            begun = None if outcome == Outcome.ABANDONED else started
            accepted = provider_id if outcome == Outcome.ACCEPTED else ""
            worker = self._rng.choice(_WORKERS)
            yield pk, number, number, worker, due, opened, begun, begun, finished, outcome, reason, detail, accepted

    def _moments(self, created: datetime, fate: Fate) -> Iterator[tuple[datetime, datetime, datetime, datetime]]:
        """Of each try: due, claimed, begun, ended."""
        due = created
        for number, outcome in enumerate(fate.outcomes):
            opened = due + timedelta(seconds=0.02 + self._rng.random() * 0.1)
            started = opened + timedelta(seconds=0.004)
            takes = 21.0 if outcome == Outcome.ABANDONED else 0.03 + self._rng.random() * 0.5
            finished = started + timedelta(seconds=takes)
            yield due, opened, started, finished
            due = finished + timedelta(seconds=_POLICY.wait(min(number, _POLICY.max_retries)))
