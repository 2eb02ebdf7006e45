"""The way on from a message's page: back to the log that it was opened from, and to the messages beside it there."""

from contextlib import nullcontext
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.http import Http404, HttpRequest, QueryDict
from django.urls import Resolver404, ResolverMatch, resolve, reverse
from django.utils.http import urlencode

from commlog import paging, permissions, screens, ways
from commlog.columns import CATALOGUE, DEFAULT_SORTING, annotations_of, sorting_for
from commlog.limits import TookTooLong, counted, time_limit
from commlog.log import SORTABLE
from commlog.models.column_layout import LogKind
from commlog.paging import Sorting
from commlog.permissions import Person
from commlog.recipients import KINDS, messages_of
from commlog.selection import Selection, select
from notifications.models import Message
from notifications.models.message import MessageQuerySet

SECONDS = 1.0  # a search that takes longer gets no neighbours: the page must not wait for them


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Where a message's page leads: back to its log, and to the messages before and behind it ("": there is none)."""

    log_url: str
    previous_url: str = ""
    next_url: str = ""


def neighbours(message: Message, origin: str, request: HttpRequest) -> Neighbours | None:
    """What lies beside the message in the log at the address `origin`; None where that is no log that the person who asks may open."""
    place = _log_at(origin) if ways.is_ours(origin, request) else None
    scope = _scope(place, request.user) if place else None
    if place is None or scope is None:
        return None
    kind = LogKind[place.kwargs["kind"].upper()] if place.kwargs else LogKind.LOG
    try:
        state = screens.state_of(request, QueryDict(urlsplit(origin).query), kind)
    except Http404:  # the view is gone
        return None
    chosen = select(state.params, scope=scope, saved=state.saved)
    if not chosen.sound:
        return Neighbours(origin)
    try:
        # Without conditions an index finds them at once.
        with time_limit(SECONDS) if chosen.conditional or chosen.address.given("sort") else nullcontext():
            before, after = _beside(message, chosen)
    except TookTooLong:
        return Neighbours(origin)
    return Neighbours(origin, _url(before, origin), _url(after, origin))


def _log_at(origin: str) -> ResolverMatch | None:
    """The log at that address of ours."""
    if not origin.startswith("/"):
        return None
    try:
        place = resolve(urlsplit(origin).path)
    except (Resolver404, ValueError):
        return None
    return place if place.url_name in {"log", *(f"{kind}-communications" for kind in KINDS)} else None


def _scope(place: ResolverMatch, person: Person) -> MessageQuerySet | None:
    """The messages of that log, if the person may open it."""
    messages = permissions.messages_for(person)
    if place.url_name == "log":
        return messages if permissions.may_read_log(person) else None
    kind = place.kwargs["kind"]
    if not permissions.may_read_recipient_log(person, kind):
        return None
    recipient = KINDS[kind].objects.filter(key=place.kwargs["key"]).first()
    return messages_of(recipient, messages) if recipient else None


def _beside(message: Message, chosen: Selection) -> tuple[Message | None, Message | None]:
    sorting = _sorting(chosen)
    computed = annotations_of(sorting.columns)
    here = Message.objects.annotate(**computed).only("pk", *(set(sorting.columns) - set(computed))).get(pk=message.pk)
    return paging.beside(chosen.messages.annotate(**computed).only("key"), sorting, here)


def _sorting(chosen: Selection) -> Sorting:
    """The order that the log has: too many messages are not sorted by what no index serves."""
    sorting = sorting_for(chosen.address.given("sort")) or DEFAULT_SORTING
    if CATALOGUE[sorting.name].indexed or counted(chosen.messages, SORTABLE) <= SORTABLE:
        return sorting
    return DEFAULT_SORTING


def _url(message: Message | None, origin: str) -> str:
    return f"{reverse('message', args=[message.key])}?{urlencode({'from': origin})}" if message else ""
