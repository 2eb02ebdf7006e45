"""The lists of clients, groups and users: one search box, sortable heads, keyset pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import QueryDict
from django.utils.http import urlencode

from commlog.kit import paging
from commlog.kit.fields import SearchField
from commlog.kit.paging import BadCursor, Page, Sorting
from commlog.recipients import people
from commlog.recipients.kinds import Kind, as_meant, search
from notifications.models import Group, Membership
from notifications.text.keys import key_in

SIZE = 50
_MOST_FIRST = 10


class FindForm(forms.Form):
    """The search box of a list."""

    q = SearchField(label="Name, ID, address or number", required=False)


@dataclass(frozen=True, slots=True)
class Head:
    """A sortable column head: its link, and the current order."""

    label: str
    url: str
    sorted: str  # ascending, descending or ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of a list, ready to render."""

    kind: Kind
    form: FindForm
    rows: Sequence[Any]
    heads: dict[str, Head]
    sort: str
    item: str  # the menu item that it was opened by, where the address says it
    previous_url: str = ""
    next_url: str = ""
    start_url: str = ""
    notice: str = ""


def listing(params: QueryDict, kind: Kind) -> Listing:
    """Return the requested page of the list. An invalid search lists nothing."""
    form = FindForm(params)
    text = form.cleaned_data["q"].strip() if form.is_valid() else ""
    found = search(kind, text) if form.is_valid() else kind.objects.none()
    sorting = _sorting(kind, str(params.get("sort", "")))
    item = found_key.hex if (found_key := key_in(str(params.get("item", "")))) else ""
    asked = {name: value for name, value in (("q", text), ("item", item)) if value}
    kept = asked if sorting.alias == "id" else {**asked, "sort": sorting.alias}
    first = _called_so(kind, text) if text and sorting.alias == "id" and form.is_valid() else []
    page, notice = _page(_with_counts(found.exclude(pk__in=[row.pk for row in first]), kind), sorting, params)
    turned = bool(params.get("after") or params.get("before"))
    return Listing(
        kind=kind,
        form=form,
        rows=page.rows if page.before else [*first, *page.rows],
        heads={name: _head(name, label, sorting, asked) for name, (label, _) in kind.orders.items()},
        sort=kept.get("sort", ""),
        item=item,
        previous_url=_url(kept, before=page.before) if page.before else "",
        next_url=_url(kept, after=page.after) if page.after else "",
        start_url=_url(kept) if turned else "",
        notice=notice,
    )


def _called_so(kind: Kind, text: str) -> list[Any]:
    """Return exact matches by ID or name, which come first on the first page."""
    return list(_with_counts(people.exactly(kind.name, as_meant(text)), kind)[:_MOST_FIRST])


def _page(rows: QuerySet[Any], sorting: Sorting, params: QueryDict) -> tuple[Page[Any], str]:
    after, before = (str(params.get(name, "")) for name in ("after", "before"))
    try:
        return paging.fetch(rows, sorting, size=SIZE, after=after, before=before), ""
    except BadCursor:
        notice = "The link to that page is damaged or belongs to another sort order. This is the first page."
        return paging.fetch(rows, sorting, size=SIZE), notice


def _sorting(kind: Kind, alias: str) -> Sorting:
    name = alias.removeprefix("-")
    if name not in kind.orders:
        name, alias = "id", "id"
    return Sorting(name, kind.orders[name][1], descending=alias.startswith("-"))


def _head(name: str, label: str, sorting: Sorting, asked: dict[str, str]) -> Head:
    here = name == sorting.name
    follows = f"-{name}" if (here and not sorting.descending) or (not here and name == "created") else name
    kept = asked if follows == "id" else {**asked, "sort": follows}
    return Head(label, _url(kept), ("descending" if sorting.descending else "ascending") if here else "")


def _with_counts(rows: QuerySet[Any], kind: Kind) -> QuerySet[Any]:
    """Annotate groups with the number of members, counted for the rows of the page only."""
    if kind.model is not Group:
        return rows
    members = (
        Membership.objects.filter(group=OuterRef("pk"))
        .order_by()
        .values("group")
        .annotate(number=Count("pk"))
        .values("number")
    )
    return rows.annotate(member_count=Coalesce(Subquery(members, output_field=IntegerField()), 0))


def _url(kept: dict[str, str], **cursor: str) -> str:
    return f"?{urlencode(kept | cursor)}"
