"""What the one search box finds: a person, an address, a number in any spelling, a key, a subject, a text."""

import re
from dataclasses import dataclass

from django.db.models import Q

from commlog.recipients import kinds, people
from commlog.recipients.kinds import as_meant
from notifications import channels
from notifications.criteria import contains, named, numbered
from notifications.models.message import MessageQuerySet, of_channels
from notifications.text.keys import key_in
from notifications.text.spelling import words_of

_NAME = re.compile(r"[^\d\W][^\d\s@]*(\s+[^\d\s@]+)+")


@dataclass(frozen=True, slots=True)
class Search:
    """What was typed into the box, and whose ID it is."""

    text: str
    client: int | None = None
    group: int | None = None

    def __str__(self) -> str:
        return self.text


def read(text: str) -> Search:
    """What is looked for. Raises Malformed where it is the ID of several clients or groups but for
    capitals.
    """
    meant = as_meant(text)
    if key_in(meant):
        return Search(text)
    client, group = (people.by_number(whom, meant) for whom in ("client", "group"))
    return Search(text, client=client.pk if client else None, group=group.pk if group else None)


def search(messages: MessageQuerySet, asked: Search) -> MessageQuerySet:
    """Those of the messages that the text leads to. A key finds its message, or what is about its account."""
    meant = as_meant(asked.text)
    if key := key_in(meant):
        return messages.of_key(key)
    called = Q()
    for word in words_of(meant, most=kinds.WORDS):
        called &= named("recipient_name", word)
    found = called | named("destination", meant)
    for spelling in dict.fromkeys((meant, asked.text)):
        found |= contains("subject", spelling) | contains("content", spelling)
    for whom, pk in (("client", asked.client), ("group", asked.group)):
        found |= Q(**{whom: pk}) if pk else Q()
    # Whoever is called so now, in whatever order, or has an address of that name: `Silva Renée`.
    if _NAME.fullmatch(meant):
        found |= Q(client__in=kinds.search(kinds.KINDS["client"], meant).values("pk"))
    if number := numbered("destination", meant, fold_column="destination_fold"):
        found |= of_channels(channels.BY_NUMBER) & number
    found |= Q(reference_id=meant) | (of_channels(channels.NUMBERED) & Q(provider_id=meant))
    return messages.filter(found)
