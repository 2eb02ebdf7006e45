"""Opening and closing of incidents.

An incident opens when a lane is failing or in trouble, and closes when all of its lanes have recovered. The
supervisor of the senders checks every few seconds, their schedule every minute. While all is well that takes
two small queries; nothing of it runs while a message is sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max, Min, Q

from notifications import alerts
from notifications.incidents import notices
from notifications.lanes.lane_health import health_of
from notifications.models import Incident, IncidentLane, Lane, LaneRefusal
from notifications.states import Circuit

TOGETHER = timedelta(seconds=60)  # lanes that open within it of each other are one incident
LASTING = timedelta(seconds=15)  # for which a lane has to be well before it counts as recovered
_BEFORE_CIRCUIT = timedelta(minutes=5)  # how long before its circuit opened a lane's failures may have begun


@dataclass(frozen=True, slots=True)
class Trouble:
    """The last failure of a failing lane. Its first failure lies between `earliest` and `latest`."""

    earliest: datetime
    latest: datetime
    cause: str


def watch(now: datetime) -> None:
    """Open and close incidents as needed. Any number of processes may call it at once."""
    bad = troubles(now)
    parts = {part.lane_id: part for part in IncidentLane.objects.filter(recovered_at=None)}
    new = {pk: trouble for pk, trouble in bad.items() if pk not in parts}
    if new:
        _open(new, now)
    relapsed = [part.pk for pk, part in parts.items() if pk in bad and part.well_since]
    if relapsed:
        IncidentLane.objects.filter(pk__in=relapsed, recovered_at=None).update(well_since=None)
    well = [part for pk, part in parts.items() if pk not in bad]
    if fresh := [part.pk for part in well if part.well_since is None]:
        IncidentLane.objects.filter(pk__in=fresh, recovered_at=None).update(well_since=now)
    for part in well:
        if part.well_since and now - part.well_since >= LASTING:
            _recover(part)


def troubles(now: datetime) -> dict[int, Trouble]:
    """Return the lanes that are failing or in trouble, by id."""
    lanes = list(Lane.objects.filter(Q(circuit=Circuit.OPEN) | Q(failing_since__isnull=False)))
    healths = health_of(lanes, now) if lanes else {}
    found = {}
    for lane in lanes:
        health = healths[lane.pk]
        if health.failing_since:
            since = health.failing_since
            found[lane.pk] = Trouble(since, since, lane.failing_with or lane.trouble)
        elif lane.circuit == Circuit.OPEN:
            opened = lane.opened_at or now
            earliest = opened - _BEFORE_CIRCUIT
            found[lane.pk] = Trouble(max(health.last_success or earliest, earliest), opened, lane.trouble)
    return found


def _first_failure(lane: Lane, trouble: Trouble) -> datetime:
    """Return when a lane first failed, by the stored failures."""
    times = LaneRefusal.objects.filter(lane=lane, at__gte=trouble.earliest, at__lte=trouble.latest)
    return times.aggregate(first=Min("at"))["first"] or trouble.latest


def _open(new: Mapping[int, Trouble], now: datetime) -> None:
    with transaction.atomic():
        # Locked in one order: of two who have seen the same, the second finds what the first has written.
        lanes = list(Lane.objects.select_for_update(no_key=True).filter(pk__in=new).order_by("pk"))
        known = IncidentLane.objects.filter(lane__in=lanes, recovered_at=None)
        taken = set(known.values_list("lane", flat=True))
        lanes = [lane for lane in lanes if lane.pk not in taken]
        if not lanes:
            return
        incident = _one_of_just_now(lanes, now)
        is_new = incident is None
        if incident is None:
            incident = Incident.objects.create(opened_at=now)
        elif incident.closed_at:
            Incident.objects.filter(pk=incident.pk).update(closed_at=None)
        IncidentLane.objects.bulk_create(
            IncidentLane(
                incident=incident,
                lane=lane,
                opened_at=now,
                began_at=_first_failure(lane, new[lane.pk]),
                cause=new[lane.pk].cause,
            )
            for lane in lanes
        )
        alerts.record(incident, before={}, after={"failing": ", ".join(map(str, lanes))})
        if is_new:
            notices.opened(incident)


def _one_of_just_now(lanes: list[Lane], now: datetime) -> Incident | None:
    """Return the open incident that a lane joined within the last minute.

    If there is none, return an incident of one of these lanes that ended within the last minute, or None.
    """
    opened = Incident.objects.filter(closed_at=None).annotate(last=Max("lanes__opened_at"))
    recent = opened.filter(last__gte=now - TOGETHER).order_by("-opened_at").first()
    if recent:
        return recent
    ended = Incident.objects.filter(closed_at__gte=now - TOGETHER, lanes__lane__in=lanes)
    return ended.order_by("-opened_at").first()


def _recover(part: IncidentLane) -> None:
    with transaction.atomic():
        incident = Incident.objects.select_for_update().get(pk=part.incident_id)
        mine = IncidentLane.objects.filter(pk=part.pk, recovered_at=None, well_since=part.well_since)
        if not mine.update(recovered_at=part.well_since, unconfirmed=not _has_delivered_since(part)):
            return
        parts = IncidentLane.objects.filter(incident=incident)
        if parts.filter(recovered_at=None).exists():
            return
        ended = parts.aggregate(ended=Max("recovered_at"))["ended"]
        Incident.objects.filter(pk=incident.pk).update(closed_at=ended)
        incident.closed_at = ended
        alerts.record(incident, before={"state": "open"}, after={"state": "recovered"})
        notices.recovered(incident)


def _has_delivered_since(part: IncidentLane) -> bool:
    """Return whether its lane delivered anything after it failed. One unused for an hour does not fail."""
    health = health_of([part.lane], part.well_since or part.began_at)[part.lane_id]
    return health.last_success is not None and health.last_success > part.began_at
