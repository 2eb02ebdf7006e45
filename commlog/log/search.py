"""The search box: a person, an address, a number in any spelling, a key, or words of a text.

A person or thing named by the text is found by indexes, whatever the size of the log: by ID, name, address,
number, reference or key, and its messages are listed. Any other text is searched among the words of all
messages, and a text in quotation marks as a phrase. After `*` any part of a word matches, which no index
supports: all texts are read.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db.models import Q

from commlog.recipients import kinds, people
from commlog.recipients.kinds import as_meant
from notifications import channels
from notifications.criteria import Operator, contains, named, referred, sent_to, sent_to_international
from notifications.criteria.word_search import Question, Worded, ask, holding, reading
from notifications.database import replica
from notifications.models.message import MessageQuerySet, of_channels
from notifications.secrets.urls import shortened
from notifications.text.keys import key_in
from notifications.text.spelling import words_of

_NAME = re.compile(r"[^\d\W][^\d\s@]*(\s+[^\d\s@]+)+")
_QUOTED = re.compile(r"[\"“”„«](?P<text>.*\S.*)[\"“”»]", re.DOTALL)
_MOST_OF_A_NAME = 20  # people who are called so
_COLUMNS = {"client": ("client",), "group": ("group",), "user": ("user", "sender_user")}


@dataclass(frozen=True, slots=True)
class Search:
    """The text of the box, and the owner of an ID."""

    text: str
    client: int | None = None
    group: int | None = None

    def __str__(self) -> str:
        return self.text

    @property
    def quoted(self) -> str:
        """The text in quotation marks, searched for in all messages; or ""."""
        found = _QUOTED.fullmatch(as_meant(self.text))
        return found["text"].strip() if found else ""

    @property
    def part(self) -> str:
        """The text after `*`, which also matches within words; or ""."""
        text = as_meant(self.text)
        return text.strip("*").strip() if text.startswith("*") else ""

    @property
    def meant(self) -> str:
        """The text to search for."""
        return self.quoted or self.part or as_meant(self.text)


def read(text: str) -> Search:
    """Parse the text. Raises Malformed for an ID that several clients have in different case."""
    meant = Search(text).meant
    if key_in(meant):
        return Search(text)
    client, group = (people.by_number(whom, meant) for whom in ("client", "group"))
    return Search(text, client=client.pk if client else None, group=group.pk if group else None)


@dataclass(frozen=True, slots=True)
class Searched:
    """The matches, and how they were found: by words, or by reading all texts (`worded` is None)."""

    messages: MessageQuerySet
    worded: Worded | None = None


def search(messages: MessageQuerySet, asked: Search, *, widely: bool = False) -> Searched:
    """Return the messages that match. A key finds its message, or those about its account.

    Readers who may not see content search by name only. `widely`: also match parts of words, for callers that
    must not miss any; all texts are read.
    """
    if key := key_in(asked.meant):
        return Searched(messages.of_key(key))
    question = Question(()) if asked.part else ask(asked.meant, phrase=bool(asked.quoted))
    if messages.masked or not question:
        return Searched(messages.filter(_anywhere(asked, masked=messages.masked)))
    found = holding(question)
    condition = found.condition | _of_ids(asked) | _of_secret_url(asked.meant)
    if widely:
        condition |= _anywhere(asked, masked=False) | reading(question)
    return Searched(messages.filter(condition), found)


def named_by(messages: MessageQuerySet, asked: Search) -> MessageQuerySet | None:
    """Return the messages to or about whom the text names; None if it names nothing with messages here."""
    plainly = not (asked.quoted or asked.part or key_in(asked.meant))
    legs = _legs(asked, masked=messages.masked) if plainly else []
    return messages.any_of(*legs) if legs and _are_there([messages.filter(leg) for leg in legs]) else None


def asks_content(text: str) -> bool:
    """Return whether the text asks about content: an address, a number or a phrase."""
    asked = Search(text)
    return bool(asked.quoted) or "@" in text or asked.meant.lstrip().startswith("+")


def _legs(asked: Search, *, masked: bool) -> list[Q]:
    """Return conditions with an index each. `masked`: none that reveals destinations."""
    meant = asked.meant
    legs = [Q(**{whom: pk}) for whom, pk in (("client", asked.client), ("group", asked.group)) if pk]
    legs += _of_reference(meant)
    if "@" in meant and not masked:
        legs.append(named("destination", meant, Operator.EQUALS))
    if not masked and (number := sent_to_international(meant)):
        legs.append(number)
    if _NAME.fullmatch(meant):
        for whom, columns in _COLUMNS.items():
            called = list(people.exactly(whom, meant).values_list("pk", flat=True)[:_MOST_OF_A_NAME])
            legs += [Q(**{f"{column}__in": called}) for column in columns if called]
    return legs


def _are_there(questions: Sequence[MessageQuerySet]) -> bool:
    """Return whether any of them matches, in one statement."""
    parts = [each.order_by().values("pk")[:1].query.sql_with_params() for each in questions]
    with replica.connection().cursor() as cursor:
        cursor.execute(
            f"SELECT {' OR '.join(f'EXISTS ({sql})' for sql, _ in parts)}",
            [value for _, params in parts for value in params],
        )
        return bool(cursor.fetchone()[0])


def _anywhere(asked: Search, *, masked: bool) -> Q:
    """Return the condition that the text occurs in a message or names its recipient. `masked`: the latter
    only.
    """
    meant = asked.meant
    found = of_name(meant) if masked else of_address(meant)
    for spelling in () if masked else dict.fromkeys((meant, asked.quoted or asked.text)):
        found |= contains("subject", spelling) | contains("content", spelling)
    # Whoever is called so now, in whatever order, or has an address of that name: `Silva Renée`.
    if _NAME.fullmatch(meant):
        found |= Q(client__in=kinds.search(kinds.KINDS["client"], meant).values("pk"))
    return reduce(or_, _of_reference(meant), found) | _of_ids(asked)


def _of_reference(meant: str) -> list[Q]:
    return [referred("reference_id", meant), of_channels(channels.NUMBERED) & referred("provider_id", meant)]


def _of_ids(asked: Search) -> Q:
    found = Q()
    for whom, pk in (("client", asked.client), ("group", asked.group)):
        found |= Q(**{whom: pk}) if pk else Q()
    return found


def _of_secret_url(meant: str) -> Q:
    """Return the condition for an exact secret URL, which the word index knows only in its masked form."""
    return named("destination", meant, Operator.EQUALS) if shortened(meant) != meant else Q()


def of_name(meant: str) -> Q:
    """Return the condition that a message went to this name, in any spelling."""
    called = Q()
    for word in words_of(meant, most=kinds.WORDS):
        called &= named("recipient_name", word)
    return called


def of_address(meant: str) -> Q:
    """Return the condition that a message went to this name, address or number, in any spelling."""
    return of_name(meant) | sent_to(meant)
