"""Parsing of log queries: from URL parameters, a custom view or a job.

A URL may name a view. Its parameters then override those of the view, unless it says that the view was
edited: then it holds the whole query. More conditions have two spellings. A URL has one parameter per
condition, `c=destination.contains.@example.org`: field, operator, and the rest is the value, whatever
characters it has. Lists are comma-separated (`c=state.in.FAILED,WAITING`); only keys, choices, days and
numbers can be lists. The form works without JavaScript, so it submits parts: f1, o1, v1, v1, f2 …
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.http import Http404, QueryDict
from django.utils.http import urlencode

from commlog import permissions
from commlog.kit import return_address
from commlog.kit.paging import DEFAULT_SIZE, SIZES
from commlog.log import conditions, writing
from commlog.log.columns import CATALOGUE, key_of
from commlog.log.conditions import PARAMETER, Given, short
from commlog.log.filters import BAR, FROM, TO
from commlog.log.layouts import Layout, keys_in, layout_in, layout_of
from commlog.log.places import Place
from commlog.log.query import LogQuery, Pairs
from commlog.log.writing import (
    COLUMNS,
    COMPACT,
    CURSORS,
    DENSITY,
    EDITED,
    MATCH,
    PER_PAGE,
    PLAIN,
    SORT,
    TIMESTAMPS,
    VIEW,
)
from commlog.models import CustomView, Job, User
from notifications.criteria import FIELDS, MOST_CRITERIA, WITH_LIST, WITHOUT_VALUE, Kind, Match, Operator
from notifications.text import days
from notifications.text.keys import key_in

ADD, REMOVE, ITEM = "add", "remove", "item"
PART = re.compile(r"[fov]([1-9][0-9]?)")  # of a row of the form
_OWN = {SORT, PER_PAGE, *CURSORS, VIEW, EDITED, COLUMNS, TIMESTAMPS, DENSITY, PARAMETER, MATCH}
_OWN |= {ADD, REMOVE, ITEM}
_MOST_NAMED = 3  # columns that do not exist
_WHOLE = Place()
_Params = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Reading:
    """A parsed log URL: the query, and how its list is shown."""

    query: LogQuery
    layout: Layout  # the query's columns, or the reader's own
    size: int  # rows a page
    per_page: str  # as the address says it
    item: str  # the menu item that it was opened by, where the address says it
    cursor: Pairs  # where the page begins
    adding: bool  # whether a row for a further condition is wanted
    notices: Sequence[str]  # what is asked for and not done

    @property
    def beside(self) -> Pairs:
        """What each URL of this list contains besides the query."""
        per_page = [(PER_PAGE, self.per_page)] if self.per_page not in ("", PLAIN[PER_PAGE]) else []
        return [*per_page, *self.opened_by]

    @property
    def opened_by(self) -> Pairs:
        """The menu item by which the log was opened, as in its URLs."""
        return [(ITEM, self.item)] if self.item else []


def of_address(address: str, user: User, place: Place | None = None) -> Reading:
    """Parse a log's URL. Raises Http404 if it is no log, or a view the user may not see."""
    return of_params(QueryDict(address.partition("?")[2]), place or Place.at(address), user)


def of_params(params: QueryDict, place: Place, user: User) -> Reading:
    """Parse the parameters of a log, as `of_address` does."""
    own, given = layout_of(user, place.kind), dict(params.lists())
    view = _view(given, place, user)
    if view and _last(given, EDITED) != "1":
        given = {
            name: values for name, values in _lists(writing.of_view(view)).items() if name not in given
        } | given
    query, per_page = _query(given, place).replace(view=view), _last(given, PER_PAGE).strip()
    size, notice = _size(per_page)
    unknown = [
        f"Unknown column “{short(key)}” was ignored." for key in query.columns if key_of(key) not in CATALOGUE
    ]
    return Reading(
        query=query,
        layout=layout_in(query.columns, own, timestamps=query.timestamps, compact=query.compact),
        size=size,
        per_page=per_page,
        item=found.hex if (found := key_in(_last(given, ITEM))) else "",
        cursor=[(name, value) for name in CURSORS if (value := _last(given, name).strip())],
        adding=bool(_last(given, ADD)),
        notices=[*unknown[:_MOST_NAMED], *([notice] if notice else [])],
    )


def of_pairs(pairs: Iterable[Sequence[str]], place: Place = _WHOLE) -> LogQuery:
    """Return the query of pairs written by `writing.pairs`, of this or an earlier version."""
    return _query(_lists(pairs), place)


def of_view(view: CustomView) -> LogQuery:
    """Return a view's query."""
    return of_pairs(writing.of_view(view))


def of_job(job: Job) -> LogQuery:
    """Return a job's query."""
    return of_pairs(job.pairs, Place.of(job))


def _view(given: _Params, place: Place, user: User) -> CustomView | None:
    asked = _last(given, VIEW).strip()
    if not asked:
        return None
    key = key_in(asked)
    found = (
        permissions.with_sharing(permissions.views_for(user, place.kind)).filter(key=key).first()
        if key
        else None
    )
    if found is None and _last(given, EDITED) != "1":
        raise Http404("View not found.")
    return found


def _query(given: _Params, place: Place) -> LogQuery:
    bar = {
        name: values[-1] for name, values in given.items() if name not in _OWN and not PART.fullmatch(name)
    }
    criteria, match, problems = _more(given)
    query = LogQuery(
        place=place,
        # What nothing knows is wrong also where it is empty.
        bar=tuple(
            (name, days.as_iso(value) if name.endswith((FROM, TO)) else value)
            for name, value in bar.items()
            if value.strip() or name not in BAR
        ),
        criteria=criteria,
        match=match,
        sorting=_last(given, SORT).strip(),
        columns=keys_in(_last(given, COLUMNS)),
        timestamps=_last(given, TIMESTAMPS) != "0",
        compact=_last(given, DENSITY) == COMPACT,
    )
    return query.replace(problems=(*_strangers(query, given), *problems, *_too_long(query)))


def _strangers(query: LogQuery, given: _Params) -> list[str]:
    """Return what is wrong with the parameters as a whole."""
    said = [f"Unknown filter “{short(name)}”." for name, _ in query.strange]
    repeated = [
        name
        for name, values in given.items()
        if len(values) > 1 and not name.startswith("v") and name != PARAMETER
    ]
    return said + [f"“{short(name)}” is given more than once." for name in repeated]


def _too_long(query: LogQuery) -> list[str]:
    """Return an error if the conditions are too long; sorting, columns and cursors are added to them."""
    length = len(
        urlencode(writing.pairs(query.replace(sorting="", columns=(), timestamps=True, compact=False)))
    )
    if length <= return_address.LONGEST_FILTER:
        return []
    said = (
        f"The filter is too long: its address takes {length:,} characters, and "
        f"{return_address.LONGEST_FILTER:,} are read at most."
    )
    return [f"{said} Remove conditions or shorten texts."]


def _size(text: str) -> tuple[int, str]:
    """Return rows per page, the nearest of SIZES; and a notice if that is not the requested number."""
    if not text:
        return DEFAULT_SIZE, ""
    digits = text.removeprefix("-")
    number = int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 9 else None
    if number in SIZES:
        return number, ""
    size = DEFAULT_SIZE if number is None else min(SIZES, key=lambda choice: abs(choice - number))
    return size, f"A page cannot have “{short(text)}” rows. It has {size}."


def _more(given: _Params) -> tuple[tuple[Given, ...], Match, list[str]]:
    """Return More conditions, how they are combined, and what is wrong with them together."""
    found = [conditions.check(*_parts(text)) for text in given.get(PARAMETER, ())]
    found += [
        replace(conditions.check(name, operator, values), number=number)
        for number, name, operator, values in _rows(given)
    ]
    problems = []
    if len(found) > MOST_CRITERIA:
        problems.append(f"{len(found):,} conditions are set; at most {MOST_CRITERIA} are allowed.")
        found = found[:MOST_CRITERIA]
    match = _last(given, MATCH).strip().upper() or Match.ALL
    if match not in Match.values:
        problems.append("Conditions match “all” or “any”.")
        match = Match.ALL
    return conditions.with_names(found), Match(match), problems


def _parts(text: str) -> tuple[str, str, list[str]]:
    name, operator, value = (*text.split(".", 2), "", "")[:3]
    known, upper = FIELDS.get(name), operator.upper()
    in_list = upper in WITH_LIST or (
        upper == Operator.BETWEEN and known and known.kind in (Kind.NUMBER, Kind.DATE_TIME)
    )
    values = [part.strip() for part in value.split(",")] if in_list else [value]
    return name, operator, [part for part in values if part]


def _rows(given: _Params) -> Iterable[tuple[int, str, str, list[str]]]:
    """Yield each row's number and parts, without a removed row and rows without a field."""
    numbers = {int(found.group(1)) for name in given if (found := PART.fullmatch(name))}
    for number in sorted(numbers):
        if str(number) == _last(given, REMOVE):
            continue
        name, operator = _last(given, f"f{number}").strip(), _last(given, f"o{number}").strip()
        values = [value.strip() for value in given.get(f"v{number}", ()) if value.strip()]
        if name:
            yield number, name, operator, _of_row(name, operator.upper(), values)
        elif values:
            yield number, "", operator, values


def _of_row(name: str, operator: str, values: list[str]) -> list[str]:
    known = FIELDS.get(name)
    if operator in WITHOUT_VALUE:
        return []
    if operator in WITH_LIST and known and known.whom in ("", "message", "template"):
        return [part.strip() for value in values for part in value.split(",") if part.strip()]
    return values[:2] if operator == Operator.BETWEEN else values if operator in WITH_LIST else values[:1]


def _last(given: _Params, name: str) -> str:
    return str(given[name][-1]) if given.get(name) else ""


def _lists(pairs: Iterable[Sequence[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found
