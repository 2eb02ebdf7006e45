"""Everything that matches a text and that the reader may see, under headings."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.http import urlencode

from commlog import permissions
from commlog.find import messages, recipients
from commlog.find.hits import SHOWN, Found, Hit, Section
from commlog.kit.limits import TookTooLong, time_limit
from commlog.models import User
from commlog.models.column_layout import LogKind
from commlog.recipients.kinds import Recipient, as_meant, kind_of
from notifications.models import BusinessEvent, NotificationTemplate
from notifications.text.keys import key_in
from notifications.text.spelling import fold

A_PART = 0.5  # seconds that each part may take
_FEWEST = 2  # letters of A to Z: one of them is in every name


def find(user: User, text: str, pages: Sequence[Hit]) -> Found:
    """Return what matches the text. `pages`: those that the user may open.

    Each section follows the permissions of the page that lists the same: messages need access to the log or
    to the client's tab, clients access to the list of clients.
    """
    meant = as_meant(text)
    if not meant:
        return Found(text)
    if key := key_in(meant):
        parts: list[Callable[[], list[Section]]] = [lambda: list(_with_key(user, key))]
    elif len(meant) < _FEWEST and meant.isascii():
        parts = [lambda: [_named("Pages", meant, pages)]]
    else:
        parts = [
            lambda: _of_people(user, meant),
            lambda: _of_the_log(user, meant),
            lambda: [_named("Pages", meant, pages)],
        ]
    found: list[Section] = []
    stopped = False
    for part in parts:
        try:
            with time_limit(A_PART):
                found += part()
        except TookTooLong:
            stopped = True
    return Found(text, _once([each for each in found if each.hits]), stopped=stopped)


def whole_log(user: User, text: str) -> str:
    """Return the URL of the whole log searched for the text; "" if the user may not open it."""
    return f"{reverse('log')}?{urlencode({'q': text})}" if permissions.may_read_log(user) else ""


def _with_key(user: User, key: Any) -> Iterator[Section]:
    if permissions.may_read_messages(user):
        yield messages.with_key(permissions.messages_for(user), key)
    yield from recipients.with_key(user, key)
    if permissions.may_read_events(user):
        yield _leading_to("Events", "event", BusinessEvent.objects.filter(key=key))
    if permissions.may_read_log(user):
        yield _views(permissions.views_for(user, LogKind.LOG).filter(key=key))
    if permissions.may_view_templates(user):
        yield _leading_to("Templates", "template", NotificationTemplate.objects.known().filter(key=key))


def _of_people(user: User, meant: str) -> list[Section]:
    found: list[Section] = []
    everybody: list[Recipient] = []
    for section, some in recipients.sections(user, meant):
        found.append(section)
        everybody += some
    if len(everybody) == 1 and permissions.may_read_recipient_log(user, kind_of(everybody[0]).name):
        found.insert(0, messages.failed_of(permissions.messages_for(user), everybody[0]))
    return found


def _of_the_log(user: User, meant: str) -> list[Section]:
    found = []
    if permissions.may_read_log(user):
        found.append(messages.lately(permissions.messages_for(user), meant))
        found.append(_views(permissions.views_for(user, LogKind.LOG), meant))
    if permissions.may_view_templates(user):
        named = NotificationTemplate.objects.known().filter(name__icontains=meant).order_by("name")
        found.append(_leading_to("Templates", "template", named))
    return found


def _views(views: QuerySet[Any], meant: str = "") -> Section:
    path = reverse("log")
    return _named("Views", meant, [Hit(each.name, f"{path}?view={each.key.hex}") for each in views])


def _leading_to(heading: str, name: str, rows: QuerySet[Any]) -> Section:
    return Section(heading, [Hit(str(each), reverse(name, args=[each.key])) for each in rows[:SHOWN]])


def _named(heading: str, meant: str, hits: Sequence[Hit]) -> Section:
    """Return the hits whose name contains every word of the text."""
    words = fold(meant).split()
    return Section(heading, [hit for hit in hits if all(word in fold(hit.label) for word in words)][:SHOWN])


def _once(sections: Sequence[Section]) -> list[Section]:
    """Remove hits whose URL is in an earlier section."""
    seen: set[str] = set()
    kept = []
    for section in sections:
        own = {hit.url: hit for hit in reversed(section.hits) if hit.url not in seen}
        hits = [hit for hit in section.hits if own.get(hit.url) is hit]
        seen |= own.keys()
        kept.append(Section(section.heading, hits, section.more, section.more_url))
    return [section for section in kept if section.hits]
