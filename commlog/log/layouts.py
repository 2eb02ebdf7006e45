"""Column layouts: from the URL, else the user's for this kind of log, else the default."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from django.db.models import QuerySet

from commlog.log.columns import CATALOGUE, DEFAULT, Column, columns_of
from commlog.models import ColumnLayout, User
from commlog.models.column_layout import LogKind
from notifications.database.cached_sql import CachedQuery


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns in order with widths; whether times show hours and minutes, and rows are compact."""

    columns: tuple[Column, ...] = DEFAULT
    timestamps: bool = True
    compact: bool = False

    @property
    def keys(self) -> list[str]:
        """The keys of the columns, with widths."""
        return [column.spelling for column in self.columns]

    @property
    def hidden(self) -> list[Column]:
        """The other columns, alphabetically."""
        shown = {column.key for column in self.columns}
        return sorted(
            (column for column in CATALOGUE.values() if column.key not in shown),
            key=lambda column: column.label.lower(),
        )

    def moved(self, key: str, by: int) -> "Layout":
        """Return the layout with one column moved up (-1) or down (1)."""
        columns = list(self.columns)
        here = next((place for place, column in enumerate(columns) if column.key == key), -1)
        if here < 0 or not 0 <= here + by < len(columns):
            return self
        columns[here], columns[here + by] = columns[here + by], columns[here]
        return replace(self, columns=tuple(columns))


def layout_of(user: User, kind: LogKind) -> Layout:
    """Return the user's layout of this kind of log. Columns that no longer exist are omitted."""
    for row in _CHOSEN[kind].rows(user.pk):
        return Layout(columns_of(row.columns) or DEFAULT, row.timestamps, row.compact)
    return Layout()


def _chosen_by(kind: LogKind, user_id: int) -> QuerySet[ColumnLayout]:
    return ColumnLayout.objects.filter(user=user_id, kind=kind)


_CHOSEN = {kind: CachedQuery(partial(_chosen_by, kind)) for kind in LogKind}


def layout_in(keys: Sequence[str], own: Layout, *, timestamps: bool, compact: bool) -> Layout:
    """Return the columns named in a URL, of a view or a preview; else the user's own."""
    columns = columns_of(keys)
    return Layout(columns, timestamps, compact) if columns else own


def keys_in(text: str) -> tuple[str, ...]:
    """Return the column keys in a URL parameter."""
    return tuple(key for part in text.split(",") if (key := part.strip()))


def remember(user: User, kind: LogKind, layout: Layout) -> None:
    """Store the user's layout. The default needs no row."""
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
    """Return what a form submits: all columns in order, those ticked, and their widths."""
    spelled = [f"{key}:{widths.get(key, '')}" for key in order if key in set(shown)]
    return Layout(columns_of(spelled), timestamps, compact)
