"""What the one search box finds: a person, an address, a number in any spelling, a key, words of a text.

Whom or what the text names is found by indexes, whatever the length of the log: the ID, name, address or
number of somebody, a reference, a key. Then that is what is listed. Everything else is looked up among the
words of all messages, and so is what stands in quotation marks: as a phrase. After a `*` any part is meant,
which no index knows: then all texts are read.
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
from notifications.criteria.worded import Question, Worded, ask, holding, reading
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
    """What was typed into the box, and whose ID it is."""

    text: str
    client: int | None = None
    group: int | None = None

    def __str__(self) -> str:
        return self.text

    @property
    def quoted(self) -> str:
        """The text within quotation marks, which is searched for in all messages; or ""."""
        found = _QUOTED.fullmatch(as_meant(self.text))
        return found["text"].strip() if found else ""

    @property
    def part(self) -> str:
        """What is searched for within words, too, after a `*`; or ""."""
        text = as_meant(self.text)
        return text.strip("*").strip() if text.startswith("*") else ""

    @property
    def meant(self) -> str:
        """What is looked for."""
        return self.quoted or self.part or as_meant(self.text)


def read(text: str) -> Search:
    """What is looked for. Raises Malformed for an ID of several but for capitals."""
    meant = Search(text).meant
    if key_in(meant):
        return Search(text)
    client, group = (people.by_number(whom, meant) for whom in ("client", "group"))
    return Search(text, client=client.pk if client else None, group=group.pk if group else None)


@dataclass(frozen=True, slots=True)
class Searched:
    """What was found, and how: by their words, or by reading all texts (`worded` is None then)."""

    messages: MessageQuerySet
    worded: Worded | None = None


def search(messages: MessageQuerySet, asked: Search, *, widely: bool = False) -> Searched:
    """Those of the messages that hold the text. A key finds its message, or what is about its account.

    Who may not read texts finds by names alone. `widely`: those with a part of it as well, for whoever must
    not miss any; all texts are read.
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
    """Those to or about whom or what the text names; None where it names nothing that has messages here."""
    plainly = not (asked.quoted or asked.part or key_in(asked.meant))
    legs = _legs(asked, masked=messages.masked) if plainly else []
    return messages.any_of(*legs) if legs and _are_there([messages.filter(leg) for leg in legs]) else None


def asks_content(text: str) -> bool:
    """Whether this asks for an address, a number or a text, and for nobody."""
    asked = Search(text)
    return bool(asked.quoted) or "@" in text or asked.meant.lstrip().startswith("+")


def _legs(asked: Search, *, masked: bool) -> list[Q]:
    """Conditions that an index holds each. `masked`: none that tells where a message went."""
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
    """Whether one of them finds anything, asked at once."""
    parts = [each.order_by().values("pk")[:1].query.sql_with_params() for each in questions]
    with replica.connection().cursor() as cursor:
        cursor.execute(
            f"SELECT {' OR '.join(f'EXISTS ({sql})' for sql, _ in parts)}",
            [value for _, params in parts for value in params],
        )
        return bool(cursor.fetchone()[0])


def _anywhere(asked: Search, *, masked: bool) -> Q:
    """The condition that a message holds the text, or went to whoever it leads to. `masked`: the latter."""
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
    """Whoever knows the whole of a secret URL finds it: the index has what readers may see of it."""
    return named("destination", meant, Operator.EQUALS) if shortened(meant) != meant else Q()


def of_name(meant: str) -> Q:
    """The condition that a message went to this name, in whatever spelling."""
    called = Q()
    for word in words_of(meant, most=kinds.WORDS):
        called &= named("recipient_name", word)
    return called


def of_address(meant: str) -> Q:
    """The condition that a message went to this name, address or number, in whatever spelling."""
    return of_name(meant) | sent_to(meant)
