"""Which columns somebody sees: the address's, else the user's for this kind of log, else the usual."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from django.db.models import QuerySet

from commlog.kit.written import Written
from commlog.log.columns import CATALOGUE, DEFAULT, Column, columns_of
from commlog.models import ColumnLayout, User
from commlog.models.column_layout import LogKind


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns in order, each with its width; whether moments have their time, and rows are low."""

    columns: tuple[Column, ...] = DEFAULT
    timestamps: bool = True
    compact: bool = False

    @property
    def keys(self) -> list[str]:
        """The keys of the columns, with their widths."""
        return [column.spelling for column in self.columns]

    @property
    def hidden(self) -> list[Column]:
        """The other columns, by alphabet."""
        shown = {column.key for column in self.columns}
        return sorted(
            (column for column in CATALOGUE.values() if column.key not in shown),
            key=lambda column: column.label.lower(),
        )

    def moved(self, key: str, by: int) -> "Layout":
        """The same with that column one place further up (-1) or down (1)."""
        columns = list(self.columns)
        here = next((place for place, column in enumerate(columns) if column.key == key), -1)
        if here < 0 or not 0 <= here + by < len(columns):
            return self
        columns[here], columns[here + by] = columns[here + by], columns[here]
        return replace(self, columns=tuple(columns))


def layout_of(user: User, kind: LogKind) -> Layout:
    """What the user chose for this kind of log. A column that exists no more is left out."""
    for row in _CHOSEN[kind].rows(user.pk):
        return Layout(columns_of(row.columns) or DEFAULT, row.timestamps, row.compact)
    return Layout()


def _chosen_by(kind: LogKind, user_id: int) -> QuerySet[ColumnLayout]:
    return ColumnLayout.objects.filter(user=user_id, kind=kind)


_CHOSEN = {kind: Written(partial(_chosen_by, kind)) for kind in LogKind}


def layout_in(keys: Sequence[str], own: Layout, *, timestamps: bool, compact: bool) -> Layout:
    """The columns an address names, a view's or tried ones; else the user's own."""
    columns = columns_of(keys)
    return Layout(columns, timestamps, compact) if columns else own


def keys_in(text: str) -> tuple[str, ...]:
    """Return the keys of columns that an address writes so."""
    return tuple(key for part in text.split(",") if (key := part.strip()))


def remember(user: User, kind: LogKind, layout: Layout) -> None:
    """Keep the user's choice. The usual columns need no row."""
    if layout == Layout():
        ColumnLayout.objects.filter(user=user, kind=kind).delete()
    else:
        ColumnLayout.objects.update_or_create(
            user=user,
            kind=kind,
            defaults={
                "columns": layout.keys,
                "timestamps": layout.timestamps,
                "compact": layout.compact,
            },
        )


def chosen(
    order: Sequence[str], shown: Sequence[str], widths: Mapping[str, str], *, timestamps: bool, compact: bool
) -> Layout:
    """What a form says: all columns in their order, which of them are ticked, and how wide they are."""
    spelled = [f"{key}:{widths.get(key, '')}" for key in order if key in set(shown)]
    return Layout(columns_of(spelled), timestamps, compact)
