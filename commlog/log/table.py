"""The log's table: django-tables2 over the columns."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from zlib import crc32

import django_tables2 as tables
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_tables2.data import TableData

from commlog.kit.paging import Sorting
from commlog.log.columns import DEFAULT, Column, tells_content
from commlog.message.offers import Offer
from notifications.models import Message

_FIELDS = [field.attname for field in Message._meta.concrete_fields]
UNLABELLED = ("state", "message")  # where rows are laid out as cards, these need no word before them


@dataclass(frozen=True, slots=True)
class LogRow:
    """A message with what its line shows."""

    message: Message
    offer: Offer
    held: str = ""  # what holds the message back, in words

    @property
    def version(self) -> str:
        """Return a digest of the row as drawn: all loaded fields, its resends, what holds it back, and the
        day.
        """
        loaded = vars(self.message)
        today = timezone.localdate(timezone=timezone.get_default_timezone())
        said = [today, self.held, *(loaded[name] for name in _FIELDS if name in loaded)]
        others = (self.offer.newer, self.offer.under_way, self.offer.delivered)
        said += [(other.pk, other.state, other.sent_at, other.receipt_status) for other in others if other]
        return f"{crc32(repr(said).encode()):08x}"


class SortedRows(TableData):
    """A page of rows, sorted by the database."""

    def __len__(self) -> int:
        return len(self.data)

    def order_by(self, aliases: Any) -> None:
        """Do nothing: sorting one page in memory would contradict the order of pages."""


class CatalogueColumn(tables.Column):
    """A column of the log."""

    def __init__(self, column: Column, *, masked: bool) -> None:
        sortable = bool(column.order) and not (masked and tells_content(column.sorting(descending=False)))
        super().__init__(
            verbose_name=column.label,
            accessor="message",
            orderable=sortable,
            initial_sort_descending=column.newest_first,
            empty_values=(),
        )
        self.column = column
        self.url = ""  # where its head leads


class MessageTable(tables.Table):
    """A table of any log. The caller chooses its columns."""

    class Meta:
        template_name = "log/rows/table.html"
        order_by_field = "sort"

    @classmethod
    def over(
        cls,
        rows: Sequence[LogRow],
        columns: Iterable[Column],
        sorting: Sorting,
        url: Callable[[str], str],
        *,
        masked: bool = False,
    ) -> "MessageTable":
        """Return the table of these rows and columns; `url` maps a sort alias to a head's link.

        `masked`: without orders that reveal content.
        """
        shown = [(column.key, CatalogueColumn(column, masked=masked)) for column in columns]
        table = cls(
            SortedRows(rows), extra_columns=shown, sequence=[key for key, _ in shown], order_by=sorting.alias
        )
        for bound in table.columns:
            bound.column.url = url(str(bound.order_by_alias.next)) if bound.orderable else ""
        return table

    @cached_property
    def catalogue(self) -> tuple[Column, ...]:
        """Its columns."""
        return tuple(bound.column.column for bound in self.columns)

    @cached_property
    def usual(self) -> bool:
        """Whether it has the default columns."""
        return [column.key for column in self.catalogue] == [column.key for column in DEFAULT]

    @cached_property
    def sized(self) -> bool:
        """Whether a column has another width than the default."""
        return any(column.width for column in self.catalogue)

    @cached_property
    def ends(self) -> bool:
        """Whether the message is its last column, which then also holds the actions."""
        return self.catalogue[-1].key == "message"

    @cached_property
    def cells(self) -> list[tuple[Column, SafeString]]:
        """Its columns, each with the attributes of its cells."""
        return [(column, _attributes(column, labelled=not self.usual)) for column in self.catalogue]


def _attributes(column: Column, *, labelled: bool) -> SafeString:
    pattern = 'class="col-{} {}"' if column.width else "class=col-{}"
    kind = format_html(pattern, column.key, column.width)
    if not labelled or column.key in UNLABELLED:
        return kind
    return format_html('{} data-label="{}"', kind, column.label)
