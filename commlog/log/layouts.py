"""Which columns somebody sees: what the address says, else what the user chose for this kind of log, else the
usual ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

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
        return sorted(
            (column for column in CATALOGUE.values() if column not in self.columns),
            key=lambda column: column.label.lower(),
        )

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


def layout_in(keys: Sequence[str], own: Layout, *, timestamps: bool) -> Layout:
    """Return the columns that an address names: a view's, or such as are tried out.

    Without any, the user's own.
    """
    columns = columns_of(keys)
    return Layout(columns, timestamps) if columns else own


def keys_in(text: str) -> tuple[str, ...]:
    """Return the keys of columns that an address writes so."""
    return tuple(key for part in text.split(",") if (key := part.strip()))


def remember(user: User, kind: LogKind, layout: Layout) -> None:
    """Keep the user's choice. The usual columns need no row."""
    if layout == Layout():
        ColumnLayout.objects.filter(user=user, kind=kind).delete()
    else:
        ColumnLayout.objects.update_or_create(
            user=user, kind=kind, defaults={"columns": layout.keys, "timestamps": layout.timestamps}
        )


def chosen(order: Sequence[str], shown: Sequence[str], *, timestamps: bool) -> Layout:
    """What a form says: all columns in their order, and which of them are ticked."""
    return Layout(columns_of([key for key in order if key in set(shown)]), timestamps)
