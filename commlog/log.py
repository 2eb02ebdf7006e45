"""The one function behind every log: scope, conditions, columns, sorting, page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from django.db.models import Count
from django.db.models.functions import Left
from django.http import QueryDict
from django.utils import timezone
from django.utils.http import urlencode

from commlog import paging
from commlog.columns import CATALOGUE, DEFAULT, DEFAULT_SORTING, Column, fields_of, sorting_for
from commlog.filters import Condition, MessageFilter
from commlog.paging import DEFAULT_SIZE, SIZES, BadCursor, Page, Sorting
from commlog.resending import chains_of, offer_for
from commlog.tables import LogRow, MessageTable
from notifications.models import Message
from notifications.models.message import MessageQuerySet

EXCERPT = 200
SORTABLE = 50_000  # an order that no index serves is made for at most so many rows
_OWN = ("sort", "per_page", "after", "before")
_CURSORS = ("after", "before")
_PLAIN = {"per_page": str(DEFAULT_SIZE), "sort": DEFAULT_SORTING.alias}  # what need not be said


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
        return bool(self.problems) or not self.filter.is_valid()

    @property
    def untouched(self) -> bool:
        """Whether this is the whole scope from its start."""
        return not self.chips and not self.start_url


@dataclass(slots=True)
class _Request:
    """The query string, read piece by piece, and what was found wrong with it."""

    params: QueryDict
    problems: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def given(self, name: str) -> str:
        """The parameter's last value, without surrounding blanks."""
        return str(self.params.get(name, "")).strip()

    def url(self, *, without: Sequence[str] = (), changed: Mapping[str, str] = MappingProxyType({})) -> str:
        """The query string without what is empty, and with some parameters changed. Cursors survive only in `changed`."""
        kept = [
            (name, str(self.params.get(name)))
            for name in self.params
            if name not in (*_CURSORS, *without) and self.given(name) not in ("", _PLAIN.get(name))
        ]
        return f"?{urlencode(dict(kept) | dict(changed))}"


def build(params: QueryDict, *, scope: MessageQuerySet, columns: Sequence[Column] = DEFAULT) -> Log:
    """The log that the query string asks for, over the messages of `scope`."""
    asked = _Request(params)
    conditions = MessageFilter(params, queryset=scope)
    asked.problems += _strangers(params, conditions)
    sound = conditions.is_valid() and not asked.problems
    messages: MessageQuerySet = conditions.qs if sound else scope.none()
    sorting, size = _sorting(asked, messages), _size(asked)
    page = _page(asked, messages.only(*fields_of(columns)).annotate(excerpt=Left("content", EXCERPT)), sorting, size)
    rows = _rows(page)
    turned = any(asked.given(name) for name in _CURSORS)
    return Log(
        filter=conditions,
        chips=_chips(asked, conditions),
        table=MessageTable.over(rows, columns, sorting, lambda alias: asked.url(changed={"sort": alias})),
        rows=rows,
        sorting=sorting,
        size=size,
        now=timezone.now(),
        address=asked.url(changed={name: asked.given(name) for name in _CURSORS if asked.given(name)}),
        previous_url=asked.url(changed={"before": page.before}) if page.before else "",
        next_url=asked.url(changed={"after": page.after}) if page.after else "",
        start_url=asked.url() if turned else "",
        bare_url=asked.url(without=[*conditions.filters, *_unknown(params, conditions)]),
        problems=asked.problems,
        notices=asked.notices,
    )


def _unknown(params: QueryDict, conditions: MessageFilter) -> list[str]:
    return [name for name in params if name not in conditions.filters and name not in _OWN]


def _strangers(params: QueryDict, conditions: MessageFilter) -> list[str]:
    """What is wrong with the query string as a whole. A condition that is not understood must not be left out in silence."""
    strange = [f"There is no condition called “{_short(name)}”." for name in _unknown(params, conditions)]
    return strange + [f"“{_short(name)}” is given more than once." for name, values in params.lists() if len(values) > 1]


def _sorting(asked: _Request, messages: MessageQuerySet) -> Sorting:
    alias = asked.given("sort")
    sorting = sorting_for(alias) if alias else DEFAULT_SORTING
    if sorting is None:
        asked.notices.append(f"The log cannot be sorted by “{_short(alias)}”; the newest messages come first.")
    elif not CATALOGUE[sorting.name].indexed and _longer_than(messages, SORTABLE):
        label = CATALOGUE[sorting.name].label
        asked.notices.append(f"More than {SORTABLE:,} messages match: too many to sort by “{label}”. Narrow the filter first.")
    else:
        return sorting
    return DEFAULT_SORTING


def _longer_than(messages: MessageQuerySet, most: int) -> bool:
    """Whether more than so many match. It never counts further than one more."""
    return messages.order_by().values("pk")[: most + 1].aggregate(found=Count("pk"))["found"] > most


def _size(asked: _Request) -> int:
    """Rows a page: the nearest of SIZES."""
    text = asked.given("per_page")
    if not text:
        return DEFAULT_SIZE
    digits = text.removeprefix("-")
    number = int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 9 else None
    if number in SIZES:
        return number
    size = DEFAULT_SIZE if number is None else min(SIZES, key=lambda choice: abs(choice - number))
    asked.notices.append(f"A page cannot have “{_short(text)}” rows; it has {size}.")
    return size


def _page(asked: _Request, messages: MessageQuerySet, sorting: Sorting, size: int) -> Page[Message]:
    after, before = (asked.given(name) for name in _CURSORS)
    try:
        return paging.fetch(messages, sorting, size=size, after=after, before=before)
    except BadCursor:
        asked.notices.append("The address of that page is damaged or belongs to another order; this is the first page.")
        return paging.fetch(messages, sorting, size=size)


def _rows(page: Page[Message]) -> list[LogRow]:
    chains = chains_of(message for message in page.rows if message.is_final)
    return [LogRow(message, offer_for(message, chains.get(message.first_id or message.pk, []))) for message in page.rows]


def _chips(asked: _Request, conditions: MessageFilter) -> list[Chip]:
    known = [Chip(condition, asked.url(without=[condition.name])) for condition in conditions.conditions()]
    strange = [
        Chip(Condition(name, _short(name), _short(asked.given(name)), "There is no such condition."), asked.url(without=[name]))
        for name in _unknown(asked.params, conditions)
    ]
    return known + strange


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"
