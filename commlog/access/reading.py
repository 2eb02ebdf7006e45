"""Queries for who has read a message, or the messages of a client or group."""

from collections.abc import Sequence
from functools import reduce
from operator import or_

from django.db import connection
from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL

from commlog.models import AccessRecord
from notifications.models import Message
from notifications.models.message import MessageQuerySet

LATEST = 100  # messages of a client that are looked for
_TABLE = AccessRecord._meta.db_table


def of_messages(pks: Sequence[int]) -> Q:
    """Return the condition that a record names one of these messages."""
    if not pks:
        return Q(pk__in=[])
    if connection.vendor == "postgresql":  # an index holds what each names
        return reduce(or_, (Q(messages__contains=[pk]) for pk in pks))
    numbers = ",".join(map(str, pks))
    named = f"SELECT each.value FROM json_each({_TABLE}.messages) AS each WHERE each.value IN ({numbers})"  # noqa: S608
    return Q(RawSQL(f"EXISTS ({named})", [], output_field=BooleanField()))  # noqa: S611  numbers of ours


def latest_of(messages: MessageQuerySet) -> list[int]:
    """Return the ids of the LATEST newest of these messages."""
    return list(messages.order_by("-created_at", "-pk").values_list("pk", flat=True)[:LATEST])


def keys_of(records: Sequence[AccessRecord]) -> dict[int, str]:
    """Return the keys of the messages that these records name; deleted messages are missing."""
    pks = {pk for each in records for pk in each.messages}
    return {pk: key.hex for pk, key in Message.objects.filter(pk__in=pks).values_list("pk", "key")}
