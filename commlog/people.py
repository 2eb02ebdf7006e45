"""Clients, groups, users and messages as values of conditions: found by what a clerk knows of them, and called by their names."""

import re
from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db.models import CharField, Q, QuerySet, Value
from django.db.models.functions import Concat

from commlog.models import User
from notifications.models import Client, Group
from notifications.text import Malformed

Person = Client | Group | User
MOST_SUGGESTIONS = 10
_KEY = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NUMBERED = re.compile(r".*\(([^()]{1,150})\)")
_LONGEST = 300
_NUMBER = {"client": "client_id", "group": "group_id", "user": "username"}
_NAMES = {"client": ("first_names", "last_name"), "group": ("name",), "user": ("first_name", "last_name")}
_ROWS: Mapping[str, QuerySet[Client] | QuerySet[Group] | QuerySet[User]] = {
    "client": Client.objects.all(),
    "group": Group.objects.all(),
    "user": User.objects.all(),
}
WHOM = tuple(_ROWS)


def resolve(whom: str, text: str) -> str:
    """The key of the client, group or user that is meant: by key, by ID, by name, or as `label` writes it. Raises Malformed."""
    text = text.strip()
    if _KEY.fullmatch(text):
        return UUID(text).hex
    if len(text) > _LONGEST or "\0" in text:
        raise Malformed(whom, f"there is no {whom} of that name or ID")
    numbered = _NUMBERED.fullmatch(text)
    for number in filter(None, (text, numbered.group(1) if numbered else "")):
        for person in _ROWS[whom].filter(**{f"{_NUMBER[whom]}__iexact": number})[:1]:
            return person.key.hex
    found = list(_named(whom).filter(_full_name__iexact=text)[:3]) if text else []
    if len(found) == 1:
        return found[0].key.hex
    if found:
        which = ", ".join(_number(person) for person in found)
        raise Malformed(whom, f"several are called {text}: give the ID ({which})")
    raise Malformed(whom, f"there is no {whom} with the name or ID “{text[:60]}”")


def labels(whom: str, keys: Iterable[str]) -> dict[str, str]:
    """What the keys are called: name and ID. A key of nobody is left out."""
    wanted = [UUID(key) for key in keys if _KEY.fullmatch(key)]
    return {person.key.hex: label(person) for person in _ROWS[whom].filter(key__in=wanted)} if wanted else {}


def label(person: Person) -> str:
    """The name with what tells it from others: `Ana Silva (000123)`."""
    return f"{person.name} ({_number(person)})"


def suggest(whom: str, text: str) -> list[str]:
    """The labels of some whose name or ID holds the text."""
    text = text.strip()
    if not text or len(text) > _LONGEST or "\0" in text:
        return []
    named = _named(whom).filter(Q(_full_name__icontains=text) | Q(**{f"{_NUMBER[whom]}__istartswith": text}))
    return [label(person) for person in named.order_by(_NUMBER[whom])[:MOST_SUGGESTIONS]]


def _named(whom: str) -> QuerySet:
    names = _NAMES[whom]
    if len(names) == 1:
        return _ROWS[whom].annotate(_full_name=Concat(names[0], Value(""), output_field=CharField()))
    return _ROWS[whom].annotate(_full_name=Concat(names[0], Value(" "), names[1], output_field=CharField()))


def _number(person: Person) -> str:
    if isinstance(person, Client):
        return person.client_id
    return person.group_id if isinstance(person, Group) else person.username
