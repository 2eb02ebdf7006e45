"""Plain lists with keyset pages and an optional filter form: all lists except logs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django import forms
from django.db.models import Model, QuerySet
from django.http import QueryDict
from django.utils.http import urlencode

from commlog.kit import paging
from commlog.kit.paging import NEWEST_FIRST, BadCursor, Page, Sorting

SIZE = 50
_CURSORS = ("after", "before")
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """A page of a list, ready to render."""

    form: forms.Form
    rows: Sequence[Row]
    filtered: bool
    problem: str = ""
    previous_url: str = ""
    next_url: str = ""
    start_url: str = ""

    @property
    def faulty(self) -> bool:
        return bool(self.problem) or not self.form.is_valid()


def _all(scope: QuerySet[Row], _: dict[str, Any]) -> QuerySet[Row]:
    return scope


def listing(
    params: QueryDict,
    *,
    scope: QuerySet[Row],
    form: type[forms.Form] = forms.Form,
    narrow: Callable[[QuerySet[Row], dict[str, Any]], QuerySet[Row]] = _all,
    sorting: Sorting = NEWEST_FIRST,
) -> Listing[Row]:
    """Return the requested page. An invalid condition or cursor lists nothing, never everything."""
    conditions = form(params)
    kept = {name: str(params[name]) for name in conditions.fields if params.get(name)}
    page: Page[Row] = Page()
    problem = ""
    if conditions.is_valid():
        try:
            after, before = (str(params.get(name, "")) for name in _CURSORS)
            page = paging.fetch(
                narrow(scope, conditions.cleaned_data), sorting, size=SIZE, after=after, before=before
            )
        except BadCursor:
            problem = "The link to this page is damaged. Start at the first page."
    return Listing(
        form=conditions,
        rows=page.rows,
        filtered=bool(kept),
        problem=problem,
        previous_url=f"?{urlencode(kept | {'before': page.before})}" if page.before else "",
        next_url=f"?{urlencode(kept | {'after': page.after})}" if page.after else "",
        start_url=f"?{urlencode(kept)}" if any(params.get(name) for name in _CURSORS) else "",
    )
