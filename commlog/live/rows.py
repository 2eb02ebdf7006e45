"""Rows of an open log: changed ones are redrawn, new ones counted."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.http import urlencode

from commlog import permissions
from commlog.access import recording
from commlog.kit.limits import A_COUNT, TookTooLong, counted, time_limit
from commlog.kit.paging import SIZES
from commlog.kit.reuse import A_MINUTE, again
from commlog.kit.stamps import latest
from commlog.live import parts
from commlog.live.new_messages import Mark
from commlog.live.rendering import draw
from commlog.log import writing
from commlog.log.layouts import Layout, keys_in, layout_in
from commlog.log.page import rows_of, shown
from commlog.log.query import LogQuery
from commlog.log.reading import Reading
from commlog.log.table import LogRow
from commlog.log.writing import COLUMNS, COMPACT, CURSORS, DENSITY, TIMESTAMPS, of_layout
from notifications.models.message import MessageQuerySet

ROWS, NEWEST, MISSING = "live", "newest", "missing"
_DRAWN = "drawn-"  # before the name of what the page was drawn with
_BOXES, _VIEW = "boxes", "view"
_OF_THE_PAGE = tuple(f"{_DRAWN}{name}" for name in (COLUMNS, TIMESTAMPS, DENSITY, _BOXES, _VIEW, MISSING))
_NEWS = "newcomers"  # what the page has of the line of news, among its parts
CAP = 99  # counted no further


@dataclass(frozen=True, slots=True)
class Watched:
    """The rows of a page with their versions ("": wanted in any case), the page's end, and its layout.

    The page keeps the layout it was drawn with, whatever the user or a view's owner has chosen since in
    another tab: new rows must fit.
    """

    rows: Mapping[int, str]
    mark: Mark
    columns: Sequence[str]  # none: the page did not say how it was drawn
    timestamps: bool = True
    compact: bool = False
    boxes: bool | None = None  # whether rows can be ticked; None where the page did not say
    view: str = ""  # the version of the view that it was drawn with


@dataclass(frozen=True, slots=True)
class News:
    """What is not on the page: new messages, a changed view or columns, and the URL that shows all of it."""

    newcomers: int
    changed: str
    first: str
    cap: int


def watching(here: str, layout: Layout, *, boxes: bool, view: str, mark: Mark) -> str:
    """Return the URL that a page polls for changes. `view`: the version of its view."""
    said = dict(of_layout(layout.keys, timestamps=layout.timestamps, compact=layout.compact)) | {
        _BOXES: "1" if boxes else "0",
        _VIEW: view,
        MISSING: mark.written,
    }
    drawn = {f"{_DRAWN}{name}": value for name, value in said.items() if value}
    return f"{here.removesuffix('?')}{'&' if here.partition('?')[2] else '?'}{urlencode(drawn)}"


def asked_by(params: Collection[str]) -> list[str]:
    """Return the parameters that belong to a poll; none if the request is not one."""
    return [name for name in (ROWS, NEWEST, *_OF_THE_PAGE) if name in params] if NEWEST in params else []


def watched(said: Mapping[str, str]) -> Watched | None:
    """Return what a page polls for; None if the request is not a poll."""
    if not said:
        return None
    pairs = [text.partition(".") for text in said.get(ROWS, "").split(",")[: max(SIZES)]]
    rows = {number: version for text, _, version in pairs if (number := _number(text)) is not None}
    columns, timestamps, density, boxes, view, missing = (said.get(name, "") for name in _OF_THE_PAGE)
    mark = Mark.read(said[NEWEST], missing)
    return Watched(
        rows,
        mark,
        keys_in(columns),
        timestamps != "0",
        density == COMPACT,
        {"1": True, "0": False}.get(boxes),
        view,
    )


def answer(
    request: HttpRequest,
    asked: Reading,
    page: Watched,
    scope: MessageQuerySet,
    *,
    here: str,
    view: str = "",
    also: Sequence[parts.Shown] = (),
    text: str = "",
) -> HttpResponse:
    """Return changed rows and news. `view`: its version; `also`, `text`: other changes."""
    layout = layout_in(page.columns, asked.layout, timestamps=page.timestamps, compact=page.compact)
    text += _changed_rows(request, page, scope, layout, here=here)
    changed = "The view was changed." if page.view and page.view != view else ""
    if not changed and page.columns and asked.layout != layout:
        changed = "The columns were changed."
    news = News(
        0 if changed else _newcomers(request, asked.query, scope, page.mark), changed, _first_page(here), CAP
    )
    version = f"{news.newcomers}{'.' if changed else ''}"
    if (parts.seen_by(request) or {}).get(_NEWS) != version:
        text += render_to_string("log/rows/news.html", {"news": news, "version": version})
    return parts.answer(request, *also, text=text)


def _changed_rows(
    request: HttpRequest, page: Watched, scope: MessageQuerySet, layout: Layout, *, here: str
) -> str:
    def read() -> list[LogRow]:
        return rows_of(list(shown(scope.filter(pk__in=page.rows), layout.columns)))

    # The scope is the same for all who may open this address, but for what of it is masked.
    key = (ROWS, scope.masked, request.path, *layout.keys, *page.rows)
    present: list[LogRow] = latest(request, key, read, brief=True) if page.rows else []
    rows = [row for row in present if page.rows[row.message.pk] != row.version]
    recording.listed_since(request, [row.message for row in rows])
    boxes = permissions.may_resend(request.user) if page.boxes is None else page.boxes
    return draw(request, rows, layout, now=timezone.now(), boxes=boxes, here=here) if rows else ""


def _newcomers(request: HttpRequest, query: LogQuery, scope: MessageQuerySet, mark: Mark) -> int:
    def count() -> int:
        try:
            with time_limit(A_COUNT):
                return counted(query.over(scope).messages.filter(mark.since()), CAP)
        except TookTooLong:
            return 0

    asked = (
        _NEWS,
        scope.masked,
        request.path,
        *writing.pairs(query),
        *query.problems,
        mark.newest,
        mark.written,
    )
    found: int = again(
        request, asked, lambda: 0 if mark.nothing_came() else latest(request, asked, count), seconds=A_MINUTE
    )
    return found


def _number(text: str) -> int | None:
    """Return a row's id; ids are shorter than keys, so that those of a full page fit into a URL."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _first_page(here: str) -> str:
    """Return the URL without its cursor: new messages are on the first page."""
    path, _, query = here.partition("?")
    kept = "&".join(said for said in query.split("&") if said.partition("=")[0] not in CURSORS)
    return f"{path}?{kept}" if kept else path
