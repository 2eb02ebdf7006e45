"""One action that resends what still failed because of an incident, each message once."""

from uuid import UUID, uuid4

from django import forms
from django.conf import settings
from django.utils import timezone

from commlog import jobs, permissions
from commlog.bulk import selection
from commlog.jobs import Asked
from commlog.kit.fields import PaceField
from commlog.kit.limits import A_CONFIRMATION, time_limit
from commlog.log.query import LogQuery
from commlog.models import Job, User
from commlog.models.job import JobKind
from notifications.incidents import attribution
from notifications.lanes import openings
from notifications.models import Incident, IncidentLane, Message, newest_id


class NothingLeft(Exception):
    """No failed message of the incident can be resent."""


class ResendForm(forms.Form):
    """How to resend. `key` identifies the job, created once."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    unknown = forms.BooleanField(required=False)
    pace = PaceField()


def fresh() -> ResendForm:
    """Return the form for a newly shown page."""
    return ResendForm(initial={"key": uuid4()})


def resend(incident: Incident, *, owner: User, key: UUID, unknown: bool, pace: int | None) -> Job:
    """Create the job, and probe its lanes at once.

    Dead addresses are excluded, and what may have been delivered unless `unknown`. Raises NothingLeft,
    TookTooLong, choosing.TooMany and jobs.TooManyOpen.
    """
    newest, scope = newest_id(Message), permissions.messages_for(owner)
    chosen = (attribution.resendable(incident) & scope).filter(pk__lte=newest)
    with time_limit(A_CONFIRMATION):
        found = selection.preview(chosen)
    ids = sorted([*found.ids, *(found.doubtful if unknown else [])])
    if not ids:
        raise NothingLeft
    job = jobs.create(
        JobKind.RESEND,
        key=key,
        owner=owner,
        asked=Asked(LogQuery(), f"what still failed because of the {str(incident).lower()}"),
        newest=newest,
        options={"unknown": unknown} | ({"pace": pace} if pace else {}),
        freeze=lambda job: selection.freeze(job, scope, ids),
        approval_above=settings.BULK_APPROVAL_THRESHOLD,
        incident=incident,
    )
    lanes = IncidentLane.objects.filter(incident=incident).values_list("lane", flat=True)
    openings.probe_at_once(list(lanes), now=timezone.now())
    return job
