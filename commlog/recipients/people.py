"""Clients, groups, users and messages as values of conditions: found by what a clerk knows, shown by name.

IDs that differ only in case may both exist. An exact spelling means that one; another case matches only if it
is unambiguous.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import CharField, F, Q, QuerySet, Value
from django.db.models.functions import Concat, Trim

from commlog.models import User
from notifications.criteria import Operator, named
from notifications.faults import Fault, Malformed
from notifications.models import Client, Group
from notifications.text.keys import key_in
from notifications.text.spelling import fold, tidy, words_of

Person = Client | Group | User
MOST_SUGGESTIONS = 10
_MOST_NAMED = 5
_FULL_NAME = "full_name"
_LONGEST = 500  # the longest label: two names of 150 characters, and a user name as long
_LONGEST_NUMBER = 150
_ALIKE = 100  # people of one name, or of IDs that differ in capitals alone: more are never looked at
_NUMBER = {"client": "client_id", "group": "group_id", "user": "username"}
_NAMES = {"client": ("first_names", "last_name"), "group": ("name",), "user": ("first_name", "last_name")}
_ROWS: Mapping[str, QuerySet[Any]] = {
    "client": Client.objects.all(),
    "group": Group.objects.all(),
    "user": User.objects.all(),
}
WHOM = tuple(_ROWS)


def resolve(whom: str, text: str) -> str:
    """Return the key of the recipient with this key, ID, name or `label`. Raises Malformed."""
    meant = tidy(text)
    if key := key_in(meant):
        return key.hex
    if len(text) > _LONGEST or "\0" in text:
        raise Malformed(whom, Fault.NOBODY_OF_THAT_NAME, whom=whom)
    found = (
        _written_exactly(whom, text.strip(), meant) or _alike(whom, meant) or _by_last_brackets(whom, meant)
    )
    if not found:
        raise Malformed(whom, Fault.NOBODY_CALLED, whom=whom, text=text.strip()[:60])
    return _only(whom, text.strip(), found).key.hex


def by_number(whom: str, text: str) -> Person | None:
    """Return the owner of this ID in any case. Raises Malformed, naming them, if there are several."""
    meant = tidy(text)
    if not meant or len(meant) > _LONGEST_NUMBER or "\0" in meant:
        return None
    written = {text.strip(), meant}
    exactly = Q(**{f"{_NUMBER[whom]}__in": written})
    found = list(_ROWS[whom].filter(exactly | _in_any_capitals(whom, meant))[:_ALIKE])
    return (
        _only(whom, meant, [person for person in found if _number(person) in written] or found)
        if found
        else None
    )


def exactly_meant(whom: str, text: str) -> Any:
    """Return the owner of exactly this ID or key, or None. For actions that cannot be undone."""
    rows, key = _ROWS[whom], key_in(text)
    return rows.filter(**{_NUMBER[whom]: text}).first() or (rows.filter(key=key).first() if key else None)


def taken_by(whom: str, number: str, *, besides: int | None = None) -> str:
    """Return another recipient's ID that differs at most in case; "" if there is none."""
    others = _ROWS[whom].filter(_in_any_capitals(whom, number)).exclude(pk=besides)
    return next((_number(person) for person in others.order_by("pk")[:1]), "")


def labels(whom: str, keys: Iterable[str]) -> dict[str, str]:
    """Return the labels of the keys: name and ID. Unknown keys are omitted."""
    wanted = [found for key in keys if (found := key_in(key))]
    return {person.key.hex: label(person) for person in _ROWS[whom].filter(key__in=wanted)} if wanted else {}


def label(person: Person) -> str:
    """Return the name with its distinguishing ID: `Ana Silva (000123)`."""
    return f"{person.name} ({_number(person)})"


def suggest(whom: str, text: str) -> list[str]:
    """Return labels of those whose ID begins with the text or whose name has its words; exact names first."""
    meant = tidy(text)
    if not meant or len(text) > _LONGEST or "\0" in text:
        return []
    words = Q(*(called(word) for word in words_of(meant, most=MOST_SUGGESTIONS)))
    first = list(exactly(whom, meant)[:MOST_SUGGESTIONS])
    others = (
        with_names(whom)
        .filter(words | Q(**{f"{_NUMBER[whom]}__istartswith": meant}))
        .exclude(pk__in=[each.pk for each in first])
    )
    return [
        label(person) for person in (*first, *others.order_by(_NUMBER[whom])[: MOST_SUGGESTIONS - len(first)])
    ]


def exactly(whom: str, text: str) -> QuerySet[Any]:
    """Return those with exactly this ID, or this name in any spelling, by index."""
    number, meant = _NUMBER[whom], tidy(text)
    return (
        with_names(whom)
        .filter(Q(**{f"{number}__in": {text.strip(), meant}}) | _by_name(meant))
        .order_by(number)
    )


def called(word: str) -> Q:
    """Return the condition that a name of `with_names` contains the word, in any spelling."""
    return named(_FULL_NAME, word, fold_column="name_fold")


def holds(column: str, word: str) -> Q:
    """Return the condition that an ID, address or number contains the word. SQLite folds only A to Z."""
    return Q(
        *(Q(**{f"{column}__icontains": each}) for each in {word, word.lower(), word.upper()}), _connector=Q.OR
    )


def with_names(whom: str) -> QuerySet[Any]:
    """Return all of them with the source of their folded name, for rows older than that column."""
    first, *others = _NAMES[whom]
    parts = [part for name in others for part in (Value(" "), F(name))] or [Value("")]
    return _ROWS[whom].annotate(**{_FULL_NAME: Trim(Concat(F(first), *parts, output_field=CharField()))})


def _written_exactly(whom: str, text: str, meant: str) -> list[Person]:
    """Return whose ID or label it is exactly: what pages write is read back as meant."""
    numbers = {text, meant, *_in_brackets(text), *_in_brackets(meant)}
    people = list(_ROWS[whom].filter(**{f"{_NUMBER[whom]}__in": numbers}))
    return [
        person for person in people if {_number(person), label(person), tidy(label(person))} & {text, meant}
    ]


def _alike(whom: str, meant: str) -> list[Person]:
    """Return whose ID it is in another case, and who has that name."""
    if not meant:
        return []
    named_so = list(with_names(whom).filter(_by_name(meant))[:_ALIKE]) or _by_name_in_any_order(whom, meant)
    found = [*_ROWS[whom].filter(_in_any_capitals(whom, meant))[:_ALIKE], *named_so]
    return list({person.pk: person for person in found}.values())


def _by_name(meant: str) -> Q:
    return named(_FULL_NAME, meant, Operator.EQUALS, fold_column="name_fold")


def _by_name_in_any_order(whom: str, meant: str) -> list[Person]:
    """Return whose full name it is with the last name first: `Silva, Ana`."""
    words = words_of(meant, most=MOST_SUGGESTIONS)
    if len(words) < 2:
        return []
    holding = with_names(whom).filter(*(called(word) for word in words))[:_ALIKE]
    wanted = sorted(fold(" ".join(words)).split())
    return [person for person in holding if sorted(fold(person.name).split()) == wanted]


def _by_last_brackets(whom: str, meant: str) -> list[Person]:
    """Return whose ID is in brackets after a name, whatever the name: it may have changed since."""
    last = next(iter(_in_brackets(meant)), "")
    found = by_number(whom, last) if last else None
    return [found] if found else []


def _in_brackets(text: str) -> Sequence[str]:
    """Return possible IDs in brackets, shortest first: IDs may contain brackets too."""
    if not text.endswith(")"):
        return []
    starts = [number for number, character in enumerate(text) if character == "("]
    return [text[start + 1 : -1] for start in reversed(starts) if len(text) - start - 2 <= _LONGEST_NUMBER]


def _in_any_capitals(whom: str, number: str) -> Q:
    # SQLite compares the letters from A to Z alone without regard to case, but hands regular expressions to
    # Python.
    lookup, asked = ("iexact", number) if number.isascii() else ("iregex", f"^{re.escape(number)}$")
    return Q(**{f"{_NUMBER[whom]}__{lookup}": asked})


def _only(whom: str, text: str, found: Sequence[Person]) -> Person:
    if len(found) == 1:
        return found[0]
    numbers = sorted(_number(person) for person in found)
    which = ", ".join(numbers[:_MOST_NAMED]) + (" …" if len(numbers) > _MOST_NAMED else "")
    if len({number.casefold() for number in numbers}) == 1:
        raise Malformed(whom, Fault.DIFFER_IN_CAPITALS, whom=whom, which=which)
    raise Malformed(whom, Fault.SEVERAL_CALLED, text=text, which=which)


def _number(person: Person) -> str:
    if isinstance(person, Client):
        return person.client_id
    return person.group_id if isinstance(person, Group) else person.username
