"""Notices of an incident: one when it opens, one with the counts when it is over."""

from collections.abc import Sequence
from datetime import timedelta

from notifications import alerts
from notifications.incidents import attribution
from notifications.models import Incident, IncidentLane, IncidentNotice, Lane

MOST_COUNTED = 10_000  # failed messages: the supervisor counts them, which looks after the senders besides


def opened(incident: Incident) -> None:
    """Send the notice of a new incident, in the transaction that opened it."""
    parts = list(IncidentLane.objects.filter(incident=incident).select_related("lane").order_by("pk"))
    names = ", ".join(str(part.lane) for part in parts)
    said = "\n".join(f"{part.lane}: {part.cause}" for part in parts)
    _tell(
        incident,
        f"Commlog: {names} failing",
        f"Nothing is being delivered by {names}.\n\nLast failure:\n{said}\n\n"
        "Messages that get no answer wait and are sent automatically after recovery. Refused messages "
        "fail; resend them from the page of the incident.",
    )


def recovered(incident: Incident) -> None:
    """Send the notice of the recovery and of what is left to do.

    Runs in the transaction that closed the incident.
    """
    lasted = (incident.closed_at or incident.opened_at) - incident.opened_at
    minutes = max(1, round(lasted / timedelta(minutes=1)))
    parts = IncidentLane.objects.filter(incident=incident, unconfirmed=True).select_related("lane")
    silent = [part.lane for part in parts.order_by("pk")]
    _tell(
        incident,
        "Commlog: nothing fails any more" if silent else "Commlog: delivery has recovered",
        f"{_over(silent)} after about {minutes:,} minute{'' if minutes == 1 else 's'}.\n\n"
        f"{_left_to_do(incident)}",
    )


def _over(silent: Sequence[Lane]) -> str:
    if not silent:
        return "Recovered"
    names = ", ".join(map(str, silent))
    return (
        f"No message by {names} fails any more, but none was accepted there since the failures. It is not "
        "known whether delivery works again.\n\nClosed"
    )


def _left_to_do(incident: Incident) -> str:
    if attribution.failed_more_than(incident, MOST_COUNTED):
        return (
            f"Messages that failed permanently: more than {MOST_COUNTED:,}\n\n"
            "Those still not delivered can be resent from the page of the incident."
        )
    found = attribution.standing(incident)
    left = (
        f"{found.left:,} can be resent from the page of the incident."
        if found.left
        else "There is nothing left to resend."
    )
    return (
        f"Messages that failed permanently: {found.failed:,}\n"
        f"Still not delivered: {found.undelivered:,}\n"
        f"Of these, with an address that does not exist: {found.dead:,}\n\n{left}"
    )


def _tell(incident: Incident, subject: str, text: str) -> None:
    troubled = IncidentLane.objects.filter(recovered_at=None).select_related("lane")
    told = alerts.tell_all(subject, text, avoid=[part.lane for part in troubled])
    IncidentNotice.objects.bulk_create(IncidentNotice(incident=incident, message=each) for each in told)
