"""Which steps of the recipe "A field of a message" (CONTRIBUTING.md) are still missing for the fields that
there are.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from commlog.api import json_schemas, schemas, sending
from commlog.api.description import fields_of
from notifications import content, outbox
from notifications.faults import Malformed
from notifications.models import Message
from notifications.outbox import Draft
from notifications.states import MessageType

# Of webhooks, which no program sends by the API: their receivers see these, readers of the log do not.
NOT_IN_THE_API = {"method", "content_type", "headers", "auth_username", "auth_password"}
# What the API gives by itself to what is sent by it.
NOT_A_PROGRAM_S = {"event"}


def missing(columns: Mapping[str, str] = content.COLUMNS) -> list[str]:
    """What has been forgotten, a line for each step."""
    return [f"{name}: {step}" for name, column in columns.items() for step in _missing(name, column)]


def _missing(name: str, column: str) -> Iterator[str]:
    """The steps that are missing for one field."""
    found = {each.column: each for each in Message._meta.concrete_fields}.get(column)
    if found is None:
        yield "no column of Message"
    elif name not in content.KEYS and found.max_length and not _refuses(name, "x" * (found.max_length + 1)):
        yield "longer than its column is not refused by drafts.envelope"
    if name in NOT_IN_THE_API:
        return
    first, *others = name.split("_")
    api = first + "".join(map(str.capitalize, others))
    message = Message(
        type="WEB_HOOK", **({column: UUID(int=1) if name in content.KEYS else "MANUAL"} if found else {})
    )
    if column not in schemas.READ:
        yield "not in schemas.READ"
    if api not in schemas.message_out(message):
        yield "not in schemas.message_out"
    if api not in _described(json_schemas.MESSAGE):
        yield "not in what json_schemas.py says of answers"
    if api not in _described(json_schemas.NEW_MESSAGE):
        yield "not in what json_schemas.py says of new messages"
    if name not in NOT_A_PROGRAM_S and api not in sending.as_given({api: "given"}, {api: "given"}):
        yield "not in what sending.py shows to whom gave it"


def _described(reference: Mapping[str, Any]) -> frozenset[str]:
    """The fields of the schema that is referred to."""
    return fields_of(str(reference["$ref"]).rpartition("/")[2])


def _refuses(name: str, value: str) -> bool:
    """Whether a text of that length cannot be stored."""
    said: dict[str, Any] = {"body": "{}", name: value}
    try:
        outbox.check(Draft(MessageType("WEB_HOOK"), destination="https://hooks.example.org/x", **said))
    except Malformed:
        return True
    return False
