"""What a bulk resend is about: the failed messages among those chosen, each chain once, counted first and then frozen.

Left out are messages of whose chain another entry was sent or is under way, the older entries of a chain that is chosen more than
once, and, unless wanted, those that may have been delivered (some attempt in the chain got no answer).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Case, Count, Exists, Max, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from commlog.models import Job, JobItem
from notifications.models import Message
from notifications.models.message import MessageQuerySet
from notifications.states import MessageType, Outcome

_PEOPLE = {  # whom a message is for: its recipient, or an address alone
    "clients": Count("client", distinct=True),
    "groups": Count("group", filter=Q(client=None), distinct=True),
    "users": Count("user", filter=Q(client=None, group=None), distinct=True),
    "addresses": Count("destination", filter=Q(client=None, group=None, user=None), distinct=True),
}
# As Message.may_have_been_delivered says it, but for FAILED: in a chain without obstacle nothing else has this outcome. If asked,
# PostgreSQL would read its index of failed messages for each row, as long as its statistics say that there are few.
_UNKNOWN = Q(outcome=Outcome.UNKNOWN, receipt_status="")
_CHANNELS = {channel.value: Count("pk", filter=Q(type=channel)) for channel in MessageType}


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be resent, before anything is."""

    total: int
    people: int
    channels: Sequence[tuple[MessageType, int]]
    resent_already: int  # left out
    unknown: int  # may have been delivered: left out unless wanted
    not_failed: int  # left out

    @property
    def with_unknown(self) -> int:
        """How many it is where those are wanted that may have been delivered."""
        return self.total + self.unknown


def preview(chosen: MessageQuerySet, *, count_others: bool = False) -> Preview:
    """Count exactly; call it within a time limit. `count_others`: say how many of the chosen are not failed, too."""
    failed = chosen.failed()
    found = _picked(failed).aggregate(total=Count("pk"), **_PEOPLE, **_CHANNELS)
    rows = failed.count()
    free = _free(failed).aggregate(chains=Count("root", distinct=True))["chains"]
    return Preview(
        total=found["total"],
        people=sum(found[name] for name in _PEOPLE),
        channels=[(channel, found[channel.value]) for channel in MessageType if found[channel.value]],
        resent_already=rows - free,
        unknown=free - found["total"],
        not_failed=chosen.count() - rows if count_others else 0,
    )


def number(chosen: MessageQuerySet) -> int:
    """The total of `preview`, alone; call it within a time limit."""
    return _picked(chosen.failed()).count()


def freeze(job: Job, chosen: MessageQuerySet, *, unknown: bool) -> int:
    """Write down which messages are the job's, oldest first. How many. One statement: half a million ids are not carried to and fro."""
    picks = _picks(chosen.failed(), unknown=unknown)
    try:
        statement, parameters = picks.query.get_compiler(connection=connection).as_sql()
    except EmptyResultSet:
        return 0
    table = JobItem._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (job_id, message_id, outcome) SELECT %s, pick, '' FROM ({statement}) AS chosen ORDER BY pick",  # noqa: S608
            [job.pk, *parameters],
        )
        return int(cursor.rowcount)


def _free(failed: MessageQuerySet) -> MessageQuerySet:
    """Those without obstacle, and `root`: the chain that each belongs to."""
    return cast(MessageQuerySet, failed.order_by().unanswered().annotate(root=Coalesce("first", "pk")))


def _picked(failed: MessageQuerySet) -> QuerySet[Message]:
    """Those that are resent unless more is wanted."""
    return Message.objects.filter(pk__in=_picks(failed, unknown=False))


def _picks(failed: MessageQuerySet, *, unknown: bool) -> QuerySet[Message, dict[str, Any]]:
    """The ids (`pick`) of the messages to be resent: of each chain without obstacle its newest entry among these."""
    free = _free(failed)
    if not unknown:
        chain = Message.objects.filter(_UNKNOWN)
        free = free.exclude(_UNKNOWN)
        earlier = Exists(chain.filter(first=OuterRef("root"))) | Exists(chain.filter(pk=OuterRef("first")))
        free = free.annotate(doubtful=Case(When(earlier, then=Value(1)), default=Value(0))).filter(doubtful=0)  # CASE as in unanswered()
    return cast(Any, free).values("root").annotate(pick=Max("pk")).values("pick")
