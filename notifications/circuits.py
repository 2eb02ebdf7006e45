"""Circuits: a lane whose provider is in trouble is left alone, tried with one message at a time, and taken up again when that succeeds."""

from datetime import datetime, timedelta

from django.db.models import F

from notifications import alerts
from notifications.models import Lane
from notifications.states import Circuit

_FIRST_PROBE, _LONGEST_WAIT = 5.0, 60.0  # seconds


def open_circuit(lane_id: int, trouble: str, *, now: datetime) -> bool:
    """Leave the lane alone. The first to say so tells the owner. Must run inside a transaction."""
    fields = {"circuit": Circuit.OPEN, "opened_at": now, "probe_at": now + timedelta(seconds=_FIRST_PROBE), "probes": 0}
    if not Lane.objects.filter(pk=lane_id, circuit=Circuit.CLOSED).update(**fields, trouble=trouble, marked_until=None):
        return False
    lane = Lane.objects.get(pk=lane_id)
    alerts.record(lane, before={"circuit": Circuit.CLOSED.value}, after={"circuit": Circuit.OPEN.value, "trouble": trouble})
    alerts.tell(
        f"Commlog: {lane} is in trouble",
        f"{lane} failed again and again, so nothing more is sent there for now. Its messages wait; none is lost, none uses up a retry.\n\n"
        f"The last failure: {trouble}\n\nIt is tried with one message at a time, and taken up again by itself when that succeeds.",
    )
    return True


def probe_failed(lane_id: int, *, now: datetime) -> None:
    """Leave it alone again, for longer."""
    lane = Lane.objects.filter(pk=lane_id, circuit=Circuit.HALF_OPEN)
    for probes in lane.values_list("probes", flat=True):
        wait = timedelta(seconds=min(_LONGEST_WAIT, _FIRST_PROBE * 2 ** min(probes, 10)))
        lane.update(circuit=Circuit.OPEN, probe_at=now + wait, probes=F("probes") + 1)


def close_circuit(lane_id: int) -> None:
    """The provider works again. Must run inside a transaction."""
    found = Lane.objects.filter(pk=lane_id).exclude(circuit=Circuit.CLOSED)
    if found.update(circuit=Circuit.CLOSED, opened_at=None, probe_at=None, probes=0, trouble="", marked_until=None):
        alerts.record(Lane.objects.get(pk=lane_id), before={"circuit": Circuit.OPEN.value}, after={"circuit": Circuit.CLOSED.value})
