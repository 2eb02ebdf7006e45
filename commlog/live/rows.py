"""The rows of a log that is open: those that have changed are drawn anew, and what has come since is counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.http import urlencode

from commlog import permissions
from commlog.kit.again import A_MINUTE, again
from commlog.kit.limits import A_COUNT, TookTooLong, counted, time_limit
from commlog.kit.paging import SIZES
from commlog.kit.stamps import latest
from commlog.live import parts
from commlog.live.arrivals import Mark
from commlog.live.drawing import draw
from commlog.log.address import COLUMNS, CURSORS, TIMESTAMPS
from commlog.log.layouts import Layout, as_params, layout_in
from commlog.log.page import rows_of, shown
from commlog.log.selection import select
from commlog.log.table import LogRow
from notifications.models.message import MessageQuerySet

ROWS, NEWEST, MISSING = "live", "newest", "missing"
_DRAWN = "drawn-"  # before the name of what the page was drawn with
_BOXES, _VIEW = "boxes", "view"
_OF_THE_PAGE = (COLUMNS, TIMESTAMPS, _BOXES, _VIEW, MISSING)
_NEWS = "newcomers"  # what the page has of the line of news, among its parts
CAP = 99  # counted no further


@dataclass(frozen=True, slots=True)
class Watched:
    """The rows that a page has, with the versions that it has of them ("": it wants the row anyway), where it ends, and how it was drawn.

    What was drawn stays as it is on the page, whatever the user or a view's owner has chosen in another tab since: rows have to fit.
    """

    rows: Mapping[int, str]
    mark: Mark
    layout: QueryDict
    boxes: bool | None = None  # whether rows can be ticked; None where the page did not say
    view: str = ""  # the version of the view that it was drawn with


@dataclass(frozen=True, slots=True)
class News:
    """What is not on the page: how many messages have come, whether its view or the user's columns were changed, and where all of it is."""

    newcomers: int
    changed: str
    first: str
    cap: int


def watching(here: str, layout: Layout, *, boxes: bool, view: str, mark: Mark) -> str:
    """The address at which a page that is drawn so asks what has changed. `view`: the version of its view."""
    said = as_params(layout) | {_BOXES: "1" if boxes else "0", _VIEW: view, MISSING: mark.written}
    drawn = {f"{_DRAWN}{name}": value for name, value in said.items() if value}
    return f"{here.removesuffix('?')}{'&' if here.partition('?')[2] else '?'}{urlencode(drawn)}"


def watched(params: QueryDict) -> Watched | None:
    """What a page asks for while it is open, taken out of the parameters; None where it is no such request."""
    if NEWEST not in params:
        return None
    said, newest = str(params.pop(ROWS, [""])[-1]), str(params.pop(NEWEST)[-1])
    pairs = [text.partition(".") for text in said.split(",")[: max(SIZES)]]
    rows = {number: version for text, _, version in pairs if (number := _number(text)) is not None}
    drawn = QueryDict(mutable=True)
    for name in _OF_THE_PAGE:
        for value in params.pop(f"{_DRAWN}{name}", [])[-1:]:
            drawn[name] = str(value)
    boxes = {"1": True, "0": False}.get(drawn.get(_BOXES, ""))
    return Watched(rows, Mark.read(newest, drawn.get(MISSING, "")), drawn, boxes, drawn.get(_VIEW, ""))


def answer(
    request: HttpRequest,
    params: QueryDict,
    asked: Watched,
    scope: MessageQuerySet,
    *,
    here: str,
    own: Layout,
    view: str = "",
    also: Sequence[parts.Shown] = (),
    text: str = "",
) -> HttpResponse:
    """The watched rows that have changed, each to be swapped for the one that it was, and what has come.

    `own`: the columns of a page that did not say how it was drawn. `view`: the version of the log's view now. `also`: what else it has.
    `text`: what else of it has changed.
    """
    layout = layout_in(asked.layout, own)
    text += _changed_rows(request, asked, scope, layout, here=here)
    changed = "The view was changed." if asked.view and asked.view != view else ""
    if not changed and asked.layout.get(COLUMNS) and own != layout:
        changed = "The columns were changed."
    news = News(0 if changed else _newcomers(request, params, scope, asked.mark), changed, _first_page(here), CAP)
    version = f"{news.newcomers}{'.' if changed else ''}"
    if (parts.seen_by(request) or {}).get(_NEWS) != version:
        text += render_to_string("log/rows/news.html", {"news": news, "version": version})
    return parts.answer(request, *also, text=text)


def _changed_rows(request: HttpRequest, asked: Watched, scope: MessageQuerySet, layout: Layout, *, here: str) -> str:
    def read() -> list[LogRow]:
        return rows_of(list(shown(scope.filter(pk__in=asked.rows), layout.columns)))

    # The scope is the same for all who may open this address.
    key = (ROWS, request.path, *layout.keys, *asked.rows)
    present: list[LogRow] = latest(request, key, read, brief=True) if asked.rows else []
    rows = [row for row in present if asked.rows[row.message.pk] != row.version]
    boxes = permissions.may_resend(request.user) if asked.boxes is None else asked.boxes
    return draw(request, rows, layout, now=timezone.now(), boxes=boxes, here=here) if rows else ""


def _newcomers(request: HttpRequest, params: QueryDict, scope: MessageQuerySet, mark: Mark) -> int:
    def count() -> int:
        try:
            with time_limit(A_COUNT):
                return counted(select(params, scope=scope).messages.filter(mark.since()), CAP)
        except TookTooLong:
            return 0

    asked = (_NEWS, request.path, params.urlencode(), mark.newest, mark.written)
    found: int = again(request, asked, lambda: 0 if mark.nothing_came() else latest(request, asked, count), seconds=A_MINUTE)
    return found


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
