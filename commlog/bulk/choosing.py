"""What a bulk resend is about: the failed messages among those chosen, each chain once, counted and named before it is confirmed.

Left out are messages of whose chain another entry was sent or is under way, the older entries of a chain that is chosen more than
once, and, unless wanted, those that may have been delivered (some attempt in the chain got no answer).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.db import connection
from django.db.models import Case, Exists, F, Max, OuterRef, Q, QuerySet, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce

from commlog.limits import counted
from commlog.models import Job, JobItem
from notifications.models import Message
from notifications.models.message import MessageQuerySet
from notifications.states import MessageType, Outcome

MOST = 500_000  # messages of one bulk resend
_MOST_MATCHING = 100_000  # counted, where only some of what matches can be resent
_AT_ONCE = 5_000  # rows in memory while they are counted
# As Message.may_have_been_delivered says it, but for FAILED: in a chain without obstacle nothing else has this outcome. If asked,
# PostgreSQL would read its index of failed messages for each row, as long as its statistics say that there are few.
_UNKNOWN = Q(outcome=Outcome.UNKNOWN, receipt_status="")


class TooMany(Exception):
    """More messages would be resent than one bulk resend takes. `number`: how many."""

    def __init__(self, number: int) -> None:
        super().__init__(f"{number:,} messages")
        self.number = number


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be resent, before anything is. The counts are those of the ids, which one question has found."""

    ids: Sequence[int]  # oldest first
    doubtful: Sequence[int]  # may have been delivered: left out unless wanted
    people: int
    channels: Sequence[tuple[MessageType, int]]
    resent_already: int  # left out
    not_failed: int  # left out

    @property
    def total(self) -> int:
        """How many would be resent."""
        return len(self.ids)

    @property
    def unknown(self) -> int:
        """How many may have been delivered."""
        return len(self.doubtful)

    @property
    def with_unknown(self) -> int:
        """How many it is where those are wanted that may have been delivered."""
        return self.total + self.unknown


@dataclass(frozen=True, slots=True)
class Matching:
    """How many messages match a filter, and how many of them are left out of a bulk resend. None: more than `most`."""

    number: int | None
    not_failed: int | None
    resent_already: int
    doubtful: int  # may have been delivered
    most: int = _MOST_MATCHING  # counted no further


def preview(chosen: MessageQuerySet, *, count_others: bool = False) -> Preview:
    """Count exactly; call it within a time limit. `count_others`: say how many of the chosen are not failed, too. Raises TooMany."""
    failed = chosen.failed()
    ids: list[int] = []
    doubtful: list[int] = []
    people: set[tuple[object, ...]] = set()
    channels: Counter[str] = Counter()
    names = ("pk", "doubtful", "type", "client_id", "group_id", "user_id", "destination")
    for pk, may_have_arrived, channel, *whom, destination in _picked(failed).values_list(*names).iterator(_AT_ONCE):
        if len(ids) + len(doubtful) == MOST:
            raise TooMany(_picked(failed).count())
        if may_have_arrived:
            doubtful.append(pk)
            continue
        ids.append(pk)
        channels[channel] += 1
        people.add(_person(*whom) or (destination,))
    rows = failed.count()
    return Preview(
        ids=sorted(ids),
        doubtful=sorted(doubtful),
        people=len(people),
        channels=[(channel, channels[channel]) for channel in MessageType if channels[channel]],
        resent_already=max(0, rows - len(ids) - len(doubtful)),
        not_failed=max(0, chosen.count() - rows) if count_others else 0,
    )


def number(chosen: MessageQuerySet) -> int:
    """The total of `preview`, alone; call it within a time limit."""
    return cast(Any, _picked(chosen.failed())).filter(doubtful=0).count()


def matching(chosen: MessageQuerySet, resendable: int) -> Matching:
    """Return how many match, and why only the `resendable` ones that `number` counted can be resent. Call it within a time limit."""
    whole = counted(chosen, _MOST_MATCHING)
    if whole == resendable:
        return Matching(whole, 0, 0, 0)
    failed, doubtful = chosen.failed().count(), cast(Any, _picked(chosen.failed())).filter(doubtful=1).count()
    known = whole <= _MOST_MATCHING
    return Matching(
        number=whole if known else None,
        not_failed=max(0, whole - failed) if known else None,
        resent_already=max(0, failed - resendable - doubtful),
        doubtful=doubtful,
    )


def freeze(job: Job, scope: MessageQuerySet, ids: Sequence[int]) -> int:
    """Write down which messages of `scope` are the job's, oldest first. Returns how many. One statement, whatever their number."""
    numbers = ",".join(map(str, ids))
    if connection.vendor == "postgresql":
        these = RawSQL("SELECT unnest(%s::bigint[])", [f"{{{numbers}}}"])
    else:
        these = RawSQL("SELECT value FROM json_each(%s)", [f"[{numbers}]"])
    found = scope.order_by().filter(pk__in=these).values(pick=F("pk"))
    statement, parameters = found.query.get_compiler(connection=connection).as_sql()
    table = JobItem._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (job_id, message_id, outcome) SELECT %s, pick, '' FROM ({statement}) AS confirmed ORDER BY pick",  # noqa: S608
            [job.pk, *parameters],
        )
        return int(cursor.rowcount)


def _person(client: int | None, group: int | None, user: int | None) -> tuple[object, ...]:
    """Whom a message is for; empty where it is for an address alone."""
    return next(((kind, pk) for kind, pk in (("client", client), ("group", group), ("user", user)) if pk), ())


def _picked(failed: MessageQuerySet) -> QuerySet[Message]:
    """The messages to be resent: of each chain without obstacle its newest entry among these, and whether it is `doubtful`."""
    free = _rooted(failed.order_by().unanswered())
    picks = cast(Any, free).values("root").annotate(pick=Max("pk")).values("pick")
    chain = Message.objects.filter(_UNKNOWN)
    # CASE as in unanswered().
    unknown = _UNKNOWN | Exists(chain.filter(first=OuterRef("root"))) | Exists(chain.filter(pk=OuterRef("first")))
    return _rooted(Message.objects.filter(pk__in=picks)).annotate(doubtful=Case(When(unknown, then=Value(1)), default=Value(0)))


def _rooted(messages: QuerySet[Message]) -> QuerySet[Message]:
    """`root`: the chain that each belongs to."""
    return messages.annotate(root=Coalesce("first", "pk"))
