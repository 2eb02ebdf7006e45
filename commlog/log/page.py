"""The one function behind every log: scope, conditions, columns, sorting, page."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime

from django.db.models.functions import Left
from django.utils import timezone

from commlog.kit import paging
from commlog.kit.limits import A_PAGE, TookTooLong, counted, time_limit
from commlog.kit.paging import SIZES, BadCursor, Page, Sorting
from commlog.log import condition_form, writing
from commlog.log.columns import (
    CATALOGUE,
    DEFAULT,
    DEFAULT_SORTING,
    Column,
    annotations_of,
    fields_of,
    related_of,
    sorting_for,
)
from commlog.log.condition_form import Row
from commlog.log.conditions import short
from commlog.log.filters import Condition, MessageFilter
from commlog.log.query import LogQuery, Pairs, Selection
from commlog.log.reading import Reading
from commlog.log.table import LogRow, MessageTable
from commlog.message.offers import chains_of, offer_for
from notifications.criteria import Match
from notifications.models import Message
from notifications.models.message import MessageQuerySet

EXCERPT = 200
_SLOW = f"The search was stopped: it takes over {A_PAGE:.0f} seconds. Narrow it, by days for example."
SORTABLE = 50_000  # an order that no index serves is made for at most so many rows


@dataclass(frozen=True, slots=True)
class Chip:
    """A condition as it is shown: removable by a link."""

    condition: Condition
    url: str


@dataclass(frozen=True, slots=True)
class Log:
    """A log, ready to be drawn."""

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
    columns: Sequence[Column] = DEFAULT
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
        """Whether a condition is wrong, so that nothing may be listed."""
        return (
            bool(self.problems)
            or not self.filter.is_valid()
            or any(chip.condition.wrong for chip in self.chips)
        )

    @property
    def wrong(self) -> str:
        """What is wrong with each field of the filter form, by its name, as JSON; a condition has the name of
        its field (`f1`).
        """
        found = {name: " ".join(map(str, errors)) for name, errors in self.filter.form.errors.items()}
        found |= {
            f"f{one.number}": one.wrong for one in (row.given for row in self.condition_rows) if one.wrong
        }
        return json.dumps(found)

    @property
    def open_conditions(self) -> bool:
        """Whether the rows of *More conditions* are shown at once."""
        return self.adding or any(row.given.wrong for row in self.condition_rows)

    @property
    def condition_count(self) -> int:
        """How many of *More conditions* are set."""
        return sum(bool(row.given.field or row.given.wrong) for row in self.condition_rows)

    @property
    def untouched(self) -> bool:
        """Whether this is the whole scope from its start."""
        return not self.chips and not self.start_url

    @property
    def days_only(self) -> bool:
        """Whether moments are written without their time."""
        return not self.timestamps

    @property
    def usual_columns(self) -> bool:
        """Whether it has the columns that every log starts with."""
        return tuple(self.columns) == DEFAULT

    @property
    def actions(self) -> bool:
        """Whether any row has a Resend button or may get one while the page is open: its column has its width
        from the start.
        """
        return any(row.offer.failed or not row.message.is_final for row in self.rows)


def build(asked: Reading, *, scope: MessageQuerySet) -> Log:
    """The log that is asked for, over the messages of `scope`."""
    query, layout = asked.query, asked.layout
    chosen = query.over(scope)
    page, sorting, notices, stopped = _limited_page(chosen, asked)
    rows = rows_of(page.rows)

    def url(query: LogQuery, cursor: Pairs = (), *, whole: bool = False) -> str:
        return writing.url(query, [*asked.beside, *cursor], whole=whole)

    return Log(
        filter=chosen.filter,
        chips=[Chip(condition, url(query.without(condition))) for condition in chosen.conditions],
        table=MessageTable.over(
            rows, layout.columns, sorting, lambda alias: url(query.replace(sorting=alias))
        ),
        rows=rows,
        sorting=sorting,
        size=asked.size,
        now=timezone.now(),
        address=url(query, asked.cursor),
        whole=url(query, asked.cursor, whole=True),
        drawn=url(
            query.replace(columns=tuple(layout.keys), timestamps=layout.timestamps), asked.cursor, whole=True
        ),
        carried=writing.carried(query, sorting),
        condition_rows=condition_form.rows_of(query.criteria, adding=asked.adding),
        match=query.match,
        adding=asked.adding,
        changed=writing.changed(query),
        timestamps=layout.timestamps,
        columns=layout.columns,
        stopped=stopped,
        previous_url=url(query, [("before", page.before)]) if page.before else "",
        next_url=url(query, [("after", page.after)]) if page.after else "",
        start_url=url(query) if asked.cursor else "",
        bare_url=url(query.replace(bar=(), criteria=(), match=Match.ALL)),
        problems=[*query.problems, *([_SLOW] if stopped else [])],
        notices=[*asked.notices, *notices],
    )


def _limited_page(chosen: Selection, asked: Reading) -> tuple[Page[Message], Sorting, list[str], bool]:
    """The page, its order, what is not as asked, and whether the database had to be stopped.

    Without conditions an index serves each.
    """
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
        return Page(), DEFAULT_SORTING, notices, True


def shown(messages: MessageQuerySet, columns: Sequence[Column]) -> MessageQuerySet:
    """The messages with what these columns show of them, and no more: a text may be a megabyte long."""
    related = related_of(columns)
    read = messages.only(*fields_of(columns)).annotate(excerpt=Left("content", EXCERPT))
    return read.select_related(*related) if related else read


def sorting_of(chosen: Selection) -> tuple[Sorting, str]:
    """Return the order that is asked for, or the usual one and why."""
    alias = chosen.query.sorting
    sorting = sorting_for(alias) if alias else DEFAULT_SORTING
    if sorting is None:
        return (
            DEFAULT_SORTING,
            f"The log cannot be sorted by “{short(alias)}”; the newest messages come first.",
        )
    if not CATALOGUE[sorting.name].indexed and counted(chosen.messages, SORTABLE) > SORTABLE:
        label = CATALOGUE[sorting.name].label
        return (
            DEFAULT_SORTING,
            f"More than {SORTABLE:,} messages match: too many to sort by “{label}”. Narrow the filter first.",
        )
    return sorting, ""


def _page(messages: MessageQuerySet, sorting: Sorting, asked: Reading) -> tuple[Page[Message], str]:
    try:
        return paging.fetch(messages, sorting, size=asked.size, **dict(asked.cursor)), ""
    except BadCursor:
        damaged = "The address of that page is damaged or belongs to another order; this is the first page."
        return paging.fetch(messages, sorting, size=asked.size), damaged


def rows_of(messages: Sequence[Message]) -> list[LogRow]:
    """The messages, each with what Resend offers. One query, whatever their number."""
    chains = chains_of(message for message in messages if message.is_final)
    return [
        LogRow(message, offer_for(message, chains.get(message.first_id or message.pk, [])))
        for message in messages
    ]
