"""The channels of the administration: what they use, how their lanes are, and what may be done about it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from commlog import audit, permissions
from commlog.administration.channels import health, keeping
from commlog.audit import AuditAction
from commlog.kit.seen import Check, SeenForm, edited
from commlog.kit.sentences import sentence
from commlog.kit.stamps import latest
from commlog.live import parts
from notifications import channels, outbox
from notifications.faults import Malformed
from notifications.models import ChannelSwitch, Lane
from notifications.outbox import Draft
from notifications.states import MessageType

_TEST = "This is a test message of Commlog. If you read it, the channel works."
_SAID = {
    "pause": "{} is paused. What comes waits.",
    "resume": "{} goes on.",
    "enable": "{} is switched on.",
}


class LaneForm(SeenForm, forms.Form):
    """The limits of a lane."""

    cap = forms.IntegerField(
        label="At once",
        min_value=1,
        max_value=10_000,
        help_text="Messages under way together, over all workers.",
    )
    rate = forms.FloatField(
        label="A second",
        min_value=0.01,
        max_value=100_000,
        required=False,
        help_text="Messages that leave in a second. Empty: no limit.",
    )
    paused = forms.BooleanField(
        label="Paused", required=False, help_text="Its messages wait until it is released."
    )

    def __init__(self, data: QueryDict | None, *, lane: Lane) -> None:
        super().__init__(
            data, initial={"cap": lane.cap, "rate": lane.rate, "paused": lane.paused_at is not None}
        )
        self.watch()

    def values(self) -> dict[str, Any]:
        """The limits."""
        return {name: self.cleaned_data[name] for name in ("cap", "rate", "paused")}


@require_safe
@permissions.can_view_administration
def index(request: HttpRequest) -> HttpResponse:
    """All channels and their lanes."""
    cards, manages = (
        latest(request, "channels", health.cards),
        permissions.may_manage_administration(request.user),
    )
    shown = {"cards": cards, "can_manage": manages, "most": health.MOST_LANES}
    return parts.render(request, "administration/channels/list.html", shown)


@require_POST
@permissions.can_manage_administration
def act(request: HttpRequest, channel: str, action: str) -> HttpResponse:
    """Pause, resume, switch on, or try the channel."""
    if channel not in MessageType.values or action not in (*_SAID, "test"):
        raise Http404("There is no such channel, or nothing of that kind to do with it.")
    type, by = MessageType(channel), permissions.staff(request)
    if action == "test":
        return _test(request, type)
    paused = {"pause": True, "resume": False}.get(action)
    keeping.switch(type, enabled=True if action == "enable" else None, paused=paused, by=by)
    messages.success(request, _SAID[action].format(type.label))
    return redirect("channels")


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
def disable(request: HttpRequest, channel: str) -> HttpResponse:
    """Say what will happen and offer a pause, then switch the channel off."""
    if channel not in MessageType.values:
        raise Http404("There is no such channel.")
    type = MessageType(channel)
    if request.method == "POST":
        keeping.switch(type, enabled=False, by=permissions.staff(request))
        messages.success(request, f"{type.label} is switched off. New messages fail until it is switched on.")
        return redirect("channels")
    switch = ChannelSwitch.objects.filter(channel=type).first()
    context = {"channel": type, "switch": switch, "traffic": health.traffic(type, now=timezone.now())}
    return render(request, "administration/channels/disable.html", context)


def _test(request: HttpRequest, channel: MessageType) -> HttpResponse:
    """A message to the person who asks, by the way that every message goes."""
    person = permissions.staff(request)
    facts = channels.of(channel)
    address = facts.address_of(person)
    if not address:
        messages.error(
            request,
            "Your account has no address or number for this channel. Webhooks are tested from their "
            "template.",
        )
        return redirect("channels")
    subject = "Commlog: a test" if "subject" in facts.fields else ""
    try:
        sent = outbox.enqueue(
            Draft(channel, subject=subject, body=_TEST, user=person, sender=person, event="TEST")
        )
    except Malformed as error:
        messages.error(request, f"It cannot be sent to {address}: {sentence(error)}.")
        return redirect("channels")
    audit.record(
        person,
        AuditAction.SENT,
        kind="message",
        key=sent.key.hex,
        label=f"Test of {channel.label} to {address}",
    )
    messages.success(
        request, f"A test is on its way to {address}.", extra_tags=reverse("message", args=[sent.key])
    )
    return redirect("channels")


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
def lane(request: HttpRequest, pk: int) -> HttpResponse:
    """The limits of one lane."""
    found = get_object_or_404(Lane, pk=pk)

    def write(form: LaneForm, check: Check) -> None:
        keeping.change_lane(pk, **form.values(), by=permissions.staff(request), check=check)

    form, saved = edited(request, lambda data: LaneForm(data, lane=get_object_or_404(Lane, pk=pk)), write)
    if saved:
        messages.success(request, f"{found} was changed.")
        return redirect("channels")
    return render(
        request, "administration/channels/lane.html", {"form": form, "lane": found}, status=form.status
    )
