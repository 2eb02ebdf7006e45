"""Assembly of every log: scope, conditions, columns, sorting, page."""

import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import BooleanField
from django.db.models.functions import Left
from django.utils import timezone
from django.utils.html import format_html

from commlog.kit import paging
from commlog.kit.limits import A_PAGE, TookTooLong, counted, time_limit
from commlog.kit.paging import SIZES, BadCursor, Page, Sorting
from commlog.kit.sentences import NEEDS_CONTENT
from commlog.log import condition_form, partial_search, writing
from commlog.log.columns import (
    CATALOGUE,
    DEFAULT_SORTING,
    ON_HOLD,
    Column,
    annotations_of,
    fields_of,
    related_of,
    sorting_for,
    tells_content,
)
from commlog.log.condition_form import Row
from commlog.log.conditions import short
from commlog.log.filters import Condition, MessageFilter
from commlog.log.query import LogQuery, Pairs, Selection
from commlog.log.reading import Reading
from commlog.log.table import LogRow, MessageTable
from commlog.message.held_back import held_back
from commlog.message.offers import chains_of, offer_for
from notifications.criteria import Match
from notifications.database.cached_sql import CachedExpression
from notifications.models import Message
from notifications.models.message import MessageQuerySet

EXCERPT = 200
_SLOW = f"The search was stopped after {A_PAGE:.0f} seconds. Narrow it, for example by date."
# Of every list of messages, and much longer to write than to answer.
_ON_HOLD = CachedExpression(Message, ON_HOLD, BooleanField())
SORTABLE = 50_000  # an order that no index serves is made for at most so many rows


@dataclass(frozen=True, slots=True)
class Chip:
    """A condition as shown, with the link that removes it."""

    condition: Condition
    url: str


@dataclass(frozen=True, slots=True)
class Log:
    """A log, ready to render."""

    filter: MessageFilter
    chips: Sequence[Chip]
    table: MessageTable
    rows: Sequence[LogRow]
    sorting: Sorting
    size: int
    now: datetime
    address: str  # the query string that leads back here, without what is not set
    # The same with the conditions of its view written out: what is on the screen, whatever becomes of the
    # view.
    whole: str
    drawn: str  # the same with its columns, whatever its reader or its view chooses later
    carried: Pairs  # what the filter form takes along
    condition_rows: Sequence[Row] = ()
    match: Match = Match.ALL
    adding: bool = False  # whether a row for a further condition was asked for
    changed: bool = False  # whether it differs from the view that it was opened with
    timestamps: bool = True
    compact: bool = False
    masked: bool = False  # whether its reader may not know what messages say
    stopped: bool = False  # whether the database was stopped, so that nothing is listed
    previous_url: str = ""
    next_url: str = ""
    start_url: str = ""
    bare_url: str = ""
    problems: Sequence[str] = ()  # why the list is empty
    notices: Sequence[str] = ()  # what was asked for and is not done; the list is there
    sizes: Sequence[int] = SIZES

    @property
    def faulty(self) -> bool:
        """Whether a condition is invalid, so that nothing may be listed."""
        return (
            bool(self.problems)
            or not self.filter.is_valid()
            or any(chip.condition.wrong for chip in self.chips)
        )

    @property
    def wrong(self) -> str:
        """The errors of the filter form as JSON by field name; a condition's name is `f1`."""
        found = {name: " ".join(map(str, errors)) for name, errors in self.filter.form.errors.items()}
        found |= {
            f"f{one.number}": one.wrong for one in (row.given for row in self.condition_rows) if one.wrong
        }
        return json.dumps(found)

    @property
    def open_conditions(self) -> bool:
        """Whether the rows of *More conditions* are shown initially."""
        return self.adding or any(row.given.wrong for row in self.condition_rows)

    @property
    def condition_count(self) -> int:
        """How many of *More conditions* are set."""
        return sum(bool(row.given.field or row.given.wrong) for row in self.condition_rows)

    @property
    def days_only(self) -> bool:
        """Whether times are shown as days only."""
        return not self.timestamps

    @property
    def actions(self) -> bool:
        """Whether a row has, or may get, a Resend button: the column's width is reserved from the start."""
        return any(row.offer.failed or not row.message.is_final for row in self.rows)


def build(asked: Reading, *, scope: MessageQuerySet) -> Log:
    """Return the requested log over the messages of `scope`."""
    layout, chosen = asked.layout, asked.query.over(scope)
    query = chosen.query  # of which the reader sees as much as the reader may
    page, sorting, notices, stopped = _limited_page(chosen, asked)
    rows = rows_of(page.rows)

    def url(query: LogQuery, cursor: Pairs = (), *, whole: bool = False) -> str:
        return writing.url(query, [*asked.beside, *cursor], whole=whole)

    return Log(
        filter=chosen.filter,
        chips=[Chip(condition, url(query.without(condition))) for condition in chosen.conditions],
        table=MessageTable.over(
            rows,
            layout.columns,
            sorting,
            lambda alias: url(query.replace(sorting=alias)),
            masked=scope.masked,
        ),
        rows=rows,
        sorting=sorting,
        size=asked.size,
        now=timezone.now(),
        address=url(query, asked.cursor),
        whole=url(query, asked.cursor, whole=True),
        drawn=url(
            query.replace(columns=tuple(layout.keys), timestamps=layout.timestamps, compact=layout.compact),
            asked.cursor,
            whole=True,
        ),
        carried=[*writing.carried(query, sorting), *asked.opened_by],
        condition_rows=condition_form.rows_of(query.criteria, adding=asked.adding, masked=scope.masked),
        match=query.match,
        adding=asked.adding,
        changed=writing.changed(asked.query),
        masked=scope.masked,
        timestamps=layout.timestamps,
        compact=layout.compact,
        stopped=stopped,
        previous_url=url(query, [("before", page.before)]) if page.before else "",
        next_url=url(query, [("after", page.after)]) if page.after else "",
        start_url=url(query) if asked.cursor else "",
        bare_url=url(query.replace(bar=(), criteria=(), match=Match.ALL)),
        problems=[*query.problems, *([_SLOW] if stopped else [])],
        notices=[
            *asked.notices,
            *notices,
            *_texts_too(chosen, url, masked=scope.masked),
            *partial_search.notices(chosen),
        ],
    )


def _texts_too(chosen: Selection, url: Callable[[LogQuery], str], *, masked: bool) -> list[str]:
    """Return the link to a search of all texts, if the box matched a person."""
    if masked:
        said = f"Only names, IDs, keys and references were searched. Searching for more {NEEDS_CONTENT}."
        return [said] if dict(chosen.query.bar).get("q") else []
    if not chosen.filter.names_somebody:
        return []
    bar = dict(chosen.query.bar)
    whole = chosen.query.replace(bar=tuple((bar | {"q": f'"{bar["q"].strip()}"'}).items()))
    said = 'Messages to or about “{}”. <a href="{}">Search the texts of all messages, too</a>'
    return [format_html(said, short(bar["q"]), url(whole))]


def _limited_page(chosen: Selection, asked: Reading) -> tuple[Page[Message], Sorting, list[str], bool]:
    """Return page, order, notices, and whether the database was stopped: an index may not serve."""
    notices: list[str] = []
    try:
        with time_limit(A_PAGE) if chosen.conditional or chosen.query.sorting else nullcontext():
            sorting, notice = sorting_of(chosen)
            notices += [notice] if notice else []
            messages = shown(chosen.messages, asked.layout.columns).annotate(
                **annotations_of(sorting.columns)
            )
            page, notice = _page(messages, sorting, asked)
            return page, sorting, [*notices, *([notice] if notice else [])], False
    except TookTooLong:
        return _newest(chosen, asked, notices) or (Page(), DEFAULT_SORTING, notices, True)


def _newest(
    chosen: Selection, asked: Reading, notices: list[str]
) -> tuple[Page[Message], Sorting, list[str], bool] | None:
    """Return a page of matches among the newest messages if not all could be searched, or None."""
    part = partial_search.stretch(chosen) if not asked.cursor else None
    if part is None:
        return None
    try:
        with time_limit(A_PAGE):
            messages = shown(part.messages, asked.layout.columns)
            page = paging.fetch(messages, DEFAULT_SORTING, size=asked.size)
    except TookTooLong:
        return None
    return replace(page, after=""), DEFAULT_SORTING, [*notices, part.said], False


def shown(messages: MessageQuerySet, columns: Sequence[Column]) -> MessageQuerySet:
    """Return the messages with what these columns need and no more: a text may be a megabyte."""
    related = related_of(columns)
    read = messages.only(*fields_of(columns)).annotate(
        excerpt=Left("content", EXCERPT), on_hold=_ON_HOLD.sql()
    )
    return read.select_related(*related) if related else read


def sorting_of(chosen: Selection) -> tuple[Sorting, str]:
    """Return the requested order, or the default and why."""
    alias = chosen.query.sorting
    sorting = sorting_for(alias) if alias else DEFAULT_SORTING
    if sorting is not None and chosen.messages.masked and tells_content(sorting):
        label = CATALOGUE[sorting.name].label
        return (DEFAULT_SORTING, f"Sorting by “{label}” {NEEDS_CONTENT}. Showing the newest messages first.")
    if sorting is None:
        return (
            DEFAULT_SORTING,
            f"The log cannot be sorted by “{short(alias)}”. Showing the newest messages first.",
        )
    if not CATALOGUE[sorting.name].indexed and counted(chosen.messages, SORTABLE) > SORTABLE:
        label = CATALOGUE[sorting.name].label
        return (
            DEFAULT_SORTING,
            f"More than {SORTABLE:,} messages match, too many to sort by “{label}”. Narrow the filter first.",
        )
    return sorting, ""


def _page(messages: MessageQuerySet, sorting: Sorting, asked: Reading) -> tuple[Page[Message], str]:
    try:
        return paging.fetch(messages, sorting, size=asked.size, **dict(asked.cursor)), ""
    except BadCursor:
        damaged = "The link to that page is damaged or belongs to another sort order. This is the first page."
        return paging.fetch(messages, sorting, size=asked.size), damaged


def rows_of(messages: Sequence[Message]) -> list[LogRow]:
    """Return the messages with what Resend offers and what holds them back, in at most two queries."""
    held = held_back(messages)
    chains = chains_of(message for message in messages if message.is_final)
    return [
        LogRow(
            message,
            offer_for(message, chains.get(message.first_id or message.pk, [])),
            held.get(message.pk, ""),
        )
        for message in messages
    ]
