"""The result of a bulk resend: numbers that add up to its total, each linked to the log."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count
from django.utils.http import urlencode

from commlog.kit.limits import A_COUNT, TookTooLong, time_limit
from commlog.log.places import Place
from commlog.models import Job, JobItem
from commlog.models.column_layout import LogKind
from commlog.models.outcomes import LEFT, Outcome
from notifications.states import LIVE, MessageState

_FATES = (
    ("SENT", "sent", [MessageState.SENT]),
    ("FAILED", "failed again", [MessageState.FAILED]),
    ("PENDING", "in progress", sorted(LIVE)),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A number of the report, and the log page that lists its messages."""

    label: str
    number: int
    url: str


@dataclass(frozen=True, slots=True)
class Report:
    """`lines` add up to `total`; `fates` of the new entries add up to the first line."""

    total: int
    lines: Sequence[Line]
    fates: Sequence[Line] = ()

    @property
    def under_way(self) -> bool:
        return any(line.label == "in progress" for line in self.fates)


def report(job: Job) -> Report:
    """Return the job's report so far."""
    lines = [
        Line(outcome.label, number, _url(job, "" if outcome == Outcome.RESENT else outcome.value))
        for outcome in Outcome
        if (number := job.outcomes.get(outcome.value, 0))
    ]
    if job.left:
        lines.append(Line("Not processed" if not job.is_open else "Remaining", job.left, _url(job, LEFT)))
    return Report(job.total, lines, [] if job.is_open else _fates(job))


def _fates(job: Job) -> list[Line]:
    items = JobItem.objects.filter(job=job, outcome=Outcome.RESENT)
    try:
        with time_limit(A_COUNT):
            found = dict(items.order_by().values_list("new__state").annotate(number=Count("pk")))
    except TookTooLong:
        return []
    counted = [(name, label, sum(found.get(state, 0) for state in states)) for name, label, states in _FATES]
    return [Line(label, number, _url(job, "", state=name)) for name, label, number in counted if number]


def _url(job: Job, part: str, **more: str) -> str:
    name = f"{job.key.hex}.{part}" if part else job.key.hex
    return f"{Place(LogKind(job.log), job.whom).url}?{urlencode({'job': name, **more})}"
