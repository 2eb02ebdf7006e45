"""Business events reported by programs, up to a thousand a call. Templates turn them into messages."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import product
from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Path, Router

from commlog import permissions
from commlog.api import bodies
from commlog.api.callers import caller_of
from commlog.api.codes import Code
from commlog.api.description import Schema, answers, component, describes, fields_of, ref
from commlog.api.errors import ApiError
from commlog.api.idempotency import once
from commlog.api.json_input import is_absent
from commlog.api.json_schemas import ABOUT, ANSWERED_KEY, EXACT_MOMENT, KEY, TEXT, closed, optional
from commlog.api.operations import needs
from commlog.api.plain import NOTHING
from commlog.api.schemas import KEYS_ABOUT, moment
from commlog.models import User
from notifications import events, templating
from notifications.events import EVENTS, Happening, Raised
from notifications.faults import Fault, Malformed
from notifications.models import BusinessEvent, Client, Group
from notifications.models.message import LONGEST_REFERENCE
from notifications.text import keys
from notifications.text.validation import clean

router = Router(tags=["Events"])
MOST = 1_000
_EARLIEST, _LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2199, 12, 30, tzinfo=UTC)
# Which field names whom, and by which column.
_NAMED: Mapping[str, tuple[str, type[Model], str]] = {
    "clientId": ("client", Client, "client_id"),
    "clientKey": ("client", Client, "key"),
    "groupId": ("group", Group, "group_id"),
    "groupKey": ("group", Group, "key"),
    "username": ("user", User, "username"),
    "userKey": ("user", User, "key"),
}

_VALUE: Schema = {
    "type": ["string", "number", "boolean", "null"],
    "pattern": r"^[^\x00]*$",
    "maxLength": 10_000,
}
_ID = {"type": "string", "minLength": 1, "maxLength": 150, "pattern": r"^[^\x00]*$"}
# Spelled as a placeholder, as camelCase (where each hump becomes one character more), or one of an
# organisation's own fields.
_NAMES = r"^([A-Z][A-Z0-9_]{0,63}|[A-Za-z][A-Za-z0-9_. -]{0,41}|CF:[^\x00]{0,157})$"


def _data(deep: int) -> Schema:
    """Return the schema of names and values, nested up to `deep` levels."""
    values = [_VALUE, _data(deep - 1)] if deep > 1 else [_VALUE]
    return {
        "type": "object",
        "propertyNames": {"pattern": _NAMES},
        "maxProperties": 100,
        "additionalProperties": {"anyOf": values},
    }


_MEANING = (
    "Placeholder → value. `amountDue` and {amount: {due: …}} mean AMOUNT_DUE as well; each is said once, "
    "and at most 100 in all."
)
_TOLD_OF: dict[str, Schema] = {
    "event": {"enum": list(EVENTS)},
    "data": optional(_data(templating.DEEPEST) | {"description": _MEANING}),
    "occurredAt": optional(EXACT_MOMENT),
    "eventKey": optional(
        KEY | {"description": "Chosen by you: the event is accepted once, however often it is reported"}
    ),
}
_TOLD_OF |= ABOUT
_KINDS = ("client", "group", "user")


def _about() -> list[Schema]:
    """Return a schema for each way to name the event's subject: every kind by either of its two
    identifiers.
    """
    ways = product(*([name for name, (kind, _, _) in _NAMED.items() if kind == each] for each in _KINDS))
    ids: dict[str, Schema] = {
        name: optional(KEY if column == "key" else _ID) for name, (_, _, column) in _NAMED.items()
    }
    return [
        closed(_TOLD_OF | {name: ids[name] if name in way else NOTHING for name in ids}, "event")
        for way in ways
    ]


EVENT = component("Event", {"anyOf": _about()})
_KEYS: Schema = {"type": "array", "items": ANSWERED_KEY}
_ANSWER = component(
    "EventAnswer", closed({"eventKey": ANSWERED_KEY, "messages": _KEYS}, "eventKey", "messages")
)
_ANSWERS = {"anyOf": [_ANSWER, {"type": "array", "items": _ANSWER}]}
_TOLD = {"anyOf": [ref("Event"), {"type": "array", "minItems": 1, "maxItems": MOST, "items": ref("Event")}]}
_ENTRY = component(
    "EventTraceEntry",
    closed(
        {
            "templateKey": ANSWERED_KEY,
            "name": TEXT,
            "type": TEXT,
            "messages": _KEYS,
            "silence": TEXT,
            "details": TEXT,
        },
        "templateKey",
        "messages",
    ),
)
_TRACE = component(
    "EventTrace",
    {
        "type": "object",
        "required": ["eventKey", "event", "receivedDate", "messages", "templates"],
        "properties": {
            "eventKey": ANSWERED_KEY,
            "messages": _KEYS,
            "templates": {"type": "array", "items": _ENTRY},
        },
    },
)


@router.post(
    "/events",
    operation_id="sendEvent",
    openapi_extra=describes(
        body=_TOLD,
        once=True,
        _202=answers("Accepted, with the keys of the messages that were created", _ANSWERS),
    ),
)
@needs(permissions.may_send_events, "reporting events needs the permission “Send events”")
def send_event(request: HttpRequest) -> HttpResponse:
    """Report one event or several; all are accepted, or none.

    An `eventKey` that was reported before gets the same answer again.
    """
    told = bodies.read(request, exact=True)
    read = [_read(one, place) for place, one in enumerate(_listed(told))]
    return once(request, lambda: _send(request, read, alone=not isinstance(told, list)))


@router.get(
    "/events/{eventKey}",
    operation_id="getEvent",
    openapi_extra=describes(_200=answers("The event with its trace", _TRACE)),
)
@needs(permissions.may_read_messages, "reading events needs the permission “View communication history”")
def get_event(request: HttpRequest, eventKey: str = Path(..., pattern=KEY["pattern"])) -> HttpResponse:
    """One event, the messages it produced, and why its other templates sent nothing.

    Without “Read message content” the values of the event are absent.
    """
    key = keys.read("eventKey", eventKey)
    event = BusinessEvent.objects.filter(key=key).first()
    if event is None:
        raise ApiError(404, Code.OBJECT_NOT_FOUND, f"eventKey: there is no event {key.hex}")
    return JsonResponse(_event_out(event, tells=permissions.may_read_content(caller_of(request))))


def _listed(told: Any) -> Sequence[Any]:
    if not isinstance(told, list):
        return [told]
    if not 1 <= len(told) <= MOST:
        source = f"the body: has {len(told):,} events; 1 to {MOST:,} can be reported in one call"
        raise ApiError(400, Code.INVALID_PARAMETERS, source)
    return told


def _read(one: Any, place: int) -> dict[str, Any]:
    """Return one event from the body, validated as far as possible without the database."""
    at = f"[{place}]."
    if not isinstance(one, dict):
        raise ApiError(400, Code.INVALID_PARAMETERS, f"[{place}]: must be an object")
    fields = {name: value for name, value in one.items() if not is_absent(value)}
    if unknown := sorted(set(fields) - fields_of("Event")):
        raise ApiError(400, Code.PARAMETER_NOT_ALLOWED, f"{at}{unknown[0][:64]}: is not a field of an event")
    if "event" not in fields:
        raise ApiError(400, Code.MISSING_REQUIRED_PARAMETER, f"{at}event: is missing")
    found: dict[str, Any] = {"name": clean(f"{at}event", fields["event"], most=64)}
    if found["name"] not in EVENTS:
        raise Malformed(f"{at}event", Fault.NO_SUCH_EVENT, name=found["name"])
    found |= {name: clean(at + name, fields[name], most=150) for name in _NAMED.keys() & fields.keys()}
    found |= {name: keys.read(at + name, found[name]).hex for name in found if name.endswith("Key")}
    found["about"] = _about_of(fields, at)
    if len({_NAMED[name][0] for name in found if name in _NAMED}) < len(_NAMED.keys() & found.keys()):
        raise ApiError(400, Code.INVALID_PARAMETERS, f"[{place}]: names one of client, group and user twice")
    data = fields.get("data", {})
    if not isinstance(data, dict):
        raise ApiError(400, Code.INVALID_PARAMETERS, f"{at}data: must be an object")
    try:
        found["data"] = events.with_about(templating.told(data), found["about"])
    except Malformed as error:
        raise Malformed(at + error.field, error.fault, **error.facts) from error
    found["occurred_at"] = (
        _moment(f"{at}occurredAt", fields["occurredAt"]) if "occurredAt" in fields else None
    )
    found["key"] = keys.read(f"{at}eventKey", fields["eventKey"]) if "eventKey" in fields else None
    return found


def _about_of(fields: Mapping[str, Any], at: str) -> dict[str, Any]:
    """Return the core-banking references of the event, in the form stored in its data."""
    found: dict[str, Any] = {
        target: keys.read(at + name, fields[name]) for name, target in KEYS_ABOUT.items() if name in fields
    }
    if "referenceId" in fields:
        found["reference_id"] = clean(f"{at}referenceId", fields["referenceId"], most=LONGEST_REFERENCE)
    return found


def _moment(field: str, value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(clean(field, value, most=40))
        if moment.tzinfo is not None and _EARLIEST <= moment.astimezone(UTC) <= _LATEST:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    source = f"{field}: must be a time with its offset such as 2026-11-24T09:14:00+01:00, from 1970 to 2199"
    raise ApiError(400, Code.INVALID_PARAMETERS, source)


def _send(request: HttpRequest, told: Sequence[Mapping[str, Any]], *, alone: bool) -> HttpResponse:
    caller = caller_of(request)
    rows = {name: _rows(name, told) for name in _NAMED}
    happenings = [_happening(one, rows, place) for place, one in enumerate(told)]
    raised = events.raise_many(happenings, source=caller.name)
    # No entry in the audit trail: each event is a row of its own that says who told it and what came of it.
    answer = [_answer(each) for each in raised]
    return JsonResponse(answer[0] if alone else answer, status=202, safe=False)


def _rows(name: str, told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the rows named by this field of all events, with one query."""
    _, model, column = _NAMED[name]
    wanted = {one[name] for one in told if name in one}
    if not wanted:
        return {}
    found: QuerySet[Any] = model._default_manager.filter(**{f"{column}__in": wanted})
    return {row.key.hex if column == "key" else getattr(row, column): row for row in found}


def _happening(one: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]], place: int) -> Happening:
    whom = {}
    for name in _NAMED.keys() & one.keys():
        if one[name] not in rows[name]:
            source = f"[{place}].{name}: there is no {_NAMED[name][0]} {one[name][:64]}"
            raise ApiError(404, Code.OBJECT_NOT_FOUND, source)
        whom[_NAMED[name][0]] = rows[name][one[name]]
    return Happening(one["name"], **whom, data=one["data"], occurred_at=one["occurred_at"], key=one["key"])


def _answer(raised: Raised) -> dict[str, Any]:
    return {"eventKey": raised.event.key.hex, "messages": [key.hex for key in raised.messages]}


def _event_out(event: BusinessEvent, *, tells: bool) -> dict[str, Any]:
    entries = events.entries_of(event)
    found = {
        "eventKey": event.key.hex,
        "event": event.name,
        "occurredDate": moment(event.occurred_at),
        "receivedDate": moment(event.received_at),
        "source": event.source,
        "data": event.data if tells else None,
        "messages": [key for entry in entries for key in entry.messages],
        "templates": [
            {
                "templateKey": entry.template,
                "name": entry.name,
                "type": entry.type,
                "messages": entry.messages,
            }
            | ({"silence": entry.silence} if entry.silence else {})
            | ({"details": entry.details} if entry.silence and tells else {})
            for entry in entries
        ],
    }
    return {name: value for name, value in found.items() if value not in (None, "")}
