"""One message: its details, and resending it."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from commlog import permissions
from commlog.access import recording
from commlog.kit import return_address
from commlog.live import open_items, parts
from commlog.log.writing import origin_in
from commlog.message import offers
from commlog.message.compose import ResendForm, can_be_written_anew
from commlog.models.access_record import Access
from commlog.views.previous_next import neighbours
from notifications import outbox, sendable
from notifications.failures import Reason
from notifications.models import Message
from notifications.states import MessageState, MessageType


@require_safe
@vary_on_headers("HX-Request")
@permissions.can_read_messages
def message(request: HttpRequest, key: UUID) -> HttpResponse:
    """Return the page, or only the message for the dialog if htmx asks."""
    found = get_object_or_404(open_items.messages(request), key=key)
    shown = open_items.of_message(request, found)
    if not parts.seen_by(request):
        others = shown["correction"].others if shown["correction"] else ()
        recording.opened(request, Access.OPENED, found, *others)
    if request.htmx and not request.htmx.history_restore_request:  # type: ignore[attr-defined]
        return render(request, "message/message.html", shown | {"in_dialog": True})
    beside = None if parts.seen_by(request) else neighbours(found, origin_in(request.GET), request)
    shown |= {"beside": beside, "watch": request.path}  # whence the reader came changes nothing in the parts
    return parts.render(request, "message/page.html", shown, within="message/message.html")


@require_POST
@permissions.can_resend
def resend(request: HttpRequest, key: UUID) -> HttpResponse:
    """Resend a failed message as a new entry. Repeated, it returns the same new entry."""
    failed = get_object_or_404(permissions.messages_for(request.user), key=key)
    form = ResendForm(request.POST)
    if not form.is_valid():
        return _answer(request, failed, refusal="The form arrived incomplete. Reload the page and try again.")
    try:
        resent = offers.resend(failed, by=permissions.staff(request), **form.cleaned_data)
    except outbox.Unsendable as error:
        return _answer(
            request,
            failed,
            refusal=str(error),
            anew=_anew(request, failed, error.reason),
            entry=reverse("message", args=[failed.key]),
        )
    except outbox.NotResendable as error:
        return _answer(request, failed, refusal=str(error))
    return _answer(request, failed, resent=resent)


def _anew(request: HttpRequest, failed: Message, reason: Reason) -> str:
    """Return where the message can be edited and resent; empty if the reader may not, or it would fail
    too.
    """
    helps = can_be_written_anew(failed) and reason in sendable.DOUBTFUL_REASONS
    return (
        reverse("send-anew", args=[failed.key])
        if helps and permissions.may_send_anew(request.user, MessageType(failed.type))
        else ""
    )


def _answer(
    request: HttpRequest,
    failed: Message,
    *,
    resent: outbox.Resent | None = None,
    refusal: str = "",
    anew: str = "",
    entry: str = "",
) -> HttpResponse:
    """Answer in place for htmx, else with a notice on the form's page; `entry`: its link."""
    if request.htmx:  # type: ignore[attr-defined]
        answer = {"resent": resent, "refusal": refusal, "anew": anew, "row_slot": f"resend-{failed.pk}"}
        return render(request, "message/resent.html", answer)
    if resent is None:
        messages.error(request, refusal, extra_tags=entry)
    else:
        said, level = _said(resent)
        # The frame makes a link of it.
        messages.add_message(request, level, said, extra_tags=reverse("message", args=[resent.message.key]))
    return redirect(return_address.back(request, otherwise=reverse("message", args=[failed.key])))


def _said(resent: outbox.Resent) -> tuple[str, int]:
    if resent.message.state == MessageState.FAILED:  # somebody else's resend has failed meanwhile
        return "Resent, but it failed again. Both entries stay in the log.", messages.ERROR
    if resent.created:
        return "Resent as a new entry, now in the queue. The failed entry stays in the log.", messages.SUCCESS
    return "It was already resent.", messages.SUCCESS
