"""One message: everything about it, and its resending."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from commlog import permissions, resending, ways
from commlog.compose import can_be_written_anew
from commlog.forms import ResendForm
from commlog.neighbours import neighbours
from commlog.reading import read
from commlog.recipients import kind_of, recipient_of, url_of
from notifications import outbox, sendable
from notifications.failures import Reason
from notifications.models import Message
from notifications.states import MessageState, MessageType

_BESIDE = ("client", "group", "user", "resent_by_user", "template", "business_event")


@require_safe
@vary_on_headers("HX-Request")
@permissions.can_read_messages
def message(request: HttpRequest, key: UUID) -> HttpResponse:
    """The page, or only the message where htmx asks: for the dialog."""
    found = get_object_or_404(permissions.messages_for(request.user).select_related(*_BESIDE), key=key)
    partial = request.htmx and not request.htmx.history_restore_request  # type: ignore[attr-defined]
    return render(
        request,
        "message/message.html" if partial else "message/page.html",
        {
            "reading": read(found),
            "can_resend": permissions.may_resend(request.user),
            "can_send_anew": can_be_written_anew(found) and permissions.may_send_anew(request.user, MessageType(found.type)),
            "recipient_url": _recipient_url(request, found),
            "template_url": _template_url(request, found),
            "beside": None if partial else neighbours(found, request.GET.get("from", ""), request),
            "in_dialog": partial,
        },
    )


def _recipient_url(request: HttpRequest, message: Message) -> str:
    """The page of whom the message is for, if the reader may open it."""
    recipient = recipient_of(message)
    return url_of(recipient) if recipient and permissions.may_view_recipient(request.user, kind_of(recipient).name) else ""


def _template_url(request: HttpRequest, message: Message) -> str:
    """The page of the template that the message was made from, if it is there and the reader may open it."""
    made_from = message.template
    if made_from is None or made_from.deleted_at or not permissions.may_view_templates(request.user):
        return ""
    return reverse("template", args=[made_from.key])


@require_POST
@permissions.can_resend
def resend(request: HttpRequest, key: UUID) -> HttpResponse:
    """Send a failed message once more, as a new entry. Asked twice, it answers with the same new entry."""
    failed = get_object_or_404(permissions.messages_for(request.user), key=key)
    form = ResendForm(request.POST)
    if not form.is_valid():
        return _answer(request, failed.key, refusal="The form was damaged on its way. Load the page again.")
    try:
        resent = resending.resend(failed, by=permissions.staff(request), **form.cleaned_data)
    except outbox.Unsendable as error:
        return _answer(
            request, failed.key, refusal=str(error), anew=_anew(request, failed, error.reason), entry=reverse("message", args=[failed.key])
        )
    except outbox.NotResendable as error:
        return _answer(request, failed.key, refusal=str(error))
    return _answer(request, failed.key, resent=resent)


def _anew(request: HttpRequest, failed: Message, reason: Reason) -> str:
    """Return where the message can be written anew; empty where the reader may not, or where that would fail as well."""
    helps = can_be_written_anew(failed) and reason in sendable.DOUBTFUL_REASONS
    return reverse("send-anew", args=[failed.key]) if helps and permissions.may_send_anew(request.user, MessageType(failed.type)) else ""


def _answer(
    request: HttpRequest, key: UUID, *, resent: outbox.Resent | None = None, refusal: str = "", anew: str = "", entry: str = ""
) -> HttpResponse:
    """In place where htmx asked, else a note on the page that the form was on; `entry`: the address that it leads to."""
    if request.htmx:  # type: ignore[attr-defined]
        answer = {"resent": resent, "refusal": refusal, "anew": anew, "row_slot": f"resend-{key.hex}"}
        return render(request, "message/resent.html", answer)
    if resent is None:
        messages.error(request, refusal, extra_tags=entry)
    else:
        said, level = _said(resent)
        messages.add_message(request, level, said, extra_tags=reverse("message", args=[resent.message.key]))  # the frame makes a link of it
    return redirect(ways.back(request, otherwise=reverse("message", args=[key])))


def _said(resent: outbox.Resent) -> tuple[str, int]:
    if resent.message.state == MessageState.FAILED:  # somebody else's resend has failed meanwhile
        return "It failed again. Both entries stay in the log.", messages.ERROR
    if resent.created:
        return "Queued again as a new entry. The failed one stays in the log.", messages.SUCCESS
    return "It was queued again already.", messages.SUCCESS
