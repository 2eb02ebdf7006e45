"""Choosing the messages of a bulk resend: failed ones among those selected, each chain once, counted first.

Excluded are messages with another entry of the chain sent or in progress, older entries of a chain, what
would fail again at once (`unsendable.py`), and, unless wanted, what may have been delivered.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from django.db import connection
from django.db.models import Case, Count, Exists, F, Max, OuterRef, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce

from commlog.bulk import unsendable
from commlog.kit.limits import counted
from commlog.models import Job, JobItem
from notifications import sendable
from notifications.failures import Reason
from notifications.models import Message
from notifications.models.message import MessageQuerySet
from notifications.states import MessageType, Outcome

MOST = 500_000  # messages of one bulk resend
_MOST_MATCHING = 100_000  # counted, where only some of what matches can be resent
_AT_ONCE = 5_000  # rows in memory while they are counted
# As Message.may_have_been_delivered says it, but for FAILED: in a chain without obstacle nothing else has
# this outcome. If asked, PostgreSQL would read its index of failed messages for each row, as long as its
# statistics say that there are few.
_UNKNOWN = Q(outcome=Outcome.UNKNOWN, receipt_status="")


class TooMany(Exception):
    """More messages than one bulk resend may contain. The text says so to a clerk."""

    def __init__(self, number: int) -> None:
        super().__init__(f"{number:,} messages match; at most {MOST:,} can be resent at once.")


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be resent; its counts are those of the ids, found by one query."""

    ids: Sequence[int]  # oldest first
    doubtful: Sequence[int]  # may have been delivered: left out unless wanted
    people: int
    channels: Sequence[tuple[MessageType, int]]
    resent_already: int  # left out
    not_failed: int  # left out
    unsendable: Sequence[tuple[Reason, int]]  # left out, because they would fail again at once

    @property
    def hopeless(self) -> int:
        return sum(number for _, number in self.unsendable)

    @property
    def total(self) -> int:
        return len(self.ids)

    @property
    def unknown(self) -> int:
        return len(self.doubtful)

    @property
    def with_unknown(self) -> int:
        """The count including messages that may have been delivered."""
        return self.total + self.unknown


class _Pick(NamedTuple):
    doubtful: int
    channel: str
    client: int | None
    group: int | None
    user: int | None
    destination: str

    @property
    def person(self) -> tuple[object, ...]:
        known = (
            (kind, pk)
            for kind, pk in (("client", self.client), ("group", self.group), ("user", self.user))
            if pk
        )
        return next(known, (self.destination,))


@dataclass(slots=True)
class _Found:
    ids: list[int] = field(default_factory=list)
    doubtful: list[int] = field(default_factory=list)
    people: set[tuple[object, ...]] = field(default_factory=set)
    channels: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.ids) + len(self.doubtful)

    def add(self, pk: int, pick: _Pick) -> None:
        if pick.doubtful:
            self.doubtful.append(pk)
            return
        self.ids.append(pk)
        self.people.add(pick.person)
        self.channels[pick.channel] += 1


@dataclass(frozen=True, slots=True)
class Resendable:
    """How many failed messages would be resent, and how many undelivered ones are excluded."""

    number: int
    doubtful: int  # may have been delivered
    unsendable: int  # would fail again at once


@dataclass(frozen=True, slots=True)
class Matching:
    """How many messages match a filter, and how many a bulk resend excludes. None: more than `most`."""

    number: int | None
    not_failed: int | None
    resent_already: int
    doubtful: int  # may have been delivered
    unsendable: int  # would fail again at once
    most: int = _MOST_MATCHING  # counted no further


def preview(chosen: MessageQuerySet, *, count_others: bool = False) -> Preview:
    """Count exactly; call it within a time limit.

    `count_others`: also count the selected messages that are not failed. Raises TooMany.
    """
    failed, closed = chosen.failed(), sendable.closed()
    found = _Found()
    unread: dict[int, _Pick] = {}
    why: dict[int, Reason] = {}
    names = ("pk", "failure_reason", "doubtful", "type", "client_id", "group_id", "user_id", "destination")
    for pk, reason, *rest in _picked(failed).values_list(*names).iterator(_AT_ONCE):
        pick = _Pick(*rest)
        if known := unsendable.known_reason(pick.channel, pick.destination, closed):
            why[pk] = known
        elif len(found) + len(unread) == MOST:
            raise TooMany(_picked(failed).count())
        elif unsendable.to_be_read(reason):
            unread[pk] = pick
        else:
            found.add(pk, pick)
    why |= unsendable.found_by_reading(unread)
    for pk in unread.keys() - why.keys():
        found.add(pk, unread[pk])
    rows = failed.count()
    return Preview(
        ids=sorted(found.ids),
        doubtful=sorted(found.doubtful),
        people=len(found.people),
        channels=[(channel, found.channels[channel]) for channel in MessageType if found.channels[channel]],
        resent_already=max(0, rows - len(found) - len(why)),
        not_failed=max(0, chosen.count() - rows) if count_others else 0,
        unsendable=unsendable.by_reason(why.values()),
    )


def resendable(chosen: MessageQuerySet) -> Resendable:
    """Count what `preview` would, without collecting ids; call it within a time limit."""
    known, picked = unsendable.known(sendable.closed()), cast(Any, _picked(chosen.failed()))
    unread = ~known & Q(failure_reason__in=sorted(sendable.DOUBTFUL_REASONS))
    counts = picked.aggregate(
        hopeless=Count("pk", filter=known),
        others=Count("pk", filter=~known),
        unsure=Sum("doubtful", filter=~known, default=0),
        unread=Count("pk", filter=unread),
    )
    to_read = dict(picked.filter(unread).values_list("pk", "doubtful")) if counts["unread"] else {}
    read = unsendable.found_by_reading(to_read)
    doubtful = counts["unsure"] - sum(to_read[pk] for pk in read)
    return Resendable(counts["others"] - len(read) - doubtful, doubtful, counts["hopeless"] + len(read))


def matching(chosen: MessageQuerySet, these: Resendable) -> Matching:
    """Return how many match, and why only `these` can be resent; call it within a time limit."""
    whole = counted(chosen, _MOST_MATCHING)
    if whole == these.number:
        return Matching(whole, 0, 0, 0, 0)
    failed = chosen.failed().count()
    known = whole <= _MOST_MATCHING
    return Matching(
        number=whole if known else None,
        not_failed=max(0, whole - failed) if known else None,
        resent_already=max(0, failed - these.number - these.doubtful - these.unsendable),
        doubtful=these.doubtful,
        unsendable=these.unsendable,
    )


def freeze(job: Job, scope: MessageQuerySet, ids: Sequence[int]) -> int:
    """Store `scope` as the job's items, oldest first, in one statement. Return how many."""
    found = scope.order_by().filter(pk__in=unsendable.these(ids)).values(pick=F("pk"))
    statement, parameters = found.query.get_compiler(connection=connection).as_sql()
    table = JobItem._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (job_id, message_id, outcome) "  # noqa: S608
            f"SELECT %s, pick, '' FROM ({statement}) AS confirmed ORDER BY pick",
            [job.pk, *parameters],
        )
        return int(cursor.rowcount)


def _picked(failed: MessageQuerySet) -> QuerySet[Message]:
    """Return the newest entry here of each chain without an obstacle, and whether it is `doubtful`."""
    free = _rooted(failed.order_by().unanswered())
    picks = cast(Any, free).values("root").annotate(pick=Max("pk")).values("pick")
    chain = Message.objects.filter(_UNKNOWN)
    # CASE as in unanswered().
    unknown = (
        _UNKNOWN | Exists(chain.filter(first=OuterRef("root"))) | Exists(chain.filter(pk=OuterRef("first")))
    )
    return _rooted(Message.objects.filter(pk__in=picks)).annotate(
        doubtful=Case(When(unknown, then=Value(1)), default=Value(0))
    )


def _rooted(messages: QuerySet[Message]) -> QuerySet[Message]:
    """Annotate `root`: each message's chain."""
    return messages.annotate(root=Coalesce("first", "pk"))
