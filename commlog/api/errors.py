"""Error responses: {"errors": [{"errorCode", "errorReason", "errorSource"}], "requestId"}."""

import logging
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, ValidationError

from commlog.api.codes import OF_FAULTS, Code
from commlog.kit.limits import TookTooLong
from commlog.kit.log_lines import request_id
from commlog.kit.sentences import SENTENCES, with_field
from notifications.database import availability
from notifications.database.availability import Trouble
from notifications.faults import Fault, Malformed

log = logging.getLogger(__name__)
# Where programs ask: under /api, and where the operations on messages answer without that prefix.
_FOR_PROGRAMS = re.compile(
    r"/api(/|$)|/communications/messages([:/]|$)|/subscriptions(/|$)|/event-types(/|$)"
)
_STREAMS = re.compile(r"(/api/v1)?/(subscriptions|event-types)(/|$)|/api/v1(/|$)")
_LONGEST = 500
_BEARER = 'Bearer realm="Commlog"'
_BASIC = 'Basic realm="Commlog", charset="UTF-8"'


class ApiError(Exception):
    """An error response. `source`: the field and what is wrong with it; `others`: further errors."""

    def __init__(
        self,
        status: int,
        code: Code,
        source: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        others: Sequence["ApiError"] = (),
    ) -> None:
        super().__init__(f"{status} {code.name}: {source}")
        self.status = status
        self.code = code
        self.source = source
        self.headers = dict(headers or {})
        self.others = others


def speaks_api(request: HttpRequest) -> bool:
    """Return whether the client of this URL expects JSON, errors included."""
    return bool(_FOR_PROGRAMS.match(request.path_info))


def answer(request: HttpRequest, error: ApiError) -> HttpResponse:
    """Return the error as a response. URLs of the Streaming API use problem details (RFC 9457)."""
    headers = error.headers | ({"WWW-Authenticate": _challenge(request)} if error.status == 401 else {})
    body: dict[str, object] = {
        "errors": [described(each) for each in (error, *error.others)],
        "requestId": request_id.get(),
    }
    if _STREAMS.match(request.path_info):
        body = {"type": "about:blank", "title": HTTPStatus(error.status).phrase, "status": error.status}
        detail = {"detail": shown} if (shown := described(error).get("errorSource")) else {}
        return JsonResponse(
            body | detail, status=error.status, headers=headers, content_type="application/problem+json"
        )
    return JsonResponse(body, status=error.status, headers=headers)


def described(error: ApiError) -> dict[str, object]:
    """Return the error as an element of `errors`."""
    source = error.source[:_LONGEST].encode(errors="replace").decode().replace("\0", "�")
    return {"errorCode": int(error.code), "errorReason": error.code.name} | (
        {"errorSource": source} if source else {}
    )


def _challenge(request: HttpRequest) -> str:
    """Return the challenge: some clients send a password only if Basic is offered, some read only the
    first.
    """
    if _STREAMS.match(request.path_info):
        return _BEARER
    by_a_browser = "Sec-Fetch-Mode" in request.headers or request.headers.get("User-Agent", "").startswith(
        "Mozilla/"
    )
    # A browser would open its own box over the page that describes the API.
    return _BEARER if by_a_browser else f"{_BASIC}, {_BEARER}"


def of_status(
    request: HttpRequest, status: int, *, source: str = "", headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """Return the response for errors outside operations: unknown URL, wrong method, internal error."""
    code, said = _PLAIN[status]
    return answer(
        request, ApiError(status, code, source or said.format(method=request.method), headers=headers)
    )


_PLAIN = {
    400: (Code.INVALID_API_OPERATION, "the request could not be read"),
    403: (Code.INVALID_PERMISSIONS, "not allowed"),
    404: (Code.INVALID_API_OPERATION, "there is no operation at this address"),
    405: (Code.METHOD_NOT_IMPLEMENTED, "{method} is not allowed here; the header Allow names what is"),
    413: (Code.INVALID_PARAMETERS, "the body is too large"),
    414: (Code.INVALID_PARAMETERS, "the address is too long"),
    500: (Code.INTERNAL_ERROR, "internal error; it was logged"),
}


def install(api: NinjaAPI) -> None:
    """Make the API answer every exception in this format."""
    handlers: dict[type[Exception], Any] = {
        ApiError: answer,
        AuthenticationError: _without_key,
        Malformed: _malformed,
        ValidationError: _invalid,
        TookTooLong: _took_too_long,
        Error: _of_the_database,
        Exception: _unforeseen,
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, handler)


def _without_key(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    source = "send the header apiKey, or HTTP Basic or Bearer authorization"
    return answer(request, ApiError(401, Code.INVALID_CREDENTIALS, source))


def of_malformed(error: Malformed) -> ApiError:
    """Return the API error for a value that is not accepted."""
    usual = Code.INVALID_JSON_SYNTAX if error.field == "JSON" else Code.INVALID_PARAMETERS
    status, code = OF_FAULTS.get(error.fault, (400, usual))
    return ApiError(status, code, with_field(error))


def _malformed(request: HttpRequest, error: Malformed) -> HttpResponse:
    return answer(request, of_malformed(error))


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Answer a path parameter that django-ninja rejected, usually a key."""
    first = error.errors[0]
    name = str(first["loc"][-1])
    code = Code.INVALID_COMMUNICATION_MESSAGE_ENCODED_KEY if name == "encodedKey" else Code.INVALID_PARAMETERS
    problem = SENTENCES[Fault.NOT_A_KEY] if first["type"] == "string_pattern_mismatch" else first["msg"]
    return answer(request, ApiError(400, code, f"{name}: {problem}"))


def _took_too_long(request: HttpRequest, error: TookTooLong) -> HttpResponse:
    source = "the database was stopped after its time; narrow the filter, for example by date"
    return answer(request, ApiError(400, Code.QUERY_TIMEOUT_EXCEPTION, source))


def unavailable_answer(request: HttpRequest, trouble: Trouble) -> HttpResponse:
    """Return 503: the same call may succeed later. With its Idempotency-Key nothing is done twice."""
    source = f"{trouble.sentence} Repeat the call later, with the same Idempotency-Key if it had one"
    headers = {"Retry-After": str(availability.RETRY_AFTER)}
    return answer(request, ApiError(503, Code.SERVICE_UNAVAILABLE, source, headers=headers))


def _of_the_database(request: HttpRequest, error: Error) -> HttpResponse:
    trouble = availability.trouble_of(error)
    if trouble is None:
        return _unforeseen(request, error)
    log.error("%s Not done: %s %s", trouble.sentence, request.method, request.path_info)
    return unavailable_answer(request, trouble)


def _unforeseen(request: HttpRequest, error: Exception) -> HttpResponse:
    log.error("An operation of the API failed: %s %s", request.method, request.path_info, exc_info=error)
    return of_status(request, 500)
