"""Invented messages, some thousand for the demo or millions for trying the log at size, with their attempts,
resends and receipts.

They are written straight into the tables, already sent or failed: nothing of this goes through a channel, and
nothing is ever due. Resends point at what they resend, short messages have their receipts, and whoever
misbehaves among the stand-ins has always done so.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
from commlog.demo.rows import Part, Rows, moments, new_ids, parts
from commlog.demo.texts import Facts, Wording
from commlog.models import User
from notifications import channels
from notifications.events import MANUAL
from notifications.models import Attempt, Client, DeliveryReceipt, Group, Lane, Message
from notifications.models.template import Target
from notifications.retry import RetryPolicy
from notifications.states import MessageState, MessageType, Outcome, ReceiptStatus, WaitingReason
from notifications.text.spelling import stored_fold

_AT_ONCE = 5_000  # messages a transaction
_NEVER = timedelta(days=36_500)
_LONG = 1_000  # of so many e-mails one is very long
_RESENT, _TO_GROUPS = 0.6, 8  # of those that failed; of a hundred letters
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

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that a message is about: what is said of it, to whom, and by whom where a person writes."""

    wording: Wording
    facts: Facts
    client: Client | None = None
    group: Group | None = None
    user: User | None = None
    sender: User | None = None


@dataclass(frozen=True, slots=True)
class _Said:
    """What a message says to whom."""

    channel: MessageType
    destination: str
    part: Part


@dataclass(frozen=True, slots=True)
class _Failed:
    """A failed message that somebody will resend."""

    pk: int
    first: int
    said: _Said


def generate(
    count: int,
    *,
    days: int,
    rng: Random,
    now: datetime,
    waiting: int = 0,
    said: Callable[[int], None] = lambda done: None,
) -> None:
    """Write so many messages of the last `days` days; `waiting` of them wait for a retry that lies a hundred
    years ahead.

    `said` is told how many are there, now and then.
    """
    cast = casting.crowd(count, since=now - timedelta(days=days + 200), rng=rng)
    large = count > _LARGE
    # Others do not see the people whom an open transaction has made; SQLite has one writer at a time.
    alone = not large or connection.vendor != "postgresql" or connection.in_atomic_block
    mills = [
        Mill(cast, "https://hooks.example.org", Random(rng.random()), recent=_RECENT if large else 0)  # noqa: S311
        for _ in range(1 if alone else _PROCESSES)
    ]
    shares = [
        spread((count - waiting + number) // len(mills), days, now=now, rng=rng)
        for number in range(len(mills))
    ]
    if alone:
        mills[0].write(shares[0], said=said)
    else:
        _side_by_side(mills, shares, lambda done: said(done * _PROCESSES))
    latest = sorted(now - _UNTIL_NOW * rng.uniform(0.1, 1.0) for _ in range(waiting))
    mills[0].write(latest, due=now + _NEVER)


def _side_by_side(
    mills: Sequence["Mill"], shares: Sequence[Sequence[datetime]], said: Callable[[int], None]
) -> None:
    connections.close_all()  # no two processes may have the same
    fork, told = get_context("fork"), {"said": said}
    processes = [
        fork.Process(target=mill.write, args=(share,), kwargs=told if mill is mills[0] else {})
        for mill, share in zip(mills, shares, strict=True)
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
    hours = [
        begin + timedelta(hours=number)
        for number in range(max(1, int((until - begin).total_seconds() // 3600)))
    ]
    weights = [_OF_A_DAY[hour.weekday()] * _OF_AN_HOUR[hour.hour] for hour in hours]
    return sorted(
        hour + timedelta(seconds=rng.random() * 3600) for hour in rng.choices(hours, weights, k=count)
    )


def happen(cast: Cast, when: datetime, rng: Random) -> Happened:
    """One of everything, as often as it comes in real life."""
    wording = rng.choices(texts.WORDINGS, cum_weights=_WEIGHTS)[0]
    sender = rng.choice(cast.officers) if wording.event == MANUAL else None
    if wording is texts.TO_STAFF:
        user = rng.choice(cast.staff)
        return Happened(wording, Facts(when, rng, RECIPIENT_NAME=user.name), user=user)
    if rng.randrange(100) < _TO_GROUPS and wording in _FOR_GROUPS:
        group = rng.choice(cast.groups)
        facts = Facts(when, rng, RECIPIENT_NAME=group.name, USER_NAME=sender.name if sender else "")
        return Happened(wording, facts, group=group, sender=sender)
    return to_client(wording, rng.choice(cast.clients), when, rng, sender)


def to_client(
    wording: Wording, client: Client, when: datetime, rng: Random, sender: User | None = None
) -> Happened:
    """Something about this client."""
    known = {"RECIPIENT_NAME": client.name, "CLIENT_ID": client.client_id, "CLIENT_KEY": client.key.hex}
    known |= {"EVENT": wording.event, "USER_NAME": sender.name if sender else ""}
    return Happened(wording, Facts(when, rng, **known), client, sender=sender)


class Mill:
    """Makes rows, the oldest first; keeps what is still to be resent.

    `receiver`: the address of whoever gets webhooks. `templates`: their primary keys by their names.
    `lanes`: the names of the lanes that the messages took.
    `recent`: most messages say what one of so many before them said to the same person; making up a text
    takes a third of the time.
    """

    def __init__(
        self,
        cast: Cast,
        receiver: str,
        rng: Random,
        templates: Mapping[str, int] | None = None,
        lanes: Mapping[MessageType, str] | None = None,
        recent: int = 0,
    ) -> None:
        self._cast, self._receiver, self._rng, self._templates = cast, receiver, rng, templates or {}
        names = lanes or dict.fromkeys(MessageType, "generated")
        self._lanes = {
            channel: Lane.objects.get_or_create(channel=channel, name=name)[0].pk
            for channel, name in names.items()
        }
        self._recent, self._keep = list[_Said](), recent
        self._part, self._at = parts(), moments()
        self._messages, self._tries, self._reports = map(Rows, (Message, Attempt, DeliveryReceipt))
        self._to_resend: list[tuple[datetime, int, _Failed]] = []
        self._to_fail = {channel: list(kinds) for channel, kinds in fates.FAILURES.items()}

    def write(
        self,
        past: Sequence[datetime],
        *,
        due: datetime | None = None,
        said: Callable[[int], None] = lambda done: None,
    ) -> None:
        """Write a message for each of these moments. `due`: all of them wait for a retry then."""
        for start in range(0, len(past), _AT_ONCE):
            part = past[start : start + _AT_ONCE]
            with transaction.atomic():
                for moment, pk in zip(part, new_ids(Message, len(part)), strict=True):
                    self._make(pk, moment, due)
                for rows in (self._messages, self._tries, self._reports):
                    rows.write()
            said(start + len(part))

    def _make(self, pk: int, moment: datetime, due: datetime | None) -> None:
        source = (
            heapq.heappop(self._to_resend)[2] if self._to_resend and self._to_resend[0][0] <= moment else None
        )
        said = source.said if source else self._said(moment)
        fate = Fate("-", *fates.TROUBLE[said.channel]) if due else self._fate(said, again=source is not None)
        if fate.caused_by and not source:
            said = self._as_stored({**said.part[0], **fate.caused_by})
        self._live(pk, moment, said, fate, source, due)
        failed = fate.state == MessageState.FAILED
        if failed and fate.tries and not due and self._rng.random() < _RESENT:
            later = moment + timedelta(seconds=300 + self._rng.random() * _LONGEST_REST)
            heapq.heappush(self._to_resend, (later, pk, _Failed(pk, source.first if source else pk, said)))

    def _fate(self, said: _Said, *, again: bool) -> Fate:
        fate = fates.fate_of(said.channel, said.destination, self._rng, again=again)
        never_seen = self._to_fail[said.channel]
        if never_seen and not again and fate is fates.DELIVERED and self._rng.random() < _ONE_OF_EACH:
            return never_seen.pop()
        return fate

    def _said(self, moment: datetime) -> _Said:
        full = len(self._recent) >= self._keep > 0
        if full and self._rng.random() > _ANEW:
            return self._rng.choice(self._recent)
        made = self._as_stored(self._frozen(moment))
        if full:
            self._recent[self._rng.randrange(self._keep)] = made
        elif self._keep:
            self._recent.append(made)
        return made

    def _as_stored(self, row: Row) -> _Said:
        row["destination_fold"] = _fold(row["destination"])
        row["recipient_name_fold"] = _fold(row["recipient_name"])
        return _Said(row["type"], row["destination"], self._part(row))

    def _frozen(self, moment: datetime) -> Row:
        what = happen(self._cast, moment, self._rng)
        wording, sender = what.wording, what.sender
        recipient: Any = what.client or what.group or what.user
        on_file = channels.of(wording.channel).address_of(recipient)
        subject, content, html = wording.said(what.facts)
        if wording.channel == MessageType.EMAIL and self._rng.randrange(_LONG) == 0:
            content += "".join(texts.turnover(self._rng))
        name = wording.name(Target.GROUP if what.group else Target.CLIENT)
        return {
            "type": wording.channel, "lane_id": self._lanes[wording.channel],
            "destination": texts.destination(wording, self._receiver) or on_file, "subject": subject,
            "content": content, "html": html, "headers": "{}",
            "method": "POST" if wording.channel == MessageType.WEB_HOOK else "",
            "content_type": "application/json" if wording.way else "",
            "sender": sender.name if sender else settings.SYSTEM_SENDER_NAME,
            "sender_user_id": sender and sender.pk, "recipient_name": recipient.name,
            "client_id": what.client and what.client.pk, "group_id": what.group and what.group.pk,
            "user_id": what.user and what.user.pk, "event": wording.event,
            "template_id": self._templates.get(name),
            "template_name": name if name in self._templates else "",
        }  # fmt: skip

    def _live(
        self,
        pk: int,
        created: datetime,
        said: _Said,
        fate: Fate,
        source: _Failed | None,
        due: datetime | None,
    ) -> None:
        channel, by = said.channel, self._rng.choice(self._cast.officers) if source else None
        tries, ended = self._attempts(pk, channel, created, fate)
        sent = fate.state == MessageState.SENT
        sent_at = tries[-1]["finished_at"] if sent else None
        handed_over = sent and channel == MessageType.SMS
        provider_id = f"SM{self._rng.getrandbits(128):032x}" if handed_over else ""
        receipts: list[Row] = []
        if handed_over:
            tries[-1]["provider_id"] = provider_id
            receipts += self._receipts(pk, ended, provider_id)
        abandons = fate.tries.count("0")
        life = {
            "id": pk, "key": f"{self._rng.getrandbits(128) & _RANDOM | _VERSION_4:032x}",
            "created_at": tries[0]["due_at"] if tries else self._at(created),
            "first_id": source and source.first, "resend_of_id": source and source.pk,
            "resent_by": by.name if by else "", "resent_by_user_id": by and by.pk,
            "state": MessageState.WAITING if due else fate.state,
            "sent_at": receipts[0]["received_at"] if receipts else sent_at, "due_at": due and self._at(due),
            "waiting_reason": WaitingReason.READY_TO_BE_SENT if due else "", "token": len(tries),
            "attempt_count": len(tries), "failures": len(tries) - abandons - sent,
            "abandons": abandons, "failure_reason": "" if sent else fate.reason,
            "failed_at": tries[-1]["finished_at"] if tries and not (sent or due) else None,
            "failure_cause": "" if sent else fate.cause, "outcome": fate.outcome, **fate.meant(channel, due),
            "possible_duplicate": "?" in fate.tries and len(tries) > 1, "provider_id": provider_id,
            "receipt_due_at": self._at(ended + _RECEIPT_WITHIN) if handed_over else None,
            "receipt_status": receipts[-1]["status"] if receipts else "",
            "receipt_at": receipts[-1]["received_at"] if receipts else None,
        }  # fmt: skip
        self._messages.add(said.part, self._part(life))
        for each in tries:
            self._tries.add(self._part(each))
        for each in receipts:
            self._reports.add(self._part(each))

    def _receipts(self, pk: int, accepted: datetime, provider_id: str) -> Iterator[Row]:
        """What its provider reports of a short message: passed on, then delivered or not; of some it never
        reports anything.
        """
        if self._rng.random() < _NO_RECEIPT:
            return
        passed_on = accepted + timedelta(seconds=0.5 + self._rng.random() * 2)
        last = ReceiptStatus.UNDELIVERED if self._rng.random() < _UNDELIVERED else ReceiptStatus.DELIVERED
        for status, at in (
            (ReceiptStatus.PASSED_ON, passed_on),
            (last, passed_on + timedelta(seconds=1 + self._rng.random() * 8)),
        ):
            yield {
                "message_id": pk, "provider_id": provider_id, "status": status, "received_at": self._at(at)
            }  # fmt: skip

    def _attempts(
        self, pk: int, channel: MessageType, due: datetime, fate: Fate
    ) -> tuple[list[Row], datetime]:
        """The tries, and when the last of them ended."""
        tries, at, ended = list[Row](), self._at, due
        for number, outcome in enumerate(fate.outcomes, 1):
            opened = due + timedelta(seconds=0.02 + self._rng.random() * 0.1)
            lost = outcome == Outcome.ABANDONED
            started = None if lost else at(opened + _PERMIT)
            ended = opened + timedelta(seconds=21.0 if lost else 0.04 + self._rng.random() * 0.5)
            reason, detail = fate.reason, fate.cause
            if lost or outcome == Outcome.ACCEPTED:
                reason, detail = "", fates.LOST if lost else fates.answer(channel, self._rng)
            tries.append({
                "message_id": pk, "number": number, "token": number, "worker": self._rng.choice(_WORKERS),
                "due_at": at(due), "opened_at": at(opened), "permitted_at": started, "started_at": started,
                "finished_at": at(ended), "outcome": outcome, "failure_reason": reason, "detail": detail,
                "provider_id": "",
            })  # fmt: skip
            due = ended + timedelta(seconds=_POLICY.wait(min(number - 1, _POLICY.max_retries)))
        return tries, ended
