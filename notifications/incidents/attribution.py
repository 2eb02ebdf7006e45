"""Attribution of failed messages to an incident, and their fate since.

It goes by lane and time, in the order of an index, however large the log is.
"""

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Case, CharField, Count, Exists, Max, OuterRef, Q, Sum, Value, When
from django.db.models.functions import Coalesce

from notifications.failures.meanings import Level
from notifications.models import Incident, IncidentLane, Message
from notifications.models.message import ARRIVED, MessageQuerySet
from notifications.states import LIVE, Outcome


@dataclass(frozen=True, slots=True)
class Standing:
    """Counts of messages that failed for good because of an incident, each counted once.

    All but `failed`, `tries` and `resent` add up to `failed`.
    """

    failed: int = 0
    tries: int = 0  # that were refused for it
    resent: int = 0
    delivered: int = 0  # since
    under_way: int = 0
    dead: int = 0  # its address does not exist
    doubtful: int = 0  # may have been delivered
    left: int = 0  # not delivered, and can be resent

    @property
    def undelivered(self) -> int:
        """How many are still not delivered, whatever the reason."""
        return self.failed - self.delivered


def failed_by(incident: Incident) -> MessageQuerySet:
    """Return the messages that failed for good because of it: on its lanes, while they failed."""
    return Message.objects.filter(_condition(incident))


def failed_more_than(incident: Incident, most: int) -> bool:
    """Return whether more than `most` messages failed for good because of it.

    Reads no more rows than needed to know.
    """
    left = most
    for span in _spans(incident):  # one by one, in the order of the index: together, all of them are read
        left -= Message.objects.filter(span).order_by("lane", "failed_at")[: left + 1].count()
        if left < 0:
            return True
    return False


def resendable(incident: Incident) -> MessageQuerySet:
    """Return the messages that failed because of it, except those whose address does not exist."""
    return failed_by(incident).exclude(_dead())


def waiting(incident: Incident) -> MessageQuerySet:
    """Return the messages that wait on the lanes that have not recovered."""
    lanes = IncidentLane.objects.filter(incident=incident, recovered_at=None).values("lane")
    return Message.objects.filter(lane__in=list(lanes.values_list("lane", flat=True)), due_at__isnull=False)


def standing(incident: Incident, scope: MessageQuerySet | None = None) -> Standing:
    """Count the messages that failed because of it, by what became of them.

    Of a chain, the last message that failed so counts.
    """
    theirs = failed_by(incident)
    if scope is not None:
        theirs = theirs & scope
    # Not by asking of each whether a later one failed, too: that is quadratic.
    root = Coalesce("first", "pk")
    picked: Any = theirs.order_by().annotate(root=root).values("root").annotate(pick=Max("pk"))
    last = Message.objects.filter(pk__in=picked.values("pick"))
    # CASE, as in notifications.models.message.unanswered.
    chain = Message.objects.filter(first=_root())
    origin = Message.objects.filter(ARRIVED, pk=OuterRef("first"))
    fate = Case(
        When(ARRIVED | Exists(chain.filter(ARRIVED)) | Exists(origin), then=Value("delivered")),
        When(Exists(chain.filter(state__in=sorted(LIVE))), then=Value("under_way")),
        When(_dead(), then=Value("dead")),
        When(_doubtful(), then=Value("doubtful")),
        default=Value("left"),
        output_field=CharField(),
    )
    resent = Case(When(Exists(chain.filter(pk__gt=OuterRef("pk"))), then=Value(1)), default=Value(0))
    rows: Any = last.annotate(fate=fate, again=resent).order_by().values("fate")
    told: dict[str, int] = {"failed": 0, "tries": 0, "resent": 0}
    for fate, number, tries, again in rows.annotate(
        number=Count("pk"), tries=Sum("failures"), resends=Sum("again")
    ).values_list("fate", "number", "tries", "resends"):
        told[fate] = number
        told["failed"] += number
        told["tries"] += tries or 0
        told["resent"] += again or 0
    return Standing(**told)


def _condition(incident: Incident) -> Q:
    spans = _spans(incident)
    return reduce(or_, spans) if spans else Q(pk__in=[])


def _spans(incident: Incident) -> list[Q]:
    parts = IncidentLane.objects.filter(incident=incident)
    return [
        Q(lane=part.lane_id, failed_at__gte=part.began_at)
        & (Q(failed_at__lte=part.recovered_at) if part.recovered_at else Q())
        for part in parts
    ]


def _root() -> Coalesce:
    return Coalesce(OuterRef("first"), OuterRef("pk"))


def _dead() -> Q:
    """Return the condition that the message or a resend of it failed because its address does not exist."""
    chain = Message.objects.filter(first=_root(), failure_level=Level.ADDRESS)
    return Q(failure_level=Level.ADDRESS) | Q(Exists(chain))


def _doubtful() -> Q:
    """Return the condition that the message or a resend of it may have been delivered."""
    unknown = Q(outcome=Outcome.UNKNOWN, receipt_status="")
    return unknown | Q(Exists(Message.objects.filter(unknown, first=_root())))
