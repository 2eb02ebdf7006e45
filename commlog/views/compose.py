"""Writing a message by hand: write, check and send. Every step works without JavaScript."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from commlog import audit, permissions
from commlog.access import recording
from commlog.kit.sentences import sentence
from commlog.message import sms_length
from commlog.message.compose import ComposeForm, Letter, anew, can_be_written_anew, same_text, templates_for
from commlog.models.access_record import Access
from commlog.recipients.kinds import KINDS, recipient_of, url_of
from notifications import channels, outbox
from notifications.faults import Malformed
from notifications.models import NotificationTemplate
from notifications.outbox import Resent
from notifications.states import MessageState, MessageType
from notifications.text.keys import key_in

_METHODS = ["GET", "HEAD", "POST"]


@require_http_methods(_METHODS)
@permissions.can_view_recipient
@permissions.can_send
def send(request: HttpRequest, kind: str, key: UUID, channel: MessageType) -> HttpResponse:
    """Write an e-mail or SMS to a client, group or user, from a template or from scratch."""
    recipient = get_object_or_404(KINDS[kind].objects, key=key)
    offered = templates_for(channel, recipient)
    asked = request.GET.get("template", "") if request.method != "POST" else request.POST.get("template", "")
    chosen = next((each for each in offered if asked and key_in(asked) == each.key), None)
    if asked and chosen is None:
        messages.warning(
            request, "That template can no longer be used here. Choose another, or write the text yourself."
        )
    letter = Letter(channel, recipient, template=chosen, author=permissions.staff(request))
    return _write(request, letter, offered)


@require_http_methods(_METHODS)
@permissions.can_resend
def send_anew(request: HttpRequest, key: UUID) -> HttpResponse:
    """Edit and resend a failed e-mail or SMS, to its recipient's current address."""
    found = permissions.messages_for(request.user).select_related("client", "group", "user")
    failed = get_object_or_404(found, key=key)
    if failed.type not in channels.FOR_PEOPLE:
        raise Http404
    if not permissions.may_send_anew(request.user, MessageType(failed.type)):
        raise PermissionDenied(
            "Editing and resending it needs the permissions “Read message content” and “Send manual "
            f"{failed.get_type_display()}”."
        )
    if not can_be_written_anew(failed):
        messages.error(request, "Only failed messages can be edited and resent.")
        return redirect("message", failed.key)
    recording.opened(request, Access.EDITED, failed)
    return _write(request, anew(failed, recipient_of(failed)))


def _write(
    request: HttpRequest, letter: Letter, offered: Sequence[NotificationTemplate] = ()
) -> HttpResponse:
    step = request.POST.get("do", "") if request.method == "POST" else ""
    blocked = bool(letter.address and letter.address.problem)
    if not step or blocked:
        return _page(request, letter, ComposeForm(initial=letter.begin(), letter=letter), offered)
    form = ComposeForm(request.POST, letter=letter)
    if not form.is_valid() or step == "change":
        return _page(request, letter, form, offered)
    if step != "send":
        return _page(request, letter, form, preview=True)
    try:
        with transaction.atomic():
            sent = letter.send(form.cleaned_data, by=permissions.staff(request))
            _record(request, sent)
    except Malformed as error:
        form.add_error(None, f"It cannot be sent: {sentence(error)}.")
        return _page(request, letter, form)
    except outbox.NotResendable as error:
        form.add_error(None, str(error))
        return _page(request, letter, form)
    return _sent(request, letter, sent, form.cleaned_data)


def _page(
    request: HttpRequest,
    letter: Letter,
    form: ComposeForm,
    offered: Sequence[NotificationTemplate] = (),
    *,
    preview: bool = False,
) -> HttpResponse:
    shown: dict[str, Any] = {
        "letter": letter,
        "form": form,
        "preview": preview,
        "segments": sms_length,
        "offered": offered,
    }
    if preview and letter.facts.in_parts:
        shown["length"] = sms_length.measure(form.cleaned_data["body"])
    return render(request, "compose/preview.html" if preview else "compose/write.html", shown)


def _record(request: HttpRequest, sent: Resent) -> None:
    if sent.created:
        message = sent.message
        what = {"to": message.destination, "recipient": message.recipient_name, "channel": message.type}
        label = f"{message.get_type_display()} to {message.destination}"
        audit.sent(permissions.staff(request), label, key=message.key.hex, after=what)


def _sent(request: HttpRequest, letter: Letter, sent: Resent, written: dict[str, Any]) -> HttpResponse:
    """Redirect to where the writing began, with a notice that links to the new entry."""
    message, person = sent.message, request.user
    reads = permissions.may_read_messages(person)
    if message.state == MessageState.FAILED:
        said, level = (
            f"It was not sent: {message.get_failure_reason_display()}. The entry is in the log.",
            messages.ERROR,
        )
    elif sent.created:
        said, level = (
            f"{message.get_type_display()} to {message.destination} is on its way.",
            messages.SUCCESS,
        )
    elif message.key == written["key"] and same_text(message, written):
        said, level = "It was already sent; one message is on its way.", messages.SUCCESS
    elif message.key == written["key"]:
        said, level = (
            "This form was already sent with another text. The second text was not sent: write a new one.",
            messages.WARNING,
        )
    else:
        said, level = "Someone else has already resent it. Yours was not sent.", messages.WARNING
    messages.add_message(
        request, level, said, extra_tags=reverse("message", args=[message.key]) if reads else ""
    )
    if letter.recipient is None or letter.failed:
        return redirect("message", message.key)
    return redirect(url_of(letter.recipient, "communications") if reads else url_of(letter.recipient))
