"""What the one search box finds: a person, an address, a number in any spelling, a key, a subject, a text."""

import re
from uuid import UUID

from django.db.models import F, Q, QuerySet, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Replace

from commlog import recipients
from notifications.criteria import contains
from notifications.models import Client, Group
from notifications.models.message import MessageQuerySet
from notifications.states import MessageType

_KEY = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NUMBER = re.compile(r"\+?[\d\s()./-]+")
_NAME = re.compile(r"[^\d\W][^\d\s@]*(\s+[^\d\s@]+)+")
_SEPARATORS = " ()-./"


def search(messages: MessageQuerySet, text: str) -> MessageQuerySet:
    """Those of the messages that the text leads to. A key finds its message and nothing else."""
    if _KEY.fullmatch(text):
        return messages.filter(key=UUID(text))
    found = contains("recipient_name", text) | contains("destination", text) | contains("subject", text) | contains("content", text)
    found |= Q(client__in=_clients(text)) | Q(group__in=Group.objects.filter(group_id__iexact=text))
    digits = recipients.digits_of(text) if _NUMBER.fullmatch(text) else ""
    if not digits:
        return messages.filter(found)
    return messages.annotate(_number=_without_separators()).filter(found | Q(type=MessageType.SMS, _number__contains=digits))


def _clients(text: str) -> QuerySet[Client]:
    """Whoever has that ID; of several words without figures, whoever is called so, in whatever order: `Silva Renée`.

    An address spells without accents, so `renee silva` finds her too.
    """
    found = Client.objects.filter(client_id__iexact=text)
    return found | recipients.search(recipients.KINDS["client"], text) if _NAME.fullmatch(text) else found


def _without_separators() -> Combinable:
    number: Combinable = F("destination")
    for separator in _SEPARATORS:
        number = Replace(number, Value(separator), Value(""), output_field=TextField())
    return number
