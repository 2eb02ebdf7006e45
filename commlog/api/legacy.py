"""The two operations of API v1 that old clients still call: a thin layer over search and resend, in v1's words."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from ninja import Router

from commlog import permissions
from commlog.api import bodies, pages, resending, search_request
from commlog.api.callers import caller_of
from commlog.api.codes import Code
from commlog.api.description import answers, component, describes
from commlog.api.errors import ApiError
from commlog.api.json_input import is_absent
from commlog.api.legacy_words import CODES, COLUMNS, ORDERS, SELECTIONS
from commlog.api.once import once
from commlog.api.operations import needs
from commlog.api.resending import Wanted
from commlog.api.search_request import Question
from commlog.api.shapes import LEGACY_RESEND, LEGACY_SEARCH, MESSAGES, PAGE_HEADERS, PAGING, closed
from notifications.criteria import MOST_CRITERIA, Criterion

router = Router(tags=["Legacy v1"])
BASE = "/notifications/messages"
_DONE = component("LegacyDone", closed({"returnCode": {"const": 0}, "returnStatus": {"const": "SUCCESS"}}, "returnCode", "returnStatus"))
_reading = needs(permissions.may_read_messages, "reading messages needs the permission “View communication history”")
_resending = needs(permissions.may_resend_by_program, "resending needs the permission “Resend failed messages”")


@router.post(
    f"{BASE}/search",
    operation_id="legacySearch",
    deprecated=True,
    openapi_extra=describes(body=LEGACY_SEARCH, query=PAGING, _200=answers("The messages", MESSAGES, headers=PAGE_HEADERS)),
)
@_reading
def search(request: HttpRequest) -> HttpResponseBase:
    """Search, as API v1 wrote it."""
    wanted = pages.paging_of(request)
    return pages.answer(_question(bodies.read(request)), wanted, caller_of(request))


@router.post(
    BASE,
    operation_id="legacyResend",
    deprecated=True,
    openapi_extra=describes(body=LEGACY_RESEND, once=True, _200=answers("They are sent once more, as new entries", _DONE)),
)
@_resending
def resend(request: HttpRequest) -> HttpResponse:
    """Resend, as API v1 wrote it."""
    wanted = _wanted(bodies.read(request))
    return once(request, lambda: _resent(request, wanted))


def _question(body: Any) -> Question:
    given = search_request.object_of(body, "the body", "LegacySearch", "an object")
    constraints, order = given.get("filterConstraints"), given.get("sortDetails")
    if not is_absent(constraints) and not isinstance(constraints, list):
        raise ApiError(400, Code.INVALID_FILTER_VALUES, "filterConstraints: must be a list")
    if constraints and len(constraints) > MOST_CRITERIA:
        raise ApiError(400, Code.TOO_MANY_FILTERS_PROVIDED, f"filterConstraints: at most {MOST_CRITERIA} are allowed")
    found = tuple(_criterion(one, f"constraint {number}") for number, one in enumerate(constraints or [], start=1))
    return Question(found) if is_absent(order) else _sorted(found, order)


def _criterion(given: Any, place: str) -> Criterion:
    one = search_request.object_of(given, place, "FilterConstraint", "an object with filterSelection")
    search_request.check_kinds(one, place)
    named = search_request.word(f"{place}.filterSelection", one.get("filterSelection"), Code.INVALID_FILTER_SELECTION)
    if named not in SELECTIONS:
        raise ApiError(400, Code.INVALID_FILTER_SELECTION, f"filterSelection: must be one of {', '.join(SELECTIONS)}")
    field = search_request.ASKED[SELECTIONS[named]]
    element = search_request.word(f"{place}.filterElement", one.get("filterElement"), Code.INVALID_FILTER_ELEMENT)
    return search_request.read_criterion(field, search_request.operator_of(field, element), one)


def _sorted(criteria: tuple[Criterion, ...], given: Any) -> Question:
    one = search_request.object_of(given, "sortDetails", "SortDetails", "an object with sortingColumn")
    search_request.check_kinds(one, "sortDetails")
    column, order = one.get("sortingColumn"), one.get("sortingOrder")
    if not isinstance(column, str) or column not in COLUMNS:
        raise ApiError(400, Code.INVALID_SORTING_COLUMN, f"sortDetails.sortingColumn: must be one of {', '.join(COLUMNS)}")
    if not is_absent(order) and (not isinstance(order, str) or order not in ORDERS):
        raise ApiError(400, Code.INVALID_SORTING_ORDER, f"sortDetails.sortingOrder: must be one of {', '.join(ORDERS)}")
    name = COLUMNS[column]
    return Question(criteria, search_request.order_by(name, ORDERS[order] if order else "DESC"), name)


def _wanted(body: Any) -> Wanted:
    given = search_request.object_of(body, "the body", "LegacyAction", "an object with action and identifiers")
    if given.get("action") != "resend":
        raise ApiError(400, Code.INVALID_PARAMETERS, "action: must be resend")
    identifiers = given.get("identifiers")
    return resending.by_keys({"messages": [identifiers] if isinstance(identifiers, str) else identifiers})


def _resent(request: HttpRequest, wanted: Wanted) -> HttpResponse:
    try:
        resent = resending.resend(request, wanted)
    except ApiError as error:
        error.code = CODES.get(error.code, error.code)
        raise
    return JsonResponse({"returnCode": 0, "returnStatus": "SUCCESS"}, headers={resending.SKIPPED: str(resent.skipped)})
