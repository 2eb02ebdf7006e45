"""Invented messages, some thousand for the demo or millions for trying the log at size, with their attempts,
resends and receipts.

They are written straight into the tables, already sent or failed: nothing of this goes through a channel, and
nothing is ever due. Resends point at what they resend, short messages have their receipts, and whoever
misbehaves among the stand-ins has always done so.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from multiprocessing import get_context
from random import Random
from typing import Any

from django.conf import settings
from django.db import connection, connections, transaction

from commlog.demo import casting, fates, texts
from commlog.demo.casting import Cast
from commlog.demo.fates import Fate
from commlog.demo.rows import Rows, new_ids
from commlog.demo.texts import Facts, Wording
from commlog.models import User
from notifications import channels
from notifications.events import MANUAL
from notifications.models import Attempt, Client, DeliveryReceipt, Group, Lane, Message
from notifications.models.template import Target
from notifications.retry import RetryPolicy
from notifications.states import MessageState, MessageType, Outcome, ReceiptStatus
from notifications.text.spelling import stored_fold

_AT_ONCE = 5_000  # messages a transaction
_LONG = 1_000  # of so many e-mails one is very long
_RESENT, _TO_GROUPS = 0.4, 0.08  # of those that failed; of the letters
_NO_RECEIPT, _UNDELIVERED = 0.06, 0.02  # of short messages
_LONGEST_REST = 6 * 3600.0  # seconds until somebody resends what failed
_ONE_OF_EACH = 0.05  # until each kind of failure has been there, of the messages: the next kind
_PERMIT = timedelta(seconds=0.004)  # from the claim to the permit
_RECEIPT_WITHIN = timedelta(seconds=settings.RECEIPT_TIMEOUT)
_POLICY = RetryPolicy()
_WORKERS = tuple(f"sender{host}:{4_000 + number}" for host in (1, 2) for number in range(4))
_WEIGHTS = list(accumulate(wording.often for wording in texts.WORDINGS))
_FOR_GROUPS = [each for each in texts.WORDINGS if not each.way and Target.GROUP in texts.targets(each)]
_OF_A_DAY = (1.0, 1.0, 1.0, 1.0, 0.95, 0.35, 0.2)  # Monday first
_OF_AN_HOUR = (1, 1, 6, 1, 1, 2, 6, 12, 30, 36, 34, 32, 24, 28, 34, 32, 26, 18, 10, 8, 7, 5, 3, 2)
# The past ends a little before now: the last message must have its retries behind it.
_UNTIL_NOW = timedelta(minutes=3)
# Of so many messages and more, a part is new and the others are one of the last.
_LARGE, _RECENT, _ANEW = 20_000, 2_000, 0.25
_PROCESSES = 2  # write a large log, each through a connection of its own
_RANDOM, _VERSION_4 = ~(0xF << 76 | 0xC << 60), 4 << 76 | 0x8 << 60  # bits of a UUID
_fold = lru_cache(100_000)(stored_fold)

_KINDS = ("client", "group", "user")

Row = dict[str, Any]
Recipient = Client | Group | User


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that a message is about: what is said of it, to whom, and by whom where a person writes."""

    wording: Wording
    facts: Facts
    recipient: Recipient
    sender: User | None = None

    @property
    def kind(self) -> str:
        """Of the recipient: client, group or user."""
        return type(self.recipient).__name__.lower()


@dataclass(frozen=True, slots=True)
class Setting:
    """Who gets webhooks, the templates' primary keys by their names, and the names of the lanes."""

    receiver: str = "https://hooks.example.org"
    templates: Mapping[str, int] = field(default_factory=dict)
    lanes: Mapping[MessageType, str] = field(default_factory=lambda: dict.fromkeys(MessageType, "generated"))


def generate(
    count: int,
    *,
    days: int,
    rng: Random,
    now: datetime,
    setting: Setting = Setting(),
    prefix: str = casting.GENERATED,
) -> None:
    """Write so many messages of the last `days` days. `prefix` is that of the people, see casting.py."""
    cast = casting.gather(count, since=now - timedelta(days=days + 200), rng=rng, prefix=prefix)
    large = count > _LARGE
    # SQLite has one writer at a time, and nobody else sees the people whom an open transaction has made.
    alone = not large or connection.vendor != "postgresql" or connection.in_atomic_block
    mills = [
        Mill(cast, setting, Random(rng.random()), recent=_RECENT if large else 0)  # noqa: S311
        for _ in range(1 if alone else _PROCESSES)
    ]
    shares = [spread((count + number) // len(mills), days, now=now, rng=rng) for number in range(len(mills))]
    if alone:
        mills[0].write(shares[0])
    else:
        _side_by_side(mills, shares)


def _side_by_side(mills: Sequence["Mill"], shares: Sequence[Sequence[datetime]]) -> None:
    connections.close_all()  # no two processes may have the same
    fork = get_context("fork")
    processes = [
        fork.Process(target=mill.write, args=[share]) for mill, share in zip(mills, shares, strict=True)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError("A process that wrote messages failed.")


def spread(count: int, days: int, *, now: datetime, rng: Random) -> list[datetime]:
    """`count` moments of the last `days` days in ascending order: more on weekdays and in office hours, and
    the batch of the night.
    """
    until = now - _UNTIL_NOW
    begin = (until - timedelta(days=days)).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    many = max(1, int((until - begin).total_seconds() // 3600))
    hours = [begin + timedelta(hours=number) for number in range(many)]
    weights = [_OF_A_DAY[hour.weekday()] * _OF_AN_HOUR[hour.hour] for hour in hours]
    chosen = rng.choices(hours, weights, k=count)
    return sorted(hour + timedelta(seconds=rng.random() * 3600) for hour in chosen)


def happen(cast: Cast, when: datetime, rng: Random) -> Happened:
    """One of everything, as often as it comes in real life."""
    wording = rng.choices(texts.WORDINGS, cum_weights=_WEIGHTS)[0]
    recipients: Sequence[Recipient] = cast.clients
    if wording is texts.TO_STAFF:
        recipients = cast.staff
    elif wording in _FOR_GROUPS and rng.random() < _TO_GROUPS:
        recipients = cast.groups
    sender = rng.choice(cast.officers) if wording.event == MANUAL else None
    return about(rng.choice(recipients), wording, when, rng, sender)


def about(
    recipient: Recipient,
    wording: Wording,
    when: datetime,
    rng: Random,
    sender: User | None = None,
) -> Happened:
    """Something that somebody is told."""
    known = {"RECIPIENT_NAME": recipient.name, "EVENT": wording.event}
    if isinstance(recipient, Client):
        known |= {"CLIENT_ID": recipient.client_id, "CLIENT_KEY": recipient.key.hex}
    if sender:
        known["USER_NAME"] = sender.name
    return Happened(wording, Facts(when, rng, **known), recipient, sender)


class Mill:
    """Makes rows, the oldest first; keeps what is still to be resent.

    `recent`: most messages say what one of so many before them said to the same person; making up a text
    takes a third of the time.
    """

    def __init__(self, cast: Cast, setting: Setting, rng: Random, *, recent: int = 0) -> None:
        self._cast, self._setting, self._rng = cast, setting, rng
        self._lanes = {
            channel: Lane.objects.get_or_create(channel=channel, name=name)[0].pk
            for channel, name in setting.lanes.items()
        }
        self._recent, self._keep = list[Row](), recent
        self._messages, self._tries, self._reports = map(Rows, (Message, Attempt, DeliveryReceipt))
        self._to_resend: list[tuple[datetime, int, int, Row]] = []  # when, the failed one, the first, content
        self._to_fail = {channel: list(kinds) for channel, kinds in fates.FAILURES.items()}

    def write(self, past: Sequence[datetime]) -> None:
        """Write a message for each of these moments."""
        for start in range(0, len(past), _AT_ONCE):
            part = past[start : start + _AT_ONCE]
            with transaction.atomic():
                for moment, pk in zip(part, new_ids(Message, len(part)), strict=True):
                    self._make(pk, moment)
                for rows in (self._messages, self._tries, self._reports):
                    rows.write()

    def _make(self, pk: int, moment: datetime) -> None:
        source = first = by = None
        if self._to_resend and self._to_resend[0][0] <= moment:
            _, source, first, content = heapq.heappop(self._to_resend)
            by = self._rng.choice(self._cast.officers)
        else:
            content = self._content(moment)
        channel = content["type"]
        fate = fates.fate_of(channel, content["destination"], self._rng, again=source is not None)
        if source is None and self._to_fail[channel] and self._rng.random() < _ONE_OF_EACH:
            fate = self._to_fail[channel].pop()
        if fate.caused_by and source is None:
            content = _folded(content | fate.caused_by)
        chain = {
            "first_id": first, "resend_of_id": source,
            "resent_by": by.name if by else "", "resent_by_user_id": by and by.pk,
        }  # fmt: skip
        self._messages.add(content | chain | self._life(pk, moment, channel, fate))
        failed = fate.state == MessageState.FAILED
        if failed and fate.tries and self._rng.random() < _RESENT:
            later = moment + timedelta(seconds=300 + self._rng.random() * _LONGEST_REST)
            heapq.heappush(self._to_resend, (later, pk, first or pk, content))

    def _content(self, moment: datetime) -> Row:
        """What a message says to whom."""
        full = len(self._recent) >= self._keep > 0
        if full and self._rng.random() > _ANEW:
            return self._rng.choice(self._recent)
        made = _folded(self._said(happen(self._cast, moment, self._rng)))
        if full:
            self._recent[self._rng.randrange(self._keep)] = made
        elif self._keep:
            self._recent.append(made)
        return made

    def _said(self, what: Happened) -> Row:
        wording, sender = what.wording, what.sender
        recipient: Any = what.recipient
        subject, content, html = wording.said(what.facts)
        if wording.channel == MessageType.EMAIL and self._rng.randrange(_LONG) == 0:
            content += texts.turnover(self._rng)
        name = wording.name(Target.GROUP if what.kind == "group" else Target.CLIENT)
        template = self._setting.templates.get(name)
        return {
            "type": wording.channel, "lane_id": self._lanes[wording.channel],
            "destination": texts.destination(wording, self._setting.receiver)
            or channels.of(wording.channel).address_of(recipient),
            "subject": subject, "content": content, "html": html, "headers": "{}",
            "method": "POST" if wording.channel == MessageType.WEB_HOOK else "",
            "content_type": "application/json" if wording.way else "",
            "sender": sender.name if sender else settings.SYSTEM_SENDER_NAME,
            "sender_user_id": sender and sender.pk, "recipient_name": recipient.name, "event": wording.event,
            **{f"{kind}_id": recipient.pk if kind == what.kind else None for kind in _KINDS},
            "template_id": template, "template_name": name if template else "",
        }  # fmt: skip

    def _life(self, pk: int, created: datetime, channel: MessageType, fate: Fate) -> Row:
        """What became of a message, its attempts and receipts among the rows to be written."""
        tries = list(self._attempts(pk, channel, created, fate))
        ended = tries[-1]["finished_at"] if tries else None
        sent = fate.state == MessageState.SENT
        receipts: list[Row] = []
        provider_id = ""
        if sent and channel == MessageType.SMS:
            provider_id = tries[-1]["provider_id"] = f"SM{self._rng.getrandbits(128):032x}"
            receipts += self._receipts(pk, tries[-1]["finished_at"], provider_id)
        for rows, made in ((self._tries, tries), (self._reports, receipts)):
            for row in made:
                rows.add(row)
        abandons = fate.tries.count("0")
        return {
            "id": pk, "key": f"{self._rng.getrandbits(128) & _RANDOM | _VERSION_4:032x}",
            "created_at": created, "state": fate.state,
            "sent_at": receipts[0]["received_at"] if receipts else ended if sent else None,
            "waiting_reason": "", "token": len(tries),
            "attempt_count": len(tries), "failures": len(tries) - abandons - sent,
            "abandons": abandons, "failure_reason": "" if sent else fate.reason,
            "failed_at": None if sent else ended,
            "failure_cause": "" if sent else fate.cause, "outcome": fate.outcome, **fate.meant(channel),
            "possible_duplicate": "?" in fate.tries and len(tries) > 1, "provider_id": provider_id,
            "receipt_due_at": ended + _RECEIPT_WITHIN if provider_id and ended else None,
            "receipt_status": receipts[-1]["status"] if receipts else "",
            "receipt_at": receipts[-1]["received_at"] if receipts else None,
        }  # fmt: skip

    def _receipts(self, pk: int, accepted: datetime, provider_id: str) -> Iterator[Row]:
        """What its provider reports of a short message: passed on, then delivered or not; of some it never
        reports anything.
        """
        if self._rng.random() < _NO_RECEIPT:
            return
        last = ReceiptStatus.UNDELIVERED if self._rng.random() < _UNDELIVERED else ReceiptStatus.DELIVERED
        for status in (ReceiptStatus.PASSED_ON, last):
            accepted += timedelta(seconds=0.5 + self._rng.random() * 5)
            yield {"message_id": pk, "provider_id": provider_id, "status": status, "received_at": accepted}

    def _attempts(self, pk: int, channel: MessageType, due: datetime, fate: Fate) -> Iterator[Row]:
        for number, outcome in enumerate(fate.outcomes, 1):
            opened = due + timedelta(seconds=0.02 + self._rng.random() * 0.1)
            lost = outcome == Outcome.ABANDONED
            started = None if lost else opened + _PERMIT
            ended = opened + timedelta(seconds=21.0 if lost else 0.04 + self._rng.random() * 0.5)
            reason, detail = fate.reason, fate.cause
            if lost or outcome == Outcome.ACCEPTED:
                reason, detail = "", fates.LOST if lost else fates.answer(channel, self._rng)
            yield {
                "message_id": pk, "number": number, "token": number, "worker": self._rng.choice(_WORKERS),
                "due_at": due, "opened_at": opened, "permitted_at": started, "started_at": started,
                "finished_at": ended, "outcome": outcome, "failure_reason": reason, "detail": detail,
                "provider_id": "",
            }  # fmt: skip
            due = ended + timedelta(seconds=_POLICY.wait(min(number - 1, _POLICY.max_retries)))


def _folded(row: Row) -> Row:
    folds = {f"{name}_fold": _fold(row[name]) for name in ("destination", "recipient_name")}
    return row | folds
