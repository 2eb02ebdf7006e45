"""The catalogue of log columns. A new column is one line here and its cell template, `templates/log/cells/<key>.html`."""

from collections.abc import Iterable
from dataclasses import dataclass

from commlog.paging import Sorting


@dataclass(frozen=True, slots=True)
class Column:
    """What a column is called, what it reads, and how it sorts."""

    key: str
    label: str
    reads: tuple[str, ...]  # the model fields that its cell shows; nothing else is loaded
    order: tuple[str, ...] = ()  # the fields that it sorts by, before id; none: it cannot be sorted
    nullable: bool = False  # whether the field that it sorts by may be empty
    indexed: bool = False  # whether an index serves this order; else only lists of limited length are sorted by it
    newest_first: bool = False  # whether the first click on its head sorts downwards

    @property
    def cell(self) -> str:
        """The template of its cells."""
        return f"log/cells/{self.key}.html"

    def sorting(self, *, descending: bool) -> Sorting:
        """The order by this column."""
        return Sorting(self.key, self.order, descending=descending, nullable=self.nullable)


_LIFE = ("state", "outcome", "failure_reason", "waiting_reason", "due_at", "failures", "possible_duplicate")

CATALOGUE = {
    column.key: column
    for column in (
        Column("state", "State", _LIFE, order=("state", "created_at")),
        Column("sender", "Sent by", ("sender", "resent_by"), order=("sender",)),
        Column("created", "Created", ("created_at",), order=("created_at",), indexed=True, newest_first=True),
        Column("sent", "Sent", ("sent_at",), order=("sent_at",), nullable=True, newest_first=True),
        Column("type", "Type", ("type",), order=("type",)),
        Column("recipient", "Sent to", ("recipient_name",), order=("recipient_name",)),
        Column("destination", "Destination", ("destination",)),
        Column("message", "Message", ("subject",)),
    )
}
DEFAULT = tuple(CATALOGUE.values())
DEFAULT_SORTING = CATALOGUE["created"].sorting(descending=True)
# What rows need whatever columns are shown: their address, Resend and the mark of earlier resends.
_ALWAYS = ("id", "key", "type", "state", "outcome", "created_at", "sent_at", "destination", "first_id", "resend_of_id")


def fields_of(columns: Iterable[Column]) -> list[str]:
    """The model fields that a list with these columns loads. Never the whole text: rows may hold a megabyte each."""
    return sorted({*_ALWAYS, *(name for column in columns for name in column.reads)})


def sorting_for(alias: str) -> Sorting | None:
    """The order that a query string asks for (`created`, `-created`); None where there is no such order."""
    column = CATALOGUE.get(alias.removeprefix("-"))
    return column.sorting(descending=alias.startswith("-")) if column and column.order else None
