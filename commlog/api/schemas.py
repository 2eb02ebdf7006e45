"""Messages in the API's names. camelCase is used only here. Absent values are omitted, never null."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model, QuerySet
from django.utils import timezone

from commlog.models import User
from notifications import channels, content
from notifications.faults import Fault, Malformed
from notifications.models import Attempt, Client, Group, Message
from notifications.outbox import Draft
from notifications.states import MessageState, MessageType
from notifications.text import keys
from notifications.text.validation import clean


def _named(name: str) -> str:
    """Return the API's name of a field of a message's content."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


# --- out ----------------------------------------------------------------------------------------------------


# The rows beside a message that `message_out` reads, and the fields: a list loads these and no more.
RELATED = ("sender_user", "client", "group", "user", "resend_of", "template", "business_event")
# What a message is about in the bank's core, by the names of the API.
KEYS_ABOUT = {_named(name): name for name in content.KEYS}
# What is said of a masked message.
WITHHELD = (
    "Without the permission “Read message content” destination is masked, and subject, body, html and "
    "failureCause are absent"
)
READ = (
    "key", "type", "state", "created_at", "sent_at", "destination", "subject", "content", "html", "event",
    *KEYS_ABOUT.values(), "reference_id",
    "failure_reason", "failure_cause", "failures",
    "provider_id", "waiting_reason", "outcome", "possible_duplicate", "receipt_status", "receipt_at",
    "words_gone_at",
    *(f"{name}__key" for name in RELATED),
)  # fmt: skip


def message_out(
    message: Message, attempts: Iterable[Attempt] | None = None, *, secret_urls: bool = True
) -> dict[str, Any]:
    """Return a message as the API shows it: Mambu's fields and ours. Select RELATED with it.

    Without `secret_urls` the URL of a webhook is shortened, also in its server's answer. Withheld fields of a
    masked message are omitted.
    """
    detail: Callable[[str], str] = str if secret_urls and not message.masked else message.shown_detail
    fields: dict[str, Any] = {
        "encodedKey": message.key.hex,
        "type": message.type,
        "state": message.state,
        "creationDate": moment(message.created_at),
        "sendDate": moment(message.sent_at),
        "destination": message.destination if secret_urls else message.shown_destination,
        "subject": message.subject,
        "body": message.content,
        "html": message.html,
        "event": message.event,
        "senderKey": _key(message.sender_user),
        "clientKey": _key(message.client),
        "groupKey": _key(message.group),
        "userKey": _key(message.user),
        **{name: (key := getattr(message, column)) and key.hex for name, column in KEYS_ABOUT.items()},
        "templateKey": _key(message.template),
        "eventKey": _key(message.business_event),
        "failureReason": message.failure_reason if message.state != MessageState.SENT else "",
        "failureCause": detail(message.failure_cause) if message.state != MessageState.SENT else "",
        "numRetries": message.retries,
        "referenceId": message.reference,
        "providerId": message.provider_id,
        "waitingReason": message.waiting_reason,
        "outcome": message.outcome,
        "possibleDuplicate": message.possible_duplicate or None,
        "receipt": message.receipt_status,
        "receiptDate": moment(message.receipt_at),
        "resendOf": _key(message.resend_of),
        "textDeletedDate": moment(message.words_gone_at),
        "contentWithheld": message.masked or None,
    }
    shown = {name: value for name, value in fields.items() if value not in (None, "")}
    if attempts is not None:
        shown["attempts"] = [attempt_out(attempt, detail) for attempt in attempts]
    return shown


def attempt_out(attempt: Attempt, detail: Callable[[str], str]) -> dict[str, Any]:
    """Return an attempt as the API shows it; one in progress has neither `finishedAt` nor `outcome`."""
    fields = {
        "number": attempt.number,
        "startedAt": moment(attempt.started_at),
        "finishedAt": moment(attempt.finished_at),
        "outcome": attempt.outcome,
        "failureReason": attempt.failure_reason,
        "failureCause": detail(attempt.detail) if attempt.failure_reason else "",
    }
    return {name: value for name, value in fields.items() if value not in (None, "")}


def moment(value: datetime | None) -> str | None:
    """Return ISO 8601 with microseconds and the offset of the organisation's time zone."""
    return None if value is None else timezone.localtime(value).isoformat(timespec="microseconds")


def _key(row: Any) -> str | None:
    return None if row is None else row.key.hex


# --- in -----------------------------------------------------------------------------------------------------

_TEXTS = {_named(name): name for name in ("destination", *content.TEXTS)}


@dataclass(frozen=True, slots=True)
class _Reference:
    """A field that refers to a row: the model, and the columns that identify it."""

    target: str  # the Draft's field
    rows: Callable[[], QuerySet[Any]]
    column: str


_REFERENCES: dict[str, _Reference] = {
    "clientKey": _Reference("client", Client.objects.all, "key"),
    "clientId": _Reference("client", Client.objects.all, "client_id"),
    "groupKey": _Reference("group", Group.objects.all, "key"),
    "groupId": _Reference("group", Group.objects.all, "group_id"),
    "userKey": _Reference("user", User.objects.all, "key"),
    "recipientUsername": _Reference("user", User.objects.all, "username"),
    "senderUsername": _Reference("sender", User.objects.all, "username"),
}
_MOST_REMEMBERED = 10_000


class DraftReader:
    """Turns JSON objects into drafts; queries each referenced row once."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Model | None] = {}

    def look_up(self, many: Iterable[Mapping[str, Any]]) -> None:
        """Fetch the rows that these objects refer to, a query per field; `read` reports what is missing."""
        wanted: dict[str, set[str]] = {}
        for fields in many:
            for name in _REFERENCES.keys() & fields.keys():
                if isinstance(fields[name], str):
                    wanted.setdefault(name, set()).add(fields[name])
        for name, values in wanted.items():
            self._rows |= {(name, value): row for value, row in _found(_REFERENCES[name], values).items()}

    def read(self, fields: Mapping[str, Any]) -> Draft:
        """Return the draft that a JSON object describes. Raises Malformed, naming the field."""
        unknown = sorted(set(fields) - {"type", "headers", *_TEXTS, *KEYS_ABOUT, *_REFERENCES})
        if unknown:
            raise Malformed(clean("JSON", unknown[0])[:64], Fault.NO_FIELD_OF_A_MESSAGE)
        channel = _channel(fields.get("type"))
        facts = channels.of(channel)
        needed = {"destination": not facts.for_people, "subject": "subject" in facts.fields, "body": True}
        for name, is_needed in needed.items():
            if is_needed and name not in fields:
                raise Malformed(name, Fault.NEEDED_BY_CHANNEL, channel=channel.label)
        values: dict[str, Any] = {
            target: clean(name, fields[name]) for name, target in _TEXTS.items() if name in fields
        }
        if "headers" in fields:
            values["headers"] = _headers(fields["headers"])
        values |= {
            target: keys.read(name, fields[name]) for name, target in KEYS_ABOUT.items() if name in fields
        }
        for name in _REFERENCES.keys() & fields.keys():
            target = _REFERENCES[name].target
            if target in values:
                raise Malformed(name, Fault.NAMED_BY_ANOTHER_FIELD, target=target)
            values[target] = self._row(name, clean(name, fields[name]))
        if len({"client", "group", "user"} & values.keys()) > 1:
            raise Malformed("JSON", Fault.SEVERAL_RECIPIENTS)
        return Draft(type=channel, **values)

    def _row(self, name: str, value: str) -> Model:
        known = (name, value)
        if known not in self._rows:
            if len(self._rows) >= _MOST_REMEMBERED:
                self._rows.clear()
            self._rows |= {(name, value): row for value, row in _found(_REFERENCES[name], {value}).items()}
        if known not in self._rows:
            raise Malformed(name, Fault.NOT_A_KEY)
        row = self._rows[known]
        if row is None:
            raise Malformed(name, Fault.NO_SUCH_ROW, target=_REFERENCES[name].target, value=value[:64])
        return row


def _found(reference: _Reference, values: Iterable[str]) -> dict[str, Model | None]:
    """Return the row of each value, or None. Values that cannot be identifiers are left out."""
    named: dict[str, Any] = {}
    for value in values:
        with suppress(Malformed):
            named[value] = (
                keys.read("key", value) if reference.column == "key" else clean(reference.column, value)
            )
    rows = reference.rows().filter(**{f"{reference.column}__in": set(named.values())})
    by_value = {getattr(row, reference.column): row for row in rows}
    return {value: by_value.get(wanted) for value, wanted in named.items()}


def _channel(value: Any) -> MessageType:
    if value is None:
        raise Malformed("type", Fault.TYPE_MISSING, allowed=tuple(MessageType))
    if not isinstance(value, str) or value not in MessageType:
        raise Malformed("type", Fault.MUST_BE_ONE_OF, allowed=tuple(MessageType))
    return MessageType(value)


def _headers(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise Malformed("headers", Fault.HEADERS_ARE_NO_OBJECT)
    return {clean("headers", name): clean("headers", text) for name, text in value.items()}
