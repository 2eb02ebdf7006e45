"""Writing log queries: as a query string, a job's pairs, or a custom view's fields."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from django.utils.http import urlencode

from commlog.kit.paging import DEFAULT_SIZE, Sorting
from commlog.log.columns import DEFAULT_SORTING
from commlog.log.conditions import PARAMETER
from commlog.log.layouts import Layout
from commlog.log.places import Place
from commlog.log.query import LogQuery, Pairs
from commlog.models import CustomView
from notifications.criteria import Match

SORT, PER_PAGE, MATCH, CURSORS = "sort", "per_page", "match", ("after", "before")
VIEW, EDITED, COLUMNS, TIMESTAMPS, DENSITY = "view", "edited", "columns", "timestamps", "density"
FROM = "from"  # in the address of a message: which log it was opened in
WHOLE = Place()  # the organisation's log
COMPACT = "compact"  # the density that has to be said
PLAIN = {PER_PAGE: str(DEFAULT_SIZE), SORT: DEFAULT_SORTING.alias}  # what need not be said


def pairs(query: LogQuery) -> Pairs:
    """Return the whole query in one spelling, except the view it was opened with."""
    bar = [pair for pair in query.bar if pair[1].strip()]
    order = [(SORT, query.sorting)] if query.sorting not in ("", PLAIN[SORT]) else []
    more = [(PARAMETER, one.written) for one in query.criteria]
    match = [] if query.match == Match.ALL else [(MATCH, query.match.lower())]
    return [
        *bar,
        *order,
        *of_layout(query.columns, timestamps=query.timestamps, compact=query.compact),
        *more,
        *match,
    ]


def of_view(view: CustomView) -> Pairs:
    """Return a view's query in the form of `pairs`. Its fields may be of an earlier version."""
    found = [(str(name), str(value)) for name, value in view.conditions.items()]
    if view.sorting:
        found.append((SORT, view.sorting))
    if view.columns:
        found += of_layout(view.columns, timestamps=view.timestamps, compact=view.compact)
    for field, operator, values in view.criteria:
        found.append(
            (
                PARAMETER,
                ".".join((str(field), str(operator).lower(), *([",".join(values)] if values else []))),
            )
        )
    return found if view.match == Match.ALL else [*found, (MATCH, view.match.lower())]


def of_layout(columns: Iterable[str], *, timestamps: bool, compact: bool) -> Pairs:
    """Return the parameters of a column layout."""
    keys = ",".join(columns)
    said = [(COLUMNS, keys)] if keys else []
    said += [] if timestamps else [(TIMESTAMPS, "0")]
    return [*said, (DENSITY, COMPACT)] if compact else said


def changed(query: LogQuery) -> bool:
    """Return whether a view is open and the query differs from it."""
    return query.view is not None and sorted(pairs(query)) != sorted(of_view(query.view))


def url(query: LogQuery, beside: Pairs = (), *, whole: bool = False) -> str:
    """Return the query string of the query, without empty parameters. `beside`: the place in the list.

    While the query equals its view's, the view's key is enough, unless it is to be `whole`, and to mean the
    same after somebody has changed the view.
    """
    if query.view is None:
        return f"?{urlencode([*pairs(query), *beside])}"
    state = [(EDITED, "1"), *pairs(query)] if whole or changed(query) else []
    return f"?{urlencode([(VIEW, query.view.key.hex), *state, *beside])}"


def address(query: LogQuery) -> str:
    """Return the URL of its log with the whole query, independent of its view."""
    return f"{query.place.url}?{urlencode(pairs(query))}".rstrip("?")


def back_to(here: str) -> str:
    """Return the query string with which a message's page links back to the log at this URL.

    Each row has it twice, so it is short: nothing stands for the whole log.
    """
    address = here.removesuffix("?")
    return f"?{FROM}" if address == WHOLE.url else f"?{FROM}={quote(address, safe='/?:,')}" if address else ""


def origin_in(params: Mapping[str, str]) -> str:
    """Return the URL of the log in `back_to`; "" if there is none."""
    return params.get(FROM, "") or (WHOLE.url if FROM in params else "")


def content(query: LogQuery, layout: Layout) -> dict[str, Any]:
    """Return the content of a view saved from this query, which must be sound."""
    return {
        "conditions": dict(query.bar),
        "criteria": [[one.field, one.operator.value, list(one.values)] for one in query.asked],
        "match": query.match.value,
        "sorting": query.sorting if query.sorting != PLAIN[SORT] else "",
        "columns": layout.keys,
        "timestamps": layout.timestamps,
        "compact": layout.compact,
    }


def carried(query: LogQuery, sorting: Sorting) -> Pairs:
    """Return parameters that are not fields of the filter form. With a view all are sent, so empty ones
    stay empty.
    """
    view = [(VIEW, query.view.key.hex)] if query.view else []
    order = [(SORT, sorting.alias)] if query.sorting else []
    return [
        *view,
        *of_layout(query.columns, timestamps=query.timestamps, compact=query.compact),
        *order,
        *([(EDITED, "1")] if query.view else []),
    ]
