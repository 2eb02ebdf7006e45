"""CSV exports: UTF-8 with a byte order mark for Excel, commas, every text whole."""

import csv
import io
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import IO, Any

from commlog.export import cells
from commlog.export.about import About, Notes
from commlog.export.plans import Part, names_of


class CommaFile:
    """Writes the lines. The job and the audit trail describe the file."""

    def __init__(
        self, target: IO[bytes], parts: Sequence[Part], room: Sequence[int], *, zone: tzinfo, timestamps: bool
    ) -> None:
        self.notes = Notes(sheets=1)
        self._zone, self._timestamps = zone, timestamps
        names = names_of(parts)
        self._plan = [(part.getter(names), self._moment if part.moment else self._value) for part in parts]
        self._text = io.TextIOWrapper(target, encoding="utf-8-sig", newline="", write_through=True)
        self._lines = csv.writer(self._text)
        self._lines.writerow([cells.as_field(part.label) for part in parts])

    def append(self, row: Sequence[Any]) -> None:
        self.notes.rows += 1
        self._lines.writerow([put(get(row)) for get, put in self._plan])

    def finish(self, about: About, watch: Callable[[], None] = lambda: None) -> None:
        self._text.detach()

    def abandon(self) -> None:
        """Do nothing: there is only the target."""

    def _value(self, value: object) -> Any:
        content = cells.cell(value, self._zone)
        return cells.as_field(content) if isinstance(content, str) else content

    def _moment(self, value: object) -> str:
        """Return the time with its offset, since no sheet can name the zone."""
        if not isinstance(value, datetime):
            return ""
        local = value.astimezone(self._zone)
        return (
            local.isoformat(sep=" ", timespec="milliseconds")
            if self._timestamps
            else local.date().isoformat()
        )
