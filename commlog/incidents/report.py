"""The page of an incident."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter

from django.db.models import Prefetch, Q, prefetch_related_objects
from django.template.defaultfilters import pluralize

from commlog.kit.limits import A_COUNT, TookTooLong, counted_in_time, time_limit
from commlog.models import Job
from commlog.models.job import JobState
from notifications.incidents import attribution
from notifications.incidents.attribution import Standing
from notifications.models import Incident, IncidentLane, Lane, Message
from notifications.models.message import MessageQuerySet

MOST_WAITING = 100_000  # counted no further
_LATELY = timedelta(hours=24)
_MOST_LATELY = 3
_TOGETHER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Moment:
    """A line of the time line."""

    at: datetime
    words: str


@dataclass(frozen=True, slots=True)
class Report:
    """An incident. `standing` is None if counting took too long, `waiting` if there are too many."""

    incident: Incident
    parts: Sequence[IncidentLane]
    standing: Standing | None
    waiting: int | None
    jobs: Sequence[Job]
    told: Sequence[Message]

    @property
    def line(self) -> Sequence[Moment]:
        """The events of the incident in order."""
        found = [
            *_together((part.began_at, part.lane, "First failure") for part in self.parts),
            *_together((part.opened_at, part.lane, "Incident opened") for part in self.parts),
            *_together(
                (part.recovered_at, part.lane, "Working again") for part in self.parts if not part.unconfirmed
            ),
            *_together(
                (part.recovered_at, part.lane, "No more failures") for part in self.parts if part.unconfirmed
            ),
        ]
        found += [
            Moment(
                each.created_at,
                f"{each.get_type_display()} sent{f': {each.subject}' if each.subject else ''}",
            )
            for each in self.told
        ]
        found += [Moment(job.created_at, _asked(job)) for job in self.jobs]
        return sorted(found, key=lambda moment: moment.at)

    @property
    def moves(self) -> bool:
        """Whether anything may still change by itself."""
        busy = self.standing is None or self.standing.under_way > 0 or bool(self.waiting)
        return busy or self.incident.closed_at is None or any(job.is_open for job in self.jobs)


def _asked(job: Job) -> str:
    what = "resent" if job.state == JobState.DONE else "asked to resend"
    return f"{job.owner.name} {what} {job.total:,} message{pluralize(job.total)}"


def _together(those: Iterable[tuple[datetime | None, Lane, str]]) -> list[Moment]:
    """Merge what happened to several lanes at about the same time into one line."""
    found: list[tuple[datetime, str, list[str]]] = []
    for at, lane, what in sorted(((at, lane, what) for at, lane, what in those if at), key=itemgetter(0)):
        if found and at - found[-1][0] < _TOGETHER:
            found[-1][2].append(str(lane))
        else:
            found.append((at, what, [str(lane)]))
    return [Moment(at, f"{what}: {', '.join(lanes)}") for at, what, lanes in found]


def report(incident: Incident, scope: MessageQuerySet) -> Report:
    """Return the current report of an incident. `scope`: the messages that the reader may see."""
    parts = IncidentLane.objects.select_related("lane").order_by("pk")
    prefetch_related_objects([incident], Prefetch("lanes", parts))
    told = scope.filter(pk__in=incident.notices.values("message"))
    return Report(
        incident=incident,
        parts=list(incident.lanes.all()),
        standing=_standing(incident, scope),
        waiting=counted_in_time(attribution.waiting(incident), MOST_WAITING),
        jobs=list(incident.jobs.select_related("owner").order_by("pk")),
        told=list(told.defer("content", "html", "headers").order_by("pk")),
    )


def lately(now: datetime) -> list[Incident]:
    """Return the open incidents and those of the last day, newest first."""
    recent = Q(closed_at=None) | Q(closed_at__gte=now - _LATELY)
    return list(
        Incident.objects.filter(recent).prefetch_related("lanes__lane").order_by("-opened_at")[:_MOST_LATELY]
    )


def open_now() -> list[Incident]:
    """Return the open incidents, newest first."""
    return list(Incident.objects.filter(closed_at=None).order_by("-opened_at")[:_MOST_LATELY])


def _standing(incident: Incident, scope: MessageQuerySet) -> Standing | None:
    try:
        with time_limit(A_COUNT):
            return attribution.standing(incident, scope)
    except TookTooLong:
        return None
