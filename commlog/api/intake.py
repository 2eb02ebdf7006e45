"""Sending one message or a list, all or nothing or each on its own."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from commlog import permissions
from commlog.api import bodies, rate_limits, sending
from commlog.api.callers import caller_of
from commlog.api.codes import Code
from commlog.api.errors import ApiError, described, of_malformed
from commlog.api.idempotency import once
from commlog.api.schemas import message_out
from notifications.faults import Malformed
from notifications.outbox import Ready

MOST = 1_000  # messages of a list
MOST_NAMED = 20  # elements of a list that are wrong, before the rest are only counted
Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """The fields of each element, or the reason it is refused. `alone`: not a list. `partial`: see `send`."""

    each: Sequence[Fields | ApiError]
    alone: bool
    partial: bool

    @property
    def sound(self) -> list[Fields]:
        return [one for one in self.each if not isinstance(one, ApiError)]


def send(request: HttpRequest) -> HttpResponse:
    """Store all messages or none; with `?partial=true`, each element of a list that is valid."""
    asked = _asked(request)
    if not asked.partial:
        _refuse(asked.each)
    return once(
        request,
        lambda: _stored(request, asked),
        admit=lambda: rate_limits.spend_messages(caller_of(request).mark, len(asked.sound)),
        shown=lambda answer: _shown(request, asked, answer),
    )


def _asked(request: HttpRequest) -> Asked:
    partial, body = _is_partial(request), bodies.read(request)
    if isinstance(body, dict):
        return Asked([sending.read(request, body)], alone=True, partial=False)
    if not isinstance(body, list):
        raise ApiError(400, Code.INVALID_PARAMETERS, "the body: must be an object, or a list of objects")
    if not 1 <= len(body) <= MOST:
        source = f"the body: has {len(body):,} messages; 1 to {MOST:,} can be sent at once"
        raise ApiError(400, Code.INVALID_PARAMETERS, source)
    return Asked(
        [_of(place, _read, request, one) for place, one in enumerate(body)], alone=False, partial=partial
    )


def _is_partial(request: HttpRequest) -> bool:
    given = request.GET.getlist("partial")
    if len(given) > 1:
        raise ApiError(400, Code.INVALID_PARAMETERS, "partial: is given more than once")
    if given and given[0] not in ("true", "false", ""):
        raise ApiError(400, Code.INVALID_PARAMETERS, "partial: must be true or false")
    return given == ["true"]


def _read(request: HttpRequest, one: Any) -> Fields:
    if not isinstance(one, dict):
        raise ApiError(400, Code.INVALID_PARAMETERS, "must be an object")
    return sending.read(request, one)


def _of(place: int, make: Callable[..., Any], *given: Any) -> Any:
    """Return what `make` returns for an element; or an ApiError that names it: `[3].destination: …`."""
    try:
        return make(*given)
    except Malformed as malformed:
        error = of_malformed(malformed)
    except ApiError as refused:
        error = refused
    between = "." if ": " in error.source else ": "
    return ApiError(error.status, error.code, f"[{place}]{between}{error.source}")


def _refuse(each: Sequence[object]) -> None:
    """Raise an ApiError that has the first refusal's status and names refused elements, if there are any."""
    errors = [one for one in each if isinstance(one, ApiError)]
    if not errors:
        return
    first, others = errors[0], errors[1:MOST_NAMED]
    if more := len(errors[MOST_NAMED:]):
        others.append(
            ApiError(400, Code.INVALID_PARAMETERS, f"the body: {more:,} more of its messages are refused")
        )
    raise ApiError(first.status, first.code, first.source, others=others)


def _stored(request: HttpRequest, asked: Asked) -> HttpResponse:
    """Store the accepted elements in the caller's transaction, and report each element's result in order."""
    caller = caller_of(request)
    drafts = sending.Drafts(caller, asked.sound)
    if asked.alone:
        (message,) = sending.store(caller, [drafts.read(each) for each in asked.sound])
        return JsonResponse(
            message_out(message), status=201, headers={"Location": f"{request.path}/{message.key.hex}"}
        )
    ready = [
        one if isinstance(one, ApiError) else _of(place, drafts.read, one)
        for place, one in enumerate(asked.each)
    ]
    if not asked.partial:
        _refuse(ready)
    stored = iter(sending.store(caller, [one for one in ready if isinstance(one, Ready)]))
    told = [
        {"errors": [described(one)]} if isinstance(one, ApiError) else message_out(next(stored))
        for one in ready
    ]
    # 207 says by the status alone that something was refused; a list of which nothing was stored says so in
    # the same way.
    return JsonResponse(
        told, status=207 if any(isinstance(one, ApiError) for one in ready) else 201, safe=False
    )


def _shown(request: HttpRequest, asked: Asked, answer: HttpResponse) -> HttpResponse:
    """Return the response with what the caller may read now."""
    if permissions.may_read_content(caller_of(request)):
        return answer
    told = json.loads(answer.content)
    each = zip([told] if asked.alone else told, asked.each, strict=True)
    shown = [
        one if "errors" in one or isinstance(fields, ApiError) else sending.as_given(fields, one)
        for one, fields in each
    ]
    headers = {"Location": answer["Location"]} if "Location" in answer else {}
    return JsonResponse(
        shown[0] if asked.alone else shown, status=answer.status_code, headers=headers, safe=False
    )
