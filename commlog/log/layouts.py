"""Which columns somebody sees: what the address says, else what the user chose for this kind of log, else the usual ones."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import QueryDict

from commlog.log.address import COLUMNS, TIMESTAMPS
from commlog.log.columns import CATALOGUE, DEFAULT, Column, columns_of
from commlog.models import ColumnLayout, User
from commlog.models.column_layout import LogKind


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns in order, and whether moments are written with their time."""

    columns: tuple[Column, ...] = DEFAULT
    timestamps: bool = True

    @property
    def keys(self) -> list[str]:
        """The keys of the columns."""
        return [column.key for column in self.columns]

    @property
    def hidden(self) -> list[Column]:
        """The other columns, by alphabet."""
        return sorted((column for column in CATALOGUE.values() if column not in self.columns), key=lambda column: column.label.lower())

    def moved(self, key: str, by: int) -> "Layout":
        """The same with that column one place further up (-1) or down (1)."""
        keys = self.keys
        if key not in keys or not 0 <= keys.index(key) + by < len(keys):
            return self
        here = keys.index(key)
        keys[here], keys[here + by] = keys[here + by], keys[here]
        return Layout(columns_of(keys), self.timestamps)


def layout_of(user: User, kind: LogKind) -> Layout:
    """What the user chose for this kind of log. A column that exists no more is left out."""
    row = ColumnLayout.objects.filter(user=user, kind=kind).first()
    return Layout(columns_of(row.columns) or DEFAULT, row.timestamps) if row else Layout()


def layout_in(params: QueryDict, own: Layout) -> Layout:
    """What the address says: a view's columns, or columns that are tried out. Without any, the user's own."""
    columns = columns_of([key.strip() for key in str(params.get(COLUMNS, "")).split(",")])
    return Layout(columns, params.get(TIMESTAMPS, "1") != "0") if columns else own


def unknown(params: QueryDict) -> list[str]:
    """The columns that an address names and that do not exist."""
    return [key for key in map(str.strip, str(params.get(COLUMNS, "")).split(",")) if key and key not in CATALOGUE]


def remember(user: User, kind: LogKind, layout: Layout) -> None:
    """Keep the user's choice. The usual columns need no row."""
    if layout == Layout():
        ColumnLayout.objects.filter(user=user, kind=kind).delete()
    else:
        ColumnLayout.objects.update_or_create(user=user, kind=kind, defaults={"columns": layout.keys, "timestamps": layout.timestamps})


def as_params(layout: Layout) -> dict[str, str]:
    """As an address says it."""
    return {COLUMNS: ",".join(layout.keys)} | ({} if layout.timestamps else {TIMESTAMPS: "0"})


def with_columns(address: str, layout: Layout) -> str:
    """The address of a log with its columns written out, whatever its reader or its view chooses later."""
    path, _, query = address.partition("?")
    params = QueryDict(query, mutable=True)
    params.pop(TIMESTAMPS, None)
    for name, value in as_params(layout).items():
        params[name] = value
    return f"{path}?{params.urlencode()}"


def chosen(order: Sequence[str], shown: Sequence[str], *, timestamps: bool) -> Layout:
    """What a form says: all columns in their order, and which of them are ticked."""
    return Layout(columns_of([key for key in order if key in set(shown)]), timestamps)
