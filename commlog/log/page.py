"""The one function behind every log: scope, conditions, columns, sorting, page."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models.functions import Left
from django.http import QueryDict
from django.utils import timezone

from commlog.kit import paging
from commlog.kit.limits import A_PAGE, TookTooLong, counted, time_limit
from commlog.kit.paging import DEFAULT_SIZE, SIZES, BadCursor, Page, Sorting
from commlog.log import condition_form, conditions, layouts
from commlog.log.address import COLUMNS, CURSORS, EDITED, TIMESTAMPS, VIEW, Address, Pairs
from commlog.log.columns import CATALOGUE, DEFAULT, DEFAULT_SORTING, Column, annotations_of, fields_of, related_of, sorting_for
from commlog.log.condition_form import Row
from commlog.log.filters import MessageFilter
from commlog.log.selection import Chip, Selection, select, short
from commlog.log.table import LogRow, MessageTable
from commlog.message.offers import chains_of, offer_for
from notifications.criteria import Match
from notifications.models import Message
from notifications.models.message import MessageQuerySet

EXCERPT = 200
_MOST_NAMED = 3  # columns that do not exist
SORTABLE = 50_000  # an order that no index serves is made for at most so many rows


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
    whole: str  # the same with the conditions of its view written out: what is on the screen, whatever becomes of the view
    state: Pairs  # what a view would hold
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
        return bool(self.problems) or not self.filter.is_valid() or any(chip.condition.wrong for chip in self.chips)

    @property
    def wrong(self) -> str:
        """What is wrong with each field of the filter form, by its name, as JSON; a condition has the name of its field (`f1`)."""
        found = {name: " ".join(map(str, errors)) for name, errors in self.filter.form.errors.items()}
        found |= {f"f{one.number}": one.wrong for one in (row.given for row in self.condition_rows) if one.wrong}
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
        """Whether any row has a Resend button or may get one while the page is open: its column has its width from the start."""
        return any(row.offer.failed or not row.message.is_final for row in self.rows)


def build(
    params: QueryDict, *, scope: MessageQuerySet, columns: Sequence[Column] = DEFAULT, timestamps: bool = True, saved: Pairs | None = None
) -> Log:
    """The log that the parameters ask for, over the messages of `scope`. `saved`: the state of the view that it was opened with."""
    chosen = select(params, scope=scope, saved=saved)
    asked = chosen.address
    asked.notices.extend(f"There is no column “{short(key)}”; it is left out." for key in layouts.unknown(params)[:_MOST_NAMED])
    size = _size(asked)
    page, sorting, stopped = _limited_page(chosen, columns, size)
    rows = rows_of(page.rows)
    place = {name: asked.given(name) for name in CURSORS if asked.given(name)}
    turned = any(asked.given(name) for name in CURSORS)
    return Log(
        filter=chosen.filter,
        chips=chosen.chips,
        table=MessageTable.over(rows, columns, sorting, lambda alias: asked.url(changed={"sort": alias})),
        rows=rows,
        sorting=sorting,
        size=size,
        now=timezone.now(),
        address=asked.url(changed=place),
        whole=asked.url(changed=place, whole=True),
        state=asked.state(),
        carried=_carried(asked, sorting),
        condition_rows=condition_form.rows_of(asked.conditions),
        match=asked.conditions.match,
        adding=asked.conditions.add,
        changed=asked.changed,
        timestamps=timestamps,
        columns=columns,
        stopped=stopped,
        previous_url=asked.url(changed={"before": page.before}) if page.before else "",
        next_url=asked.url(changed={"after": page.after}) if page.after else "",
        start_url=asked.url() if turned else "",
        bare_url=asked.url(without=[*chosen.filter.filters, *chosen.strange, conditions.PARAMETER]),
        problems=asked.problems,
        notices=asked.notices,
    )


def _carried(asked: Address, sorting: Sorting) -> Pairs:
    """The parameters that are no fields of the filter form. With a view they stand for the whole state, so what is emptied stays empty."""
    kept = [(name, asked.given(name)) for name in (VIEW, COLUMNS, TIMESTAMPS) if asked.given(name)]
    if asked.given("sort"):
        kept.append(("sort", sorting.alias))
    return [*kept, (EDITED, "1")] if asked.saved is not None else kept


def _limited_page(chosen: Selection, columns: Sequence[Column], size: int) -> tuple[Page[Message], Sorting, bool]:
    """The page and its order, and whether the database had to be stopped. Without conditions an index serves every page at once."""
    if not chosen.conditional and not chosen.address.given("sort"):
        return (*_sorted_page(chosen, columns, size), False)
    try:
        with time_limit(A_PAGE):
            return (*_sorted_page(chosen, columns, size), False)
    except TookTooLong:
        chosen.address.problems.append(f"The search was stopped: it takes over {A_PAGE:.0f} seconds. Narrow it, by days for example.")
        return Page(), DEFAULT_SORTING, True


def _sorted_page(chosen: Selection, columns: Sequence[Column], size: int) -> tuple[Page[Message], Sorting]:
    sorting = sorting_of(chosen.address, chosen.messages)
    messages = shown(chosen.messages, columns).annotate(**annotations_of(sorting.columns))
    return _page(chosen.address, messages, sorting, size), sorting


def shown(messages: MessageQuerySet, columns: Sequence[Column]) -> MessageQuerySet:
    """The messages with what these columns show of them, and no more: a text may be a megabyte long."""
    related = related_of(columns)
    read = messages.only(*fields_of(columns)).annotate(excerpt=Left("content", EXCERPT))
    return read.select_related(*related) if related else read


def sorting_of(asked: Address, messages: MessageQuerySet) -> Sorting:
    """The order that is asked for, or the usual one, and why."""
    alias = asked.given("sort")
    sorting = sorting_for(alias) if alias else DEFAULT_SORTING
    if sorting is None:
        asked.notices.append(f"The log cannot be sorted by “{short(alias)}”; the newest messages come first.")
    elif not CATALOGUE[sorting.name].indexed and counted(messages, SORTABLE) > SORTABLE:
        label = CATALOGUE[sorting.name].label
        asked.notices.append(f"More than {SORTABLE:,} messages match: too many to sort by “{label}”. Narrow the filter first.")
    else:
        return sorting
    return DEFAULT_SORTING


def _size(asked: Address) -> int:
    """Rows a page: the nearest of SIZES."""
    text = asked.given("per_page")
    if not text:
        return DEFAULT_SIZE
    digits = text.removeprefix("-")
    number = int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 9 else None
    if number in SIZES:
        return number
    size = DEFAULT_SIZE if number is None else min(SIZES, key=lambda choice: abs(choice - number))
    asked.notices.append(f"A page cannot have “{short(text)}” rows; it has {size}.")
    return size


def _page(asked: Address, messages: MessageQuerySet, sorting: Sorting, size: int) -> Page[Message]:
    after, before = (asked.given(name) for name in CURSORS)
    try:
        return paging.fetch(messages, sorting, size=size, after=after, before=before)
    except BadCursor:
        asked.notices.append("The address of that page is damaged or belongs to another order; this is the first page.")
        return paging.fetch(messages, sorting, size=size)


def rows_of(messages: Sequence[Message]) -> list[LogRow]:
    """The messages, each with what Resend offers. One query, whatever their number."""
    chains = chains_of(message for message in messages if message.is_final)
    return [LogRow(message, offer_for(message, chains.get(message.first_id or message.pk, []))) for message in messages]
