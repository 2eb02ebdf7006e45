"""A query written as an address's query string, a job's pairs, or a custom view's fields."""

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
    """Return all that a query says in one spelling, except with which view it was opened."""
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
    """Return what a view holds, written as `pairs` does. Its fields may be those of yesterday."""
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
    """Return how an address says which columns it shows."""
    keys = ",".join(columns)
    said = [(COLUMNS, keys)] if keys else []
    said += [] if timestamps else [(TIMESTAMPS, "0")]
    return [*said, (DENSITY, COMPACT)] if compact else said


def changed(query: LogQuery) -> bool:
    """Return whether a view is open and the query is no longer what it holds."""
    return query.view is not None and sorted(pairs(query)) != sorted(of_view(query.view))


def url(query: LogQuery, beside: Pairs = (), *, whole: bool = False) -> str:
    """Return the query string that leads there, without what is empty. `beside`: the place in the list.

    As long as the query is its view's, the view's key says it all; unless it is to be `whole`, and to mean
    the same when somebody has saved the view anew.
    """
    if query.view is None:
        return f"?{urlencode([*pairs(query), *beside])}"
    state = [(EDITED, "1"), *pairs(query)] if whole or changed(query) else []
    return f"?{urlencode([(VIEW, query.view.key.hex), *state, *beside])}"


def address(query: LogQuery) -> str:
    """Return the address of its log, which holds the whole query, whatever becomes of its view."""
    return f"{query.place.url}?{urlencode(pairs(query))}".rstrip("?")


def back_to(here: str) -> str:
    """Return the query string of a message's page that leads back to the log at this address. Each row has it
    twice, so it is short: the whole log is what it names by nothing.
    """
    address = here.removesuffix("?")
    return f"?{FROM}" if address == WHOLE.url else f"?{FROM}={quote(address, safe='/?:,')}" if address else ""


def origin_in(params: Mapping[str, str]) -> str:
    """Return the address of the log that `back_to` leads to; "" where nothing is said."""
    return params.get(FROM, "") or (WHOLE.url if FROM in params else "")


def content(query: LogQuery, layout: Layout) -> dict[str, Any]:
    """Return what a view holds that is saved from this query, which must be sound."""
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
    """Parameters that are no fields of the filter form. With a view it sends all, so empty stays."""
    view = [(VIEW, query.view.key.hex)] if query.view else []
    order = [(SORT, sorting.alias)] if query.sorting else []
    return [
        *view,
        *of_layout(query.columns, timestamps=query.timestamps, compact=query.compact),
        *order,
        *([(EDITED, "1")] if query.view else []),
    ]
