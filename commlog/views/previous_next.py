"""Links from a message's page back to its log, and to its neighbours there."""

from contextlib import nullcontext
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from commlog import permissions
from commlog.kit import paging, return_address
from commlog.kit.limits import TookTooLong, time_limit
from commlog.log import reading
from commlog.log.columns import annotations_of
from commlog.log.page import sorting_of
from commlog.log.query import Selection
from notifications.models import Message

SECONDS = 1.0  # a search that takes longer gets no neighbours: the page must not wait for them


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Back to the log, and to the previous and next message ("": none)."""

    log_url: str
    previous_url: str = ""
    next_url: str = ""


def neighbours(message: Message, origin: str, request: HttpRequest) -> Neighbours | None:
    """Return the message's neighbours in the log at `origin`; None if the reader cannot open that log."""
    if not (origin.startswith("/") and return_address.is_ours(origin, request)):
        return None
    user = permissions.staff(request)
    try:
        chosen = reading.of_address(origin.partition("#")[0], user).query.rows(user)
    except (Http404, PermissionDenied):  # no log, a log that is closed, or the view is gone
        return None
    if not chosen.sound:
        return Neighbours(origin)
    try:
        # Without conditions an index finds them at once.
        with time_limit(SECONDS) if chosen.conditional or chosen.query.sorting else nullcontext():
            before, after = _beside(message, chosen)
    except TookTooLong:
        return Neighbours(origin)
    return Neighbours(origin, _url(before, origin), _url(after, origin))


def _beside(message: Message, chosen: Selection) -> tuple[Message | None, Message | None]:
    sorting, _ = sorting_of(chosen)
    computed = annotations_of(sorting.columns)
    here = (
        Message.objects.annotate(**computed)
        .only("pk", *(set(sorting.columns) - set(computed)))
        .get(pk=message.pk)
    )
    return paging.beside(chosen.messages.annotate(**computed).only("key"), sorting, here)


def _url(message: Message | None, origin: str) -> str:
    return f"{reverse('message', args=[message.key])}?{urlencode({'from': origin})}" if message else ""
