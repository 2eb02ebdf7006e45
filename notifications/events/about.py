"""What an event is about in the bank's core, which its messages keep: accounts, a repayment, a reference."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from notifications import content
from notifications.faults import Fault, Malformed
from notifications.models.message import LONGEST_REFERENCE
from notifications.text.gate import clean
from notifications.text.keys import key_in

REFERENCE = "reference_id"
FIELDS = (*content.KEYS, REFERENCE)  # of a message's content; the event's data has them in capitals


def with_about(data: Mapping[str, str], fields: Mapping[str, UUID | str | None]) -> dict[str, str]:
    """Return the data of an event with what it is said to be about. Raises Malformed where the two differ."""
    told = dict(data)
    for name, value in fields.items():
        if not value:
            continue
        text = value.hex if isinstance(value, UUID) else clean(REFERENCE, value, most=LONGEST_REFERENCE)
        if told.setdefault(name.upper(), text) != text:
            raise Malformed("data", Fault.DATA_TWICE, name=name.upper())
    return told


def about_of(data: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of the content of the event's messages. Text that is no key is left to the data: an
    account's ID or name.
    """
    found: dict[str, Any] = {
        name: key for name in content.KEYS if (key := key_in(data.get(name.upper(), "")))
    }
    with suppress(Malformed):
        found[REFERENCE] = clean(REFERENCE, data.get(REFERENCE.upper(), ""), most=LONGEST_REFERENCE)
    return found
