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
from random import Random
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, models, transaction

from commlog.demo import fates, people, texts
from commlog.demo.fates import Fate
from commlog.demo.people import Cast
from commlog.demo.texts import Facts, Wording
from commlog.models import User
from notifications.events import MANUAL
from notifications.models import Attempt, Client, DeliveryReceipt, Group, Lane, Message
from notifications.models.template import Target
from notifications.retry import RetryPolicy
from notifications.states import MessageState, MessageType, Outcome, ReceiptStatus, WaitingReason
from notifications.text.spelling import stored_fold

_AT_ONCE = 5_000  # messages a transaction
_NEVER = timedelta(days=36_500)
_LONG = 1_000  # of so many e-mails one is very long
_RESENT, _TO_GROUPS = 60, 8  # of a hundred failed; of a hundred letters
_NO_RECEIPT, _UNDELIVERED = 6, 2  # of a hundred short messages
_LONGEST_REST = 6 * 3600.0  # seconds until somebody resends what failed
_ONE_OF_EACH = 20  # until each kind of failure has been there, one of so many messages is the next kind
_POLICY = RetryPolicy()
_WORKERS = tuple(f"sender{host}:{4_000 + number}" for host in (1, 2) for number in range(4))
_WEIGHTS = list(accumulate(wording.often for wording in texts.WORDINGS))
_FOR_GROUPS = [each for each in texts.WORDINGS if not each.way and Target.GROUP in texts.targets(each)]
_OF_A_DAY = (1.0, 1.0, 1.0, 1.0, 0.95, 0.35, 0.2)  # Monday first
_OF_AN_HOUR = (1, 1, 6, 1, 1, 2, 6, 12, 30, 36, 34, 32, 24, 28, 34, 32, 26, 18, 10, 8, 7, 5, 3, 2)
# The past ends a little before now: the last message must have its retries behind it.
_UNTIL_NOW = timedelta(minutes=3)
# Of so many messages and more, one in four is new and the others are one of the last.
_LARGE, _RECENT, _ANEW = 20_000, 2_000, 4
_fold = lru_cache(100_000)(stored_fold)


Row = dict[str, Any]


def _append(model: type[models.Model], rows: Sequence[Row]) -> None:
    """Write the rows, all of the same columns: by COPY on PostgreSQL, by one prepared INSERT on SQLite.

    Columns that they do not have get the model's defaults. Must run inside a transaction.
    """
    if not rows:
        return
    given = [field for field in model._meta.concrete_fields if field.attname in rows[0]]
    others = [field for field in model._meta.concrete_fields if field not in given and _must_be_given(field)]
    defaults = [(field.get_default(), _prepare(field)) for field in others]
    rest = [make(value) if make else value for value, make in defaults]
    makes = [(field.attname, _prepare(field)) for field in given]
    written = ([make(row[name]) if make else row[name] for name, make in makes] + rest for row in rows)
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in [*given, *others])
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {model._meta.db_table} ({columns}) FROM STDIN") as copy:
                for row in written:
                    copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * (len(makes) + len(rest)))
            table = model._meta.db_table
            cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(written))  # noqa: S608


def _must_be_given(field: Any) -> bool:
    return not isinstance(field, models.AutoField) and field.db_default is models.NOT_PROVIDED


def _new_ids(model: type[models.Model], count: int) -> list[int]:
    """The ids of the next rows. Must run inside the transaction that appends them."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            ids = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"
            cursor.execute(ids, [table, count])
            return [number for (number,) in cursor.fetchall()]
        # An IMMEDIATE transaction: nobody else writes until it is over.
        cursor.execute("SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = %s", [table])
        (last,) = cursor.fetchone()
        return list(range(last + 1, last + 1 + count))


def _prepare(field: Any) -> Callable[[Any], Any] | None:
    """How this database takes the field's values; None: as they are."""
    # A field of our own may refuse what it is given.
    if type(field).__module__ != models.Field.__module__ and not field.is_relation:
        return lambda value: field.get_db_prep_save(value, connection)
    if connection.vendor != "postgresql" and isinstance(field, models.DateTimeField):
        return connection.ops.adapt_datetimefield_value
    if connection.vendor != "postgresql" and isinstance(field, models.UUIDField):
        return lambda value: value and value.hex
    return None


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
class _Failed:
    """A failed message that somebody will resend."""

    pk: int
    first: int
    frozen: Row


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
    mill = Mill(
        people.crowd(count, since=now - timedelta(days=days + 200), rng=rng),
        "https://hooks.example.org",
        rng,
        recent=_RECENT if count > _LARGE else 0,
    )
    mill.write(spread(count - waiting, days, now=now, rng=rng), said=said)
    latest = sorted(now - _UNTIL_NOW * rng.uniform(0.1, 1.0) for _ in range(waiting))
    mill.write(latest, due=now + _NEVER)


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
        return Happened(
            wording,
            Facts(when, rng, RECIPIENT_NAME=group.name, USER_NAME=sender.name if sender else ""),
            None,
            group,
            None,
            sender,
        )
    return to_client(wording, rng.choice(cast.clients), when, rng, sender)


def to_client(
    wording: Wording, client: Client, when: datetime, rng: Random, sender: User | None = None
) -> Happened:
    """Something about this client."""
    known = {
        "RECIPIENT_NAME": client.name,
        "CLIENT_ID": client.client_id,
        "CLIENT_KEY": client.key.hex,
        "EVENT": wording.event,
    }
    return Happened(
        wording, Facts(when, rng, USER_NAME=sender.name if sender else "", **known), client, sender=sender
    )


class Mill:
    """Makes rows, the oldest first; keeps what is still to be resent.

    `receiver`: the address of whoever gets webhooks. `templates`: their primary keys by their names.
    `recent`: most messages say what one of so many before them said to the same person; making up a text
    takes a third of the time.
    """

    def __init__(
        self,
        cast: Cast,
        receiver: str,
        rng: Random,
        templates: Mapping[str, int] | None = None,
        lane: str = "generated",
        recent: int = 0,
    ) -> None:
        self._cast, self._receiver, self._rng, self._templates = cast, receiver, rng, templates or {}
        self._lanes = {
            channel: Lane.objects.get_or_create(channel=channel, name=lane)[0].pk for channel in MessageType
        }
        self._recent, self._keep = list[Row](), recent
        self._to_resend: list[tuple[datetime, int, _Failed]] = []
        self._to_fail = {channel: list(kinds) for channel, kinds in fates.FAILURES.items()}

    def write(
        self,
        moments: Sequence[datetime],
        *,
        due: datetime | None = None,
        said: Callable[[int], None] = lambda done: None,
    ) -> None:
        """Write a message for each of these moments. `due`: all of them wait for a retry then."""
        for start in range(0, len(moments), _AT_ONCE):
            part = moments[start : start + _AT_ONCE]
            messages, attempts, receipts = list[Row](), list[Row](), list[Row]()
            with transaction.atomic():
                for moment, pk in zip(part, _new_ids(Message, len(part)), strict=True):
                    message, tries, reports = self._made(pk, moment, due)
                    messages.append(message)
                    attempts += tries
                    receipts += reports
                _append(Message, messages)
                _append(Attempt, attempts)
                _append(DeliveryReceipt, receipts)
            said(start + len(part))

    def _made(self, pk: int, moment: datetime, due: datetime | None) -> tuple[Row, list[Row], list[Row]]:
        source = (
            heapq.heappop(self._to_resend)[2] if self._to_resend and self._to_resend[0][0] <= moment else None
        )
        frozen = source.frozen if source else self._said(moment)
        channel: MessageType = frozen["type"]
        fate = (
            Fate("-", *fates.TROUBLE[channel])
            if due
            else self._fate(channel, frozen["destination"], again=source is not None)
        )
        if not source:
            frozen |= fate.caused_by
            frozen |= {
                "destination_fold": _fold(frozen["destination"]),
                "recipient_name_fold": _fold(frozen["recipient_name"]),
            }
        made = self._life(pk, moment, frozen, fate, source, due)
        if (
            fate.state == MessageState.FAILED
            and fate.tries
            and not due
            and self._rng.randrange(100) < _RESENT
        ):
            later = moment + timedelta(seconds=300 + self._rng.random() * _LONGEST_REST)
            heapq.heappush(self._to_resend, (later, pk, _Failed(pk, source.first if source else pk, frozen)))
        return made

    def _fate(self, channel: MessageType, destination: str, *, again: bool) -> Fate:
        fate = fates.fate_of(channel, destination, self._rng, again=again)
        if (
            self._to_fail[channel]
            and not again
            and fate is fates.DELIVERED
            and self._rng.randrange(_ONE_OF_EACH) == 0
        ):
            return self._to_fail[channel].pop()
        return fate

    def _said(self, moment: datetime) -> Row:
        full = len(self._recent) >= self._keep > 0
        if full and self._rng.randrange(_ANEW):
            return dict(self._rng.choice(self._recent))
        made = self._frozen(moment)
        if full:
            self._recent[self._rng.randrange(self._keep)] = dict(made)
        elif self._keep:
            self._recent.append(dict(made))
        return made

    def _frozen(self, moment: datetime) -> Row:
        what = happen(self._cast, moment, self._rng)
        wording, recipient, sender = what.wording, what.client or what.group or what.user, what.sender
        on_file = (
            ""
            if recipient is None
            else recipient.email
            if wording.channel == MessageType.EMAIL
            else recipient.mobile_phone
        )
        subject, content, html = wording.said(what.facts)
        if wording.channel == MessageType.EMAIL and self._rng.randrange(_LONG) == 0:
            content += "".join(texts.turnover(self._rng))
        name = wording.name(Target.GROUP if what.group else Target.CLIENT)
        return {
            "type": wording.channel, "lane_id": self._lanes[wording.channel],
            "destination": texts.destination(wording, self._receiver) or on_file, "subject": subject,
            "content": content, "html": html,
            "method": "POST" if wording.channel == MessageType.WEB_HOOK else "",
            "content_type": "application/json" if wording.way else "",
            "sender": sender.name if sender else settings.SYSTEM_SENDER_NAME,
            "sender_user_id": sender and sender.pk, "recipient_name": recipient.name if recipient else "",
            "client_id": what.client and what.client.pk, "group_id": what.group and what.group.pk,
            "user_id": what.user and what.user.pk, "event": wording.event,
            "template_id": self._templates.get(name),
            "template_name": name if name in self._templates else "",
        }  # fmt: skip

    def _life(
        self,
        pk: int,
        created: datetime,
        frozen: Row,
        fate: Fate,
        source: _Failed | None,
        due: datetime | None,
    ) -> tuple[Row, list[Row], list[Row]]:
        channel, by = frozen["type"], self._rng.choice(self._cast.officers) if source else None
        tries = list(self._attempts(pk, channel, created, fate))
        sent = tries[-1]["finished_at"] if fate.state == MessageState.SENT else None
        handed_over = sent if channel == MessageType.SMS else None
        provider_id = f"SM{self._rng.getrandbits(128):032x}" if handed_over else ""
        receipts: list[Row] = []
        if handed_over:
            tries[-1]["provider_id"] = provider_id
            receipts += self._receipts(pk, handed_over, provider_id)
        abandons = fate.tries.count("0")
        life = {
            "id": pk, "key": UUID(int=self._rng.getrandbits(128), version=4), "created_at": created,
            "first_id": source and source.first, "resend_of_id": source and source.pk,
            "resent_by": by.name if by else "", "resent_by_user_id": by and by.pk,
            "state": MessageState.WAITING if due else fate.state,
            "sent_at": receipts[0]["received_at"] if receipts else sent, "due_at": due,
            "waiting_reason": WaitingReason.READY_TO_BE_SENT if due else "", "token": len(tries),
            "attempt_count": len(tries), "failures": len(tries) - abandons - (sent is not None),
            "abandons": abandons, "failure_reason": "" if sent else fate.reason,
            "failure_cause": "" if sent else fate.cause, "outcome": fate.outcome,
            "possible_duplicate": "?" in fate.tries and len(tries) > 1, "provider_id": provider_id,
            "receipt_due_at": handed_over and handed_over + timedelta(seconds=settings.RECEIPT_TIMEOUT),
            "receipt_status": receipts[-1]["status"] if receipts else "",
            "receipt_at": receipts[-1]["received_at"] if receipts else None,
        }  # fmt: skip
        return frozen | life, tries, receipts

    def _receipts(self, pk: int, accepted: datetime, provider_id: str) -> Iterator[Row]:
        """What its provider reports of a short message: passed on, then delivered or not; of some it never
        reports anything.
        """
        if self._rng.randrange(100) < _NO_RECEIPT:
            return
        passed_on = accepted + timedelta(seconds=0.5 + self._rng.random() * 2)
        last = (
            ReceiptStatus.UNDELIVERED if self._rng.randrange(100) < _UNDELIVERED else ReceiptStatus.DELIVERED
        )
        for status, at in (
            (ReceiptStatus.PASSED_ON, passed_on),
            (last, passed_on + timedelta(seconds=1 + self._rng.random() * 8)),
        ):
            yield {"message_id": pk, "provider_id": provider_id, "status": status, "received_at": at}

    def _attempts(self, pk: int, channel: MessageType, due: datetime, fate: Fate) -> Iterator[Row]:
        for number, outcome in enumerate(fate.outcomes):
            opened = due + timedelta(seconds=0.02 + self._rng.random() * 0.1)
            started = None if outcome == Outcome.ABANDONED else opened + timedelta(seconds=0.004)
            finished = opened + timedelta(seconds=0.04 + self._rng.random() * 0.5 if started else 21.0)
            reason, detail = fate.reason, fate.cause
            if outcome in (Outcome.ACCEPTED, Outcome.ABANDONED):
                reason, detail = "", fates.answer(channel, self._rng) if started else fates.LOST
            yield {
                "message_id": pk, "number": number + 1, "token": number + 1,
                "worker": self._rng.choice(_WORKERS), "due_at": due, "opened_at": opened,
                "permitted_at": started, "started_at": started, "finished_at": finished, "outcome": outcome,
                "failure_reason": reason, "detail": detail, "provider_id": "",
            }  # fmt: skip
            due = finished + timedelta(seconds=_POLICY.wait(min(number, _POLICY.max_retries)))
