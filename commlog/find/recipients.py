"""Clients, groups and users that match a text, by ID, name, address or number."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.http import urlencode

from commlog import permissions
from commlog.find.hits import SHOWN, Hit, Section
from commlog.permissions import Person
from commlog.recipients import people
from commlog.recipients.kinds import KINDS, Kind, Recipient, search, url_of


def sections(user: Person, meant: str) -> Iterator[tuple[Section, list[Recipient]]]:
    """Yield, for each kind whose list the user may open, the section and the recipients found.

    Exact matches come first.
    """
    for kind in KINDS.values():
        if permissions.may_list_recipients(user, kind.name):
            found = _found(kind, meant)
            yield _section(kind, meant, found), found[:SHOWN]


def with_key(user: Person, key: UUID) -> Iterator[Section]:
    """Yield the client, group or user with this key, if the user may open its page."""
    for kind in KINDS.values():
        if permissions.may_view_recipient(user, kind.name) and (one := kind.objects.filter(key=key).first()):
            yield Section(kind.label, [_hit(one)])


def _found(kind: Kind, meant: str) -> list[Any]:
    first = list(people.exactly(kind.name, meant)[:SHOWN])
    others = search(kind, meant).exclude(pk__in=[each.pk for each in first]).order_by(kind.number)
    return [*first, *others[: SHOWN + 1 - len(first)]]


def _section(kind: Kind, meant: str, found: list[Any]) -> Section:
    more = len(found) > SHOWN
    return Section(
        kind.plural,
        [_hit(each) for each in found[:SHOWN]],
        more=f"All {kind.plural.lower()} with “{meant}”" if more else "",
        more_url=f"{reverse(f'{kind.name}s')}?{urlencode({'q': meant})}" if more else "",
    )


def _hit(person: Recipient) -> Hit:
    about = " · ".join(each for each in (person.email, person.mobile_phone) if each)
    return Hit(people.label(person), url_of(person), about)
