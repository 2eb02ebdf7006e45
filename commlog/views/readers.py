"""*Who has read this*: of a message, and of a client's or group's latest messages."""

from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from commlog import permissions
from commlog.access import reading
from commlog.kit.keyset_list import listing
from commlog.models import AccessRecord
from commlog.recipients.kinds import KINDS, messages_of, url_of
from notifications.models import Message


@require_safe
@permissions.can_view_access
def of_message(request: HttpRequest, key: UUID) -> HttpResponse:
    found = get_object_or_404(permissions.messages_for(request.user).only("pk", "key"), key=key)
    back = (reverse("message", args=[key]), "The message")
    return _page(request, reading.of_messages([found.pk]), "Who has read this message", back)


@require_safe
@permissions.can_view_access
def of_recipient(request: HttpRequest, kind: str, key: UUID) -> HttpResponse:
    recipient = get_object_or_404(KINDS[kind].objects, key=key)
    pks = reading.latest_of(messages_of(recipient, Message.objects.all()))
    title = f"Who has read the latest {reading.LATEST} messages of {recipient.name}"
    return _page(request, reading.of_messages(pks), title, (url_of(recipient), recipient.name))


def _page(request: HttpRequest, which: Q, title: str, back: tuple[str, str]) -> HttpResponse:
    shown = listing(request.GET, scope=AccessRecord.objects.filter(which))
    return render(request, "message/readers.html", {"listing": shown, "title": title, "back": back})
