"""Resending failed messages: by key, from a search result, or by date of creation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from commlog import audit, permissions
from commlog.api import bodies
from commlog.api.callers import caller_of
from commlog.api.codes import Code
from commlog.api.description import fields_of
from commlog.api.errors import ApiError
from commlog.api.json_input import is_absent
from commlog.api.search_request import ASKED
from commlog.audit import AuditAction
from commlog.kit.sentences import sentence
from notifications import criteria, outbox
from notifications.criteria import to_q
from notifications.faults import Malformed
from notifications.models import Message
from notifications.models.message import MessageQuerySet
from notifications.outbox import ResentMany
from notifications.states import MessageState, MessageType
from notifications.text.validation import clean

SKIPPED = "Resend-Skipped"
TEMPLATE_TYPES = tuple(value for value, _ in ASKED["type"].choices)
_MOST_NAMED = 100  # keys in an entry of the audit trail


@dataclass(frozen=True, slots=True)
class Wanted:
    """Messages chosen by key; `again` resends even those delivered since."""

    keys: Sequence[UUID]
    again: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """Failed messages chosen by time of creation."""

    messages: MessageQuerySet
    again: bool = False


def body_of(request: HttpRequest) -> Any:
    """Return the body of a resend, up to the size of any search result; only its keys are kept."""
    return bodies.read(
        request,
        most=settings.API_LARGEST_ANSWER,
        keep=fields_of("Resend") | fields_of("ResendByDate") | {"encodedKey"},
    )


def by_keys(body: Any) -> Wanted:
    """Read an object with `messages`, or a search result: keys, or messages with their `encodedKey`.

    An empty search result is an empty list, so an empty list is accepted and does nothing.
    """
    if isinstance(body, list):
        return Wanted(_keys(body))
    given = _object(body, "Resend")
    messages = given.get("messages")
    if messages is None:
        raise ApiError(400, Code.MISSING_REQUIRED_PARAMETER, "messages: is missing")
    if not isinstance(messages, list):
        raise ApiError(400, Code.INVALID_PARAMETERS, "messages: must be a list of keys")
    if not messages:
        raise ApiError(400, Code.MISSING_ENCODED_KEY, "messages: is empty")
    return Wanted(_keys(messages), _again(given))


def by_date(body: Any) -> Span:
    """Read an object with `startDate`, `endDate` and optionally `templateTypes`."""
    given = _object(body, "ResendByDate")
    for name in ("startDate", "endDate"):
        if given.get(name) is None:
            raise ApiError(400, Code.MISSING_REQUIRED_PARAMETER, f"{name}: is missing")
        try:
            criteria.parse("created", "ON", [clean(name, given[name])])
        except Malformed as error:
            raise ApiError(400, Code.INVALID_PARAMETERS, f"{name}: {sentence(error)}") from error
    try:
        span = criteria.parse("created", "BETWEEN", [given["startDate"], given["endDate"]])
    except Malformed as error:
        raise ApiError(400, Code.START_DATE_AFTER_END_DATE, "startDate: is after endDate") from error
    failed = Message.objects.failed().filter(to_q([span]), type__in=_types(given.get("templateTypes")))
    return Span(failed, _again(given))


def resend(request: HttpRequest, wanted: Wanted) -> ResentMany:
    """Resend these messages, all of which must exist and be FAILED; in the caller's transaction."""
    rows = {
        key: (pk, state)
        for key, pk, state in Message.objects.filter(key__in=wanted.keys).values_list("key", "pk", "state")
    }
    if missing := [key for key in wanted.keys if key not in rows]:
        code = Code.NO_MESSAGE_FOUND if not rows and len(wanted.keys) > 1 else Code.MESSAGE_NOT_FOUND
        raise ApiError(404, code, missing[0].hex)
    if len(rows) < len(wanted.keys):
        twice = next(key for number, key in enumerate(wanted.keys) if key in wanted.keys[:number])
        raise ApiError(400, Code.DUPLICATE_ENCODED_KEY, twice.hex)
    if wrong := next((key for key, (_, state) in rows.items() if state != MessageState.FAILED), None):
        told = rows[wrong][1] if permissions.may_read_messages(caller_of(request)) else "not FAILED"
        raise ApiError(400, Code.MESSAGE_STATE_MUST_BE_FAILED, f"{wrong.hex}: is {told}")
    asked = {"messages": [key.hex for key in wanted.keys[:_MOST_NAMED]]}
    return _resent(request, [rows[key][0] for key in wanted.keys], wanted.again, asked)


def resend_span(request: HttpRequest, span: Span, asked: Any) -> ResentMany:
    """Resend the failed messages of a period; in the caller's transaction."""
    most = settings.API_MOST_RESENT_BY_DATE
    pks = list(span.messages.order_by("created_at", "pk").values_list("pk", flat=True)[: most + 1])
    if len(pks) > most:
        source = f"more than {most:,} failed messages were created in this period; choose a shorter one"
        raise ApiError(400, Code.MAXIMUM_NUMBER_OF_COMMUNICATION_MESSAGES_TO_RESEND_EXCEEDED, source)
    return _resent(
        request, pks, span.again, {name: value for name, value in asked.items() if not is_absent(value)}
    )


def done(resent: ResentMany, status: int) -> HttpResponse:
    """Return the response: no body, and the number of messages skipped in a header."""
    answer = HttpResponse(status=status, headers={SKIPPED: str(resent.skipped)})
    del answer["Content-Type"]
    return answer


def _resent(request: HttpRequest, pks: Sequence[int], again: bool, asked: dict[str, Any]) -> ResentMany:
    caller = caller_of(request)
    resent = outbox.resend_many(pks, by=caller, again=again)
    told = {"created": resent.created, "skipped": resent.skipped} | asked
    if pks:
        audit.record(
            caller.actor, AuditAction.RESENT, kind="message", label=f"{len(pks):,} by the API", after=told
        )
    return resent


def _keys(items: list[Any]) -> list[UUID]:
    most = settings.API_MOST_RESENT
    if len(items) > most:
        source = f"there are {len(items):,} messages, at most {most:,} are allowed"
        raise ApiError(400, Code.MAXIMUM_NUMBER_OF_COMMUNICATION_MESSAGES_TO_RESEND_EXCEEDED, source)
    return [key_of(item.get("encodedKey") if isinstance(item, dict) else item) for item in items]


def key_of(value: Any) -> UUID:
    """Return a message's key. Raises ApiError if it is not a valid key."""
    if value is None:
        raise ApiError(400, Code.MISSING_ENCODED_KEY, "encodedKey: is missing")
    try:
        criterion = criteria.parse("key", "EQUALS", [clean("encodedKey", value)])
    except Malformed as error:
        source = f"encodedKey: {sentence(error)}"
        raise ApiError(400, Code.INVALID_COMMUNICATION_MESSAGE_ENCODED_KEY, source) from error
    return UUID(criterion.values[0])


def _types(given: Any) -> list[str]:
    if is_absent(given):
        return list(MessageType)
    if not (
        isinstance(given, list) and all(isinstance(each, str) and each in TEMPLATE_TYPES for each in given)
    ):
        source = f"templateTypes: must be a list of {', '.join(TEMPLATE_TYPES)}"
        raise ApiError(400, Code.INVALID_PARAMETERS, source)
    return given


def _again(given: dict[str, Any]) -> bool:
    again = given.get("again")
    if not is_absent(again) and not isinstance(again, bool):
        raise ApiError(400, Code.INVALID_PARAMETERS, "again: must be true or false")
    return bool(again)


def _object(value: Any, schema: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ApiError(400, Code.INVALID_PARAMETERS, "the body: must be an object or, with keys, a list")
    if unknown := sorted(set(value) - fields_of(schema)):
        source = f"there is no {unknown[0][:64]}; there are {', '.join(sorted(fields_of(schema)))}"
        raise ApiError(400, Code.PARAMETER_NOT_ALLOWED, source)
    return value
