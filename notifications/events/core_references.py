"""References of an event to the bank's core, kept in its messages: accounts, a repayment, a reference."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from notifications import content
from notifications.faults import Fault, Malformed
from notifications.models.message import LONGEST_REFERENCE
from notifications.text.keys import key_in
from notifications.text.validation import clean

REFERENCE = "reference_id"
FIELDS = (*content.KEYS, REFERENCE)  # of a message's content; the event's data has them in capitals


def with_about(data: Mapping[str, str], fields: Mapping[str, UUID | str | None]) -> dict[str, str]:
    """Return the event's data with these fields added. Raises Malformed if the data says something else."""
    told = dict(data)
    for name, value in fields.items():
        if not value:
            continue
        text = value.hex if isinstance(value, UUID) else clean(REFERENCE, value, most=LONGEST_REFERENCE)
        if told.setdefault(name.upper(), text) != text:
            raise Malformed("data", Fault.DATA_TWICE, name=name.upper())
    return told


def about_of(data: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of content for the event's messages.

    A text that is no key, such as an account's ID or name, is left to the data.
    """
    found: dict[str, Any] = {
        name: key for name in content.KEYS if (key := key_in(data.get(name.upper(), "")))
    }
    with suppress(Malformed):
        found[REFERENCE] = clean(REFERENCE, data.get(REFERENCE.upper(), ""), most=LONGEST_REFERENCE)
    return found
