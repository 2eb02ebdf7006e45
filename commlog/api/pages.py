"""Pagination: offset and limit as clients know them; a cursor whose cost does not grow with depth."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Func, Max, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from commlog import permissions
from commlog.access import recording
from commlog.api import large_responses
from commlog.api.callers import Caller
from commlog.api.codes import Code
from commlog.api.errors import ApiError
from commlog.api.schemas import READ, RELATED
from commlog.api.search_request import SORTABLE, Question
from commlog.kit import paging
from commlog.kit.limits import A_PAGE, counted, time_limit
from commlog.kit.paging import BadCursor, Page
from commlog.kit.sentences import NEEDS_CONTENT
from commlog.log.page import SORTABLE as MOST_SORTED
from commlog.models.access_record import Access
from notifications.criteria import FIELDS, narrow
from notifications.database import replica
from notifications.masking import Withheld
from notifications.models import Message
from notifications.models.message import MessageQuerySet

MOST, DEEPEST = 1_000, 1_000_000
COUNTED_WHOLE = 2_000_000
START = "_"  # the cursor that a walk begins with
_NAMES = {"offset", "limit", "paginationDetails", "detailsLevel", "cursor"}
_KEYS = {
    "sender_key": "sender_user__key",
    "client_key": "client__key",
    "group_key": "group__key",
    "user_key": "user__key",
}


@dataclass(frozen=True, slots=True)
class Paging:
    """The requested slice, and how much detail and counting the client wants."""

    offset: int = 0
    limit: int = MOST
    cursor: str = ""
    totals: bool = False
    full: bool = False


def details_of(request: HttpRequest) -> bool:
    """Return whether detailsLevel=FULL is requested, of an operation that takes no other parameter."""
    return _one_of(_parameters(request, {"detailsLevel"}), "detailsLevel", ("BASIC", "FULL")) == "FULL"


def paging_of(request: HttpRequest) -> Paging:
    """Return the paging parameters of a search."""
    given = _parameters(request, _NAMES)
    return Paging(
        offset=_number(given, "offset", 0, least=0, most=DEEPEST, codes=_OFFSET),
        limit=_number(given, "limit", MOST, least=0, most=MOST, codes=_LIMIT),
        cursor=given.get("cursor", ""),
        totals=_one_of(given, "paginationDetails", ("OFF", "ON")) == "ON",
        full=_one_of(given, "detailsLevel", ("BASIC", "FULL")) == "FULL",
    )


def limited_of(request: HttpRequest) -> tuple[int, str]:
    """Return limit and cursor of a list that has no offset."""
    given = _parameters(request, {"limit", "cursor"})
    return _number(given, "limit", MOST, least=1, most=MOST, codes=_LIMIT), given.get("cursor", "")


def answer(question: Question, wanted: Paging, caller: Caller) -> HttpResponseBase:
    """Return the readable messages of the slice as a JSON list, with pagination headers."""
    scope = permissions.messages_for(caller)
    try:
        messages = narrow(scope, question.criteria) if question.criteria else scope
    except Withheld as error:
        said = "; ".join(f"field: {FIELDS[name].api}: {NEEDS_CONTENT}" for name in error.names)
        raise ApiError(403, Code.INVALID_PERMISSIONS, said) from error
    secret_urls = permissions.may_read_secret_urls(caller)

    def read() -> tuple[Page[Message], HttpResponseBase]:
        with time_limit(A_PAGE):
            page = _page(question, wanted, messages)
        response = large_responses.answer(page.rows, full=wanted.full, secret_urls=secret_urls)
        if wanted.totals:
            with time_limit(A_PAGE):
                total, estimated = _total(messages, filtered=bool(question.criteria))
            if estimated:
                response["Items-Total-Estimated"] = "true"
            response["Items-Total"] = str(total)
            response["Items-Limit"], response["Items-Offset"] = str(wanted.limit), str(wanted.offset)
        return page, response

    # A program says nothing of what it wrote before: it gets what there is now.
    page, response = replica.read(read, after=replica.position())
    _write_down(caller, page.rows, question)
    if page.after or wanted.cursor:
        response["Items-Next-Cursor"] = page.after
    return response


def _write_down(caller: Caller, messages: Sequence[Message], question: Question) -> None:
    """Record the messages that this response shows to the caller, and a search of their content."""
    shown = [each.pk for each in messages if not each.masked]
    asked = [each for each in question.criteria if FIELDS[each.field].withheld]
    if shown or asked:
        search = recording.digest(repr(asked)) if asked else ""
        recording.record(caller.actor, Access.API_PAGE, shown, search=search)


def _page(question: Question, wanted: Paging, messages: MessageQuerySet) -> Page[Message]:
    if not wanted.limit and not wanted.cursor:
        return Page()
    if not SORTABLE[question.field].indexed and _too_many(messages):
        source = (
            f"sortingCriteria: more than {MOST_SORTED:,} match, too many to sort by {question.field}; "
            "narrow the filter"
        )
        raise ApiError(400, Code.COLUMN_NOT_SORTABLE, source)
    keys: dict[str, Func] = {
        name: Cast(_KEYS[name], TextField()) for name in question.sorting.columns if name in _KEYS
    }
    keys[large_responses.SIZE] = large_responses.SizeOf(*large_responses.TEXTS)
    shown = (
        messages.annotate(**keys)
        .select_related(*RELATED)
        .only(*(name for name in READ if name not in large_responses.TEXTS))
    )
    if wanted.offset and not wanted.cursor:
        return _at_offset(question, wanted, shown)
    try:
        page = paging.fetch(
            shown,
            question.sorting,
            size=wanted.limit or 1,
            after="" if wanted.cursor == START else wanted.cursor,
        )
    except BadCursor as error:
        source = (
            "cursor: is damaged, or belongs to another order; take it from the header Items-Next-Cursor "
            "as it is"
        )
        raise ApiError(404, Code.OBJECT_NOT_FOUND, source) from error
    if wanted.offset:
        raise ApiError(400, Code.PARAMETER_NOT_ALLOWED, "offset: cannot be used together with cursor")
    return page if wanted.limit else Page(after=wanted.cursor)  # what follows nothing begins where it began


def _at_offset(question: Question, wanted: Paging, shown: MessageQuerySet) -> Page[Message]:
    """Return the slice at an offset; later slices can be read with its cursor.

    Rows before it are skipped in an index alone if one serves the order, and only the slice's rows are read.
    """
    sorting = question.sorting
    # A key is one row's alone.
    name, order = ("key", sorting.order()[:1]) if sorting.columns == ("key",) else ("pk", sorting.order())
    found = list(
        shown.order_by(*order).values_list(name, flat=True)[wanted.offset : wanted.offset + wanted.limit + 1]
    )
    rows = {getattr(row, name): row for row in shown.filter(**{f"{name}__in": found[: wanted.limit]})}
    kept = [rows[each] for each in found[: wanted.limit] if each in rows]
    return Page(kept, after=paging.cursor_of(kept[-1], sorting) if kept and len(found) > wanted.limit else "")


def _total(messages: MessageQuerySet, *, filtered: bool) -> tuple[int, bool]:
    """Return the total, and whether it is an estimate.

    Beyond the largest offset an exact count would grow with the log. Without counting, PostgreSQL gives its
    planner's estimate; SQLite only the number of rows that its table ever had.
    """
    on_postgresql, expected = connection.vendor == "postgresql", 0
    if on_postgresql:
        expected = int(
            json.loads(messages.order_by().values("pk").explain(format="json"))[0]["Plan"]["Plan Rows"]
        )
        if expected <= COUNTED_WHOLE:  # several processes share a count that has no limit in it
            return messages.order_by().count(), False
    found = counted(messages, DEEPEST)
    if found <= DEEPEST:
        return found, False
    if not on_postgresql and not filtered:
        expected = int(messages.aggregate(newest=Max("pk"))["newest"] or 0)
    return max(found, expected), True


def _too_many(messages: MessageQuerySet) -> bool:
    """Return whether more rows match than can be sorted without an index."""
    return counted(messages, MOST_SORTED) > MOST_SORTED


_OFFSET = (Code.INVALID_PAGINATION_OFFSET_VALUE, Code.OUT_OF_BOUNDS_PAGINATION_OFFSET_VALUE)
_LIMIT = (Code.INVALID_PAGINATION_LIMIT_VALUE, Code.OUT_OF_BOUNDS_PAGINATION_LIMIT_VALUE)


def _parameters(request: HttpRequest, allowed: set[str]) -> dict[str, str]:
    """Return the query string. Unknown parameters are refused: `ofset` would return page one for ever."""
    for name, values in request.GET.lists():
        if name not in allowed:
            shown = name[:64].encode(errors="replace").decode()
            source = f"{shown}: unknown parameter; allowed: {', '.join(sorted(allowed))}"
            raise ApiError(400, Code.PARAMETER_NOT_ALLOWED, source)
        if len(values) > 1:
            raise ApiError(400, Code.INVALID_PARAMETERS, f"{name}: is given more than once")
    return {name: str(value) for name, value in request.GET.items() if value != ""}


def _number(
    given: dict[str, str], name: str, default: int, *, least: int, most: int, codes: Sequence[Code]
) -> int:
    text = given.get(name)
    if text is None:
        return default
    digits = text.removeprefix("-")
    significant = digits.lstrip("0") or "0"
    if not (digits.isascii() and digits.isdigit()):
        raise ApiError(400, codes[0], f"{name}: must be a whole number from {least} to {most:,}")
    if text != digits or len(significant) > 9 or not least <= int(significant) <= most:
        hint = "; walk further with cursor, from the header Items-Next-Cursor" if name == "offset" else ""
        raise ApiError(400, codes[1], f"{name}: must be from {least} to {most:,}{hint}")
    return int(significant)


def _one_of(given: dict[str, str], name: str, choices: Sequence[str]) -> str:
    value: Any = given.get(name, choices[0])
    if value not in choices:
        raise ApiError(400, Code.INVALID_PARAMETERS, f"{name}: must be {' or '.join(choices)}")
    return str(value)
