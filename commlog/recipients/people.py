"""Clients, groups, users and messages as values of conditions: found by what a clerk knows of them, and
called by their names.

IDs that differ in capitals alone may both exist. Whoever writes one exactly means that one; in other capitals
it means somebody only where it cannot mean two.
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
    """The key of the recipient meant by key, ID, name or `label`. Raises Malformed."""
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
    """Whoever has this ID, in whatever capitals. Raises Malformed, naming several such."""
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
    """Whoever has this ID, to the letter, or this key; None: nobody. For what cannot be undone."""
    rows, key = _ROWS[whom], key_in(text)
    return rows.filter(**{_NUMBER[whom]: text}).first() or (rows.filter(key=key).first() if key else None)


def taken_by(whom: str, number: str, *, besides: int | None = None) -> str:
    """Another recipient's ID that differs in capitals at most; "" where there is none."""
    others = _ROWS[whom].filter(_in_any_capitals(whom, number)).exclude(pk=besides)
    return next((_number(person) for person in others.order_by("pk")[:1]), "")


def labels(whom: str, keys: Iterable[str]) -> dict[str, str]:
    """What the keys are called: name and ID. A key of nobody is left out."""
    wanted = [found for key in keys if (found := key_in(key))]
    return {person.key.hex: label(person) for person in _ROWS[whom].filter(key__in=wanted)} if wanted else {}


def label(person: Person) -> str:
    """The name with what tells it from others: `Ana Silva (000123)`."""
    return f"{person.name} ({_number(person)})"


def suggest(whom: str, text: str) -> list[str]:
    """Labels of some whose ID begins so or whose name has the words; exact names first."""
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
    """Those whose ID this is, to the letter, or whose name it is in whatever spelling. Indexes find them."""
    number, meant = _NUMBER[whom], tidy(text)
    return (
        with_names(whom)
        .filter(Q(**{f"{number}__in": {text.strip(), meant}}) | _by_name(meant))
        .order_by(number)
    )


def called(word: str) -> Q:
    """The condition that a name of `with_names` holds the word, in whatever spelling."""
    return named(_FULL_NAME, word, fold_column="name_fold")


def holds(column: str, word: str) -> Q:
    """The condition that an ID, address or number holds the word. SQLite's case is A to Z alone."""
    return Q(
        *(Q(**{f"{column}__icontains": each}) for each in {word, word.lower(), word.upper()}), _connector=Q.OR
    )


def with_names(whom: str) -> QuerySet[Any]:
    """All of them, with what their fold is made of: rows that are older than that column are asked for it."""
    first, *others = _NAMES[whom]
    parts = [part for name in others for part in (Value(" "), F(name))] or [Value("")]
    return _ROWS[whom].annotate(**{_FULL_NAME: Trim(Concat(F(first), *parts, output_field=CharField()))})


def _written_exactly(whom: str, text: str, meant: str) -> list[Person]:
    """Whose ID or label it is to the letter: what pages write is read back as meant."""
    numbers = {text, meant, *_in_brackets(text), *_in_brackets(meant)}
    people = list(_ROWS[whom].filter(**{f"{_NUMBER[whom]}__in": numbers}))
    return [
        person for person in people if {_number(person), label(person), tidy(label(person))} & {text, meant}
    ]


def _alike(whom: str, meant: str) -> list[Person]:
    """Whose ID it is in other capitals, and who is called so."""
    if not meant:
        return []
    named_so = list(with_names(whom).filter(_by_name(meant))[:_ALIKE]) or _by_name_in_any_order(whom, meant)
    found = [*_ROWS[whom].filter(_in_any_capitals(whom, meant))[:_ALIKE], *named_so]
    return list({person.pk: person for person in found}.values())


def _by_name(meant: str) -> Q:
    return named(_FULL_NAME, meant, Operator.EQUALS, fold_column="name_fold")


def _by_name_in_any_order(whom: str, meant: str) -> list[Person]:
    """Whoever's whole name it is, the last name first: `Silva, Ana`."""
    words = words_of(meant, most=MOST_SUGGESTIONS)
    if len(words) < 2:
        return []
    holding = with_names(whom).filter(*(called(word) for word in words))[:_ALIKE]
    wanted = sorted(fold(" ".join(words)).split())
    return [person for person in holding if sorted(fold(person.name).split()) == wanted]


def _by_last_brackets(whom: str, meant: str) -> list[Person]:
    """Whose ID is in brackets behind a name, whatever the name: it may have been changed since."""
    last = next(iter(_in_brackets(meant)), "")
    found = by_number(whom, last) if last else None
    return [found] if found else []


def _in_brackets(text: str) -> Sequence[str]:
    """What may be an ID behind a name, the shortest first: IDs may hold brackets too."""
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
