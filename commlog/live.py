"""The part of a log that moves: rows that are not final are drawn anew, and what has come since is counted, never inserted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import urlencode

from commlog import permissions
from commlog.address import COLUMNS, CURSORS, TIMESTAMPS, back_to
from commlog.columns import DEFAULT_SORTING
from commlog.layouts import Layout, as_params, layout_in
from commlog.limits import A_COUNT, TookTooLong, counted, time_limit
from commlog.log import rows_of, shown
from commlog.paging import SIZES
from commlog.selection import select
from commlog.tables import LogRow, MessageTable
from notifications.models import Message
from notifications.models.message import MessageQuerySet

ROWS, NEWEST = "live", "newest"
_DRAWN = "drawn-"  # before the name of what the page was drawn with
_BOXES = "boxes"
CAP = 99  # counted no further
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Watched:
    """The rows that a page still waits for, the newest message that there was, and how the page was drawn.

    What was drawn stays as it is on the page, whatever the user or a view's owner has chosen in another tab since: rows have to fit.
    """

    ids: Sequence[int]
    newest: int
    layout: QueryDict
    boxes: bool | None = None  # whether rows can be ticked; None where the page did not say


@dataclass(frozen=True, slots=True)
class Drawn:
    """What cells need of a log."""

    now: datetime
    days_only: bool
    rows: Sequence[LogRow]


def newest() -> int:
    """The newest message of all: what comes later has a larger id."""
    return Message.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def watching(here: str, layout: Layout, *, boxes: bool) -> str:
    """The address at which a page that is drawn so asks what has changed."""
    drawn = {f"{_DRAWN}{name}": value for name, value in (as_params(layout) | {_BOXES: "1" if boxes else "0"}).items()}
    return f"{here.removesuffix('?')}{'&' if here.partition('?')[2] else '?'}{urlencode(drawn)}"


def watched(params: QueryDict) -> Watched | None:
    """What a page asks for while it is open, taken out of the parameters; None where it is no such request."""
    if NEWEST not in params:
        return None
    ids, last = str(params.pop(ROWS, [""])[-1]), str(params.pop(NEWEST)[-1])
    number = _number(last)
    rows = [row for text in ids.split(",")[: max(SIZES)] if (row := _number(text)) is not None]
    drawn = QueryDict(mutable=True)
    for name in (COLUMNS, TIMESTAMPS, _BOXES):
        for value in params.pop(f"{_DRAWN}{name}", [])[-1:]:
            drawn[name] = str(value)
    boxes = {"1": True, "0": False}.get(drawn.get(_BOXES, ""))
    return Watched(rows, _LARGEST if number is None else number, drawn, boxes)


def answer(request: HttpRequest, params: QueryDict, asked: Watched, scope: MessageQuerySet, *, here: str, own: Layout) -> HttpResponse:
    """The watched rows as they are now, each to be swapped for the one that it was, and how many messages have come.

    `own`: the columns of a page that did not say how it was drawn.
    """
    layout = layout_in(asked.layout, own)
    messages = list(shown(scope.filter(pk__in=asked.ids), layout.columns)) if asked.ids else []
    rows = rows_of(messages)
    drawn = Drawn(timezone.now(), not layout.timestamps, rows)
    table = MessageTable.over(rows, layout.columns, DEFAULT_SORTING, lambda _alias: "")
    may_resend = permissions.may_resend(request.user)
    boxes = may_resend if asked.boxes is None else asked.boxes
    drawing = {"log": drawn, "table": table, "can_resend": may_resend, "boxes": boxes, "here": here, "back": back_to(here)}
    news = {"newcomers": _newcomers(params, scope, asked.newest), "cap": CAP, "first": _first_page(here)}
    return render(request, "log/live.html", drawing | news)


def _newcomers(params: QueryDict, scope: MessageQuerySet, last: int) -> int:
    chosen = select(params, scope=scope)
    try:
        with time_limit(A_COUNT):
            return counted(chosen.messages.filter(pk__gt=last), CAP)
    except TookTooLong:
        return 0


def _number(text: str) -> int | None:
    """A row's id; short numbers rather than keys, so that a full page of them still fits into an address."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _first_page(here: str) -> str:
    """The address without its place in the list: what is new stands on the first page."""
    path, _, query = here.partition("?")
    params = QueryDict(query, mutable=True)
    for name in CURSORS:
        params.pop(name, None)
    return f"{path}?{params.urlencode()}" if params else path
