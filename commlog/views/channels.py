"""Channels in the administration: settings, lanes and actions."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from commlog import audit, permissions
from commlog.administration.channels import changes, health
from commlog.kit.edit_conflicts import Check, SeenForm, edited
from commlog.kit.sentences import sentence
from commlog.kit.stamps import latest
from commlog.live import parts
from notifications import alerts, channels, outbox
from notifications.faults import Malformed
from notifications.models import ChannelSwitch, Lane
from notifications.outbox import Draft
from notifications.states import MessageType

_TEST = "This is a test message of Commlog. If you can read this, the channel works."
_SAID = {
    "pause": "{} is paused. New messages wait until you resume it.",
    "resume": "{} is resumed.",
    "enable": "{} is switched on.",
}


class LaneForm(SeenForm, forms.Form):
    """The limits of a lane."""

    cap = forms.IntegerField(
        label="Parallel sends",
        min_value=1,
        max_value=10_000,
        help_text="Messages being sent at the same time, across all senders.",
    )
    rate = forms.FloatField(
        label="Per-second limit",
        min_value=0.01,
        max_value=100_000,
        required=False,
        help_text="Messages sent per second. Leave empty for no limit.",
    )
    paused = forms.BooleanField(
        label="Paused", required=False, help_text="Messages wait until you resume it."
    )

    def __init__(self, data: QueryDict | None, *, lane: Lane) -> None:
        super().__init__(
            data, initial={"cap": lane.cap, "rate": lane.rate, "paused": lane.paused_at is not None}
        )
        self.watch()

    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("cap", "rate", "paused")}


@require_safe
@permissions.can_view_administration
def index(request: HttpRequest) -> HttpResponse:
    cards, manages = (
        latest(request, "channels", health.cards),
        permissions.may_manage_administration(request.user),
    )
    shown = {"cards": cards, "can_manage": manages, "most": health.MOST_LANES, "alerts": alerts.ways()}
    return parts.render(request, "administration/channels/list.html", shown)


@require_POST
@permissions.can_manage_administration
def act(request: HttpRequest, channel: str, action: str) -> HttpResponse:
    if channel not in MessageType.values or action not in (*_SAID, "test", "test-alert"):
        raise Http404("Channel or action not found.")
    type, by = MessageType(channel), permissions.staff(request)
    if action == "test":
        return _test(request, type)
    if action == "test-alert":
        return _test_alert(request, type)
    paused = {"pause": True, "resume": False}.get(action)
    changes.switch(type, enabled=True if action == "enable" else None, paused=paused, by=by)
    messages.success(request, _SAID[action].format(type.label))
    return redirect("channels")


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
def disable(request: HttpRequest, channel: str) -> HttpResponse:
    """Explain the consequences and offer a pause, then switch the channel off."""
    if channel not in MessageType.values:
        raise Http404("Channel not found.")
    type = MessageType(channel)
    if request.method == "POST":
        changes.switch(type, enabled=False, by=permissions.staff(request))
        messages.success(request, f"{type.label} is switched off. New messages fail until it is switched on.")
        return redirect("channels")
    switch = ChannelSwitch.objects.filter(channel=type).first()
    context = {"channel": type, "switch": switch, "traffic": health.traffic(type, now=timezone.now())}
    return render(request, "administration/channels/disable.html", context)


def _test(request: HttpRequest, channel: MessageType) -> HttpResponse:
    """Send a message to the user, in the way of every message."""
    person = permissions.staff(request)
    facts = channels.of(channel)
    address = facts.address_of(person)
    if not address:
        messages.error(
            request,
            "Your account has no address or number for this channel. Test webhooks from their template.",
        )
        return redirect("channels")
    subject = "Commlog: a test" if "subject" in facts.fields else ""
    try:
        sent = outbox.enqueue(
            Draft(channel, subject=subject, body=_TEST, user=person, sender=person, event="TEST")
        )
    except Malformed as error:
        messages.error(request, f"Not sent to {address}: {sentence(error)}.")
        return redirect("channels")
    audit.sent(person, f"Test of {channel.label} to {address}", key=sent.key.hex)
    messages.success(
        request, f"A test is on its way to {address}.", extra_tags=reverse("message", args=[sent.key])
    )
    return redirect("channels")


def _test_alert(request: HttpRequest, channel: MessageType) -> HttpResponse:
    """Send a test alert, in the way of alerts."""
    sent = alerts.send(channel, "Commlog: a test of alerts", "If you can read this, alerts arrive this way.")
    if sent is None:
        messages.error(request, "No destination for alerts is set for this channel.")
        return redirect("channels")
    label = f"Test of alerts by {channel.label} to {sent.shown_destination}"
    audit.sent(permissions.staff(request), label, key=sent.key.hex)
    messages.success(
        request, "A test of alerts is on its way.", extra_tags=reverse("message", args=[sent.key])
    )
    return redirect("channels")


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
def lane(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Lane, pk=pk)

    def write(form: LaneForm, check: Check) -> None:
        changes.change_lane(pk, **form.values(), by=permissions.staff(request), check=check)

    form, saved = edited(request, lambda data: LaneForm(data, lane=get_object_or_404(Lane, pk=pk)), write)
    if saved:
        messages.success(request, f"{found} was saved.")
        return redirect("channels")
    return render(
        request, "administration/channels/lane.html", {"form": form, "lane": found}, status=form.status
    )
