"""The table of the log: django-tables2 over the catalogue of columns."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from zlib import crc32

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_tables2.data import TableData

from commlog.kit.paging import Sorting
from commlog.log.columns import Column
from commlog.message.offers import Offer
from notifications.models import Message

_FIELDS = [field.attname for field in Message._meta.concrete_fields]
UNLABELLED = ("state", "message")  # where rows are laid out as cards, these need no word before them


@dataclass(frozen=True, slots=True)
class LogRow:
    """A line of the log."""

    message: Message
    offer: Offer

    @property
    def version(self) -> str:
        """What tells this row from the same one a moment later: all that is loaded of the message, and what
        became of its resends.
        """
        loaded = vars(self.message)
        said = [loaded[name] for name in _FIELDS if name in loaded]
        others = (self.offer.newer, self.offer.under_way, self.offer.delivered)
        said += [(other.pk, other.state, other.sent_at, other.receipt_status) for other in others if other]
        return f"{crc32(repr(said).encode()):08x}"


class SortedRows(TableData):
    """A page of rows, already in order: the database sorted them."""

    def __len__(self) -> int:
        return len(self.data)

    def order_by(self, aliases: Any) -> None:
        """Nothing: sorting one page in memory would contradict the order of the pages."""


class CatalogueColumn(tables.Column):
    """A column of the catalogue.

    Its cells are templates, included by the table's template with `message` and `offer`.
    """

    def __init__(self, column: Column) -> None:
        super().__init__(
            verbose_name=column.label,
            accessor="message",
            orderable=bool(column.order),
            initial_sort_descending=column.newest_first,
            empty_values=(),
        )
        self.column = column
        self.url = ""  # where its head leads


class MessageTable(tables.Table):
    """Any log's table. Which columns it has, and in which order, is the catalogue's and the caller's
    business.
    """

    class Meta:
        template_name = "log/rows/table.html"
        order_by_field = "sort"

    @classmethod
    def over(
        cls, rows: Sequence[LogRow], columns: Iterable[Column], sorting: Sorting, url: Callable[[str], str]
    ) -> "MessageTable":
        """The table of these rows and columns; `url` says where a head leads that sorts by this alias."""
        shown = [(column.key, CatalogueColumn(column)) for column in columns]
        table = cls(
            SortedRows(rows), extra_columns=shown, sequence=[key for key, _ in shown], order_by=sorting.alias
        )
        for bound in table.columns:
            bound.column.url = url(str(bound.order_by_alias.next)) if bound.orderable else ""
        return table

    @cached_property
    def cells(self) -> list[dict[str, Any]]:
        """What the cells of each row have in common: their template, their attributes and what a plain one
        reads.
        """
        columns = [bound.column.column for bound in self.columns]
        return [
            {
                "template": column.cell,
                "attributes": _attributes(column),
                "reads": next(iter(column.reads), ""),
            }
            for column in columns
        ]


def _attributes(column: Column) -> SafeString:
    if column.key in UNLABELLED:
        return format_html('class="col-{}"', column.key)
    return format_html('class="col-{}" data-label="{}"', column.key, column.label)
