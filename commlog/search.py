"""What the one search box finds: a person, an address, a number in any spelling, a key, a subject, a text."""

import re
from uuid import UUID

from django.db.models import Q, QuerySet

from commlog import recipients
from commlog.recipients import as_meant
from notifications.criteria import contains, numbered
from notifications.models import Client, Group
from notifications.models.message import MessageQuerySet
from notifications.states import MessageType

_KEY = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NAME = re.compile(r"[^\d\W][^\d\s@]*(\s+[^\d\s@]+)+")


def search(messages: MessageQuerySet, text: str) -> MessageQuerySet:
    """Those of the messages that the text leads to. A key finds its message and nothing else."""
    meant = as_meant(text)
    if _KEY.fullmatch(meant):
        return messages.filter(key=UUID(meant))
    found = contains("recipient_name", meant) | contains("destination", meant)
    for spelling in dict.fromkeys((meant, text)):
        found |= contains("subject", spelling) | contains("content", spelling)
    found |= Q(client__in=_clients(meant)) | Q(group__in=Group.objects.filter(group_id__iexact=meant))
    if number := numbered("destination", meant):
        found |= Q(type=MessageType.SMS) & number
    return messages.filter(found)


def _clients(text: str) -> QuerySet[Client]:
    """Whoever has that ID; of several words without figures, whoever is called so, in whatever order: `Silva Renée`.

    An address spells without accents, so `renee silva` finds her too.
    """
    found = Client.objects.filter(client_id__iexact=text)
    return found | recipients.search(recipients.KINDS["client"], text) if _NAME.fullmatch(text) else found
