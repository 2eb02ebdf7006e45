"""*Correct the address* of a message that was not delivered."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from commlog import permissions
from commlog.access import recording
from commlog.kit.edit_conflicts import Check, edited
from commlog.live import open_items
from commlog.message import correction
from commlog.message.compose import ResendForm
from commlog.message.correction import CorrectionForm
from commlog.models.access_record import Access
from notifications import outbox
from notifications.models import Client, Group, Message
from notifications.secrets import hidden
from notifications.text.keys import key_in


@require_POST
@permissions.can_read_messages
def correct(request: HttpRequest, key: UUID) -> HttpResponse:
    """Store the client's or group's address, and send the message there."""
    message, recipient = _asked(request, key)
    by = permissions.staff(request)
    form, saved = edited(
        request,
        lambda data: CorrectionForm(data, message=message, recipient=_asked(request, key)[1]),
        lambda form, check: _write(request, recipient, form, check=check),
    )
    if not saved:
        shown = open_items.of_message(request, message, form)
        recording.opened(request, Access.OPENED, message)
        return render(request, "message/page.html", shown, status=form.status)
    if permissions.may_resend(by) and not hidden.is_left_out(message.content, message.html):
        _resend(request, message, recipient)
    return redirect("message", key)


@require_POST
@permissions.can_resend
def others(request: HttpRequest, key: UUID) -> HttpResponse:
    """Resend what else failed at the old address to the one on file: the messages listed on the page."""
    message, recipient = _asked(request, key)
    listed = [found for each in request.POST.getlist("other") if (found := key_in(each))]
    sent, refused = correction.resend_others(message, recipient, listed, by=permissions.staff(request))
    if sent:
        messages.success(request, f"{sent} message{'' if sent == 1 else 's'} resent, in the queue.")
    if refused or not sent:
        messages.warning(request, f"{refused} could not be resent." if refused else "Nothing was resent.")
    return redirect("message", key)


def _asked(request: HttpRequest, key: UUID) -> tuple[Message, Client | Group]:
    message: Message = get_object_or_404(open_items.messages(request), key=key)
    recipient = correction.correctable(message, by=request.user)
    if recipient is None:
        raise PermissionDenied(
            "Correcting its address needs a failed message and the permission to edit its client."
        )
    return message, recipient


def _write(request: HttpRequest, recipient: Client | Group, form: CorrectionForm, *, check: Check) -> None:
    if correction.correct(recipient, form, by=permissions.staff(request), check=check):
        messages.success(request, f"{form.cleaned_data['address']} was saved for {recipient.name}.")


def _resend(request: HttpRequest, message: Message, recipient: Client | Group) -> None:
    expected = ResendForm(request.POST)
    last = expected.cleaned_data["expected_last"] if expected.is_valid() else None
    try:
        resent = correction.resend_to(message, recipient, by=permissions.staff(request), expected_last=last)
    except outbox.NotResendable as error:
        messages.error(request, f"It was not resent: {error}")
        return
    said = (
        f"Resent to {resent.message.destination}, in the queue."
        if resent.created
        else "It was resent already."
    )
    messages.success(request, said, extra_tags=reverse("message", args=[resent.message.key]))
