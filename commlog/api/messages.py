"""The seven operations on messages."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from ninja import Path, Router

from commlog import permissions
from commlog.access import recording
from commlog.api import bodies, intake, pages, resending, search_request
from commlog.api.callers import caller_of
from commlog.api.codes import Code
from commlog.api.description import PLACE, answers, describes
from commlog.api.errors import ApiError
from commlog.api.idempotency import once
from commlog.api.json_schemas import (
    DETAILS_LEVEL,
    KEY,
    MESSAGE,
    MESSAGES,
    PAGE_HEADERS,
    PAGING,
    PARTIAL,
    PARTLY_STORED,
    RESEND,
    RESEND_BY_DATE,
    SEARCH,
    SEARCH_SORTED,
    SENT,
    STORED,
)
from commlog.api.operations import needs
from commlog.api.schemas import RELATED, message_out
from commlog.kit.limits import A_PAGE, time_limit
from commlog.models.access_record import Access

router = Router(tags=["Communications"])
BASE = "/communications/messages"
_FOUND = answers("The messages, newest first unless sorted otherwise", MESSAGES, headers=PAGE_HEADERS)
_SKIPPED = {
    resending.SKIPPED: "How many were skipped: another entry of their chain was sent or is being sent, or "
    "they would fail again immediately"
}
_reading = needs(
    permissions.may_read_messages, "reading messages needs the permission “View communication history”"
)
_resending = needs(
    permissions.may_resend_by_program, "resending needs the permission “Resend failed messages”"
)


@router.post(
    BASE,
    operation_id="send",
    openapi_extra=describes(
        body=SENT,
        query=[PARTIAL],
        once=True,
        _201=answers("The message, or the messages in the order of the list", STORED, headers=PLACE),
        _207=answers(
            "With partial=true, where some were refused: in the order of the list each message, or its "
            "errors",
            PARTLY_STORED,
        ),
    ),
)
def send(request: HttpRequest) -> HttpResponse:
    """Send an e-mail or an SMS, or a list of up to 1,000.

    Needs the permission “Send manual e-mail” or “Send manual SMS”.

    A list is stored as a whole or, if one of its messages is refused, not at all; the errors name the
    messages (`[3].destination: …`). Without “View communication history” the answer holds no address and no
    text but those that were sent.
    """
    return intake.send(request)


@router.get(
    f"{BASE}/{{encodedKey}}",
    operation_id="getByEncodedKey",
    openapi_extra=describes(query=[DETAILS_LEVEL], _200=answers("The message", MESSAGE)),
)
@_reading
def get_by_key(request: HttpRequest, encodedKey: str = Path(..., pattern=KEY["pattern"])) -> HttpResponse:
    """Return one message by its key."""
    full, key = pages.details_of(request), resending.key_of(encodedKey)
    with time_limit(A_PAGE):
        found = permissions.messages_for(caller_of(request)).select_related(*RELATED).filter(key=key).first()
        if found is None:
            raise ApiError(404, Code.MESSAGE_NOT_FOUND, key.hex)
        secret_urls = permissions.may_read_secret_urls(caller_of(request))
        shown = message_out(found, found.attempts.all() if full else None, secret_urls=secret_urls)
    if not found.masked:
        recording.record(caller_of(request).actor, Access.API, [found.pk])
    return JsonResponse(shown)


@router.post(
    f"{BASE}:search", operation_id="search", openapi_extra=describes(body=SEARCH, query=PAGING, _200=_FOUND)
)
@_reading
def search(request: HttpRequest) -> HttpResponseBase:
    """Return the messages that meet every criterion, newest first."""
    wanted = pages.paging_of(request)
    return pages.answer(search_request.search(bodies.read(request)), wanted, caller_of(request))


@router.post(
    f"{BASE}:searchSorted",
    operation_id="search_1",
    openapi_extra=describes(body=SEARCH_SORTED, query=PAGING, _200=_FOUND),
)
@_reading
def search_sorted(request: HttpRequest) -> HttpResponseBase:
    """Return the messages that meet every criterion, in the given order."""
    wanted = pages.paging_of(request)
    return pages.answer(search_request.search_sorted(bodies.read(request)), wanted, caller_of(request))


@router.post(
    f"{BASE}:resend",
    operation_id="resend",
    openapi_extra=describes(body=RESEND, once=True, _202=answers("Resent as new entries", headers=_SKIPPED)),
)
@_resending
def resend(request: HttpRequest) -> HttpResponse:
    """Resend failed messages as new entries. The failed entries stay; the body may be the result of a
    search.
    """
    wanted = resending.by_keys(resending.body_of(request))
    return once(request, lambda: resending.done(resending.resend(request, wanted), 202))


@router.post(
    f"{BASE}:resendAsyncByKeys",
    operation_id="enqueueByKeys",
    openapi_extra=describes(body=RESEND, once=True, _200=answers("Resent as new entries", headers=_SKIPPED)),
)
@_resending
def resend_by_keys(request: HttpRequest) -> HttpResponse:
    """Resend failed messages by their keys. Resends are stored at once and sent by a worker."""
    wanted = resending.by_keys(resending.body_of(request))
    return once(request, lambda: resending.done(resending.resend(request, wanted), 200))


@router.post(
    f"{BASE}:resendAsyncByDate",
    operation_id="enqueueByDate",
    openapi_extra=describes(
        body=RESEND_BY_DATE,
        once=True,
        _200=answers("Resent as new entries", headers=_SKIPPED),
    ),
)
@_resending
def resend_by_date(request: HttpRequest) -> HttpResponse:
    """Resend the failed messages created in a period."""
    body = resending.body_of(request)
    span = resending.by_date(body)
    return once(request, lambda: resending.done(resending.resend_span(request, span, body), 200))
