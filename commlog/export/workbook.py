"""Excel files by openpyxl's write-only workbook, which keeps one row in memory."""

import os
import re
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from functools import partial
from typing import IO, Any, cast
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.cell.rich_text import CellRichText
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.writer.excel import ExcelWriter

from commlog.export import cells
from commlog.export.about import About, Notes
from commlog.export.plans import Part, names_of
from commlog.export.watched import Watched

ABOUT, MESSAGES = "About", "Messages"
_MOMENT, _DAY = "yyyy-mm-dd hh:mm:ss", "yyyy-mm-dd"
_BOLD = Font(bold=True)
_ESCAPE = re.compile(r"(?<=_)(?=x[0-9A-Fa-f]{4}_)")  # Excel reads _x0041_ as the letter A


class ExcelFile:
    """Writes the sheets. `room`: the cells that each column has for its longest text."""

    def __init__(
        self,
        target: IO[bytes],
        parts: Sequence[Part],
        room: Sequence[int],
        *,
        zone: tzinfo,
        timestamps: bool,
        most: int = cells.ROWS,
    ) -> None:
        self.notes = Notes(sheet_rows=most)
        self._target, self._parts, self._room, self._zone = target, parts, room, zone
        self._timestamps = timestamps
        self._in_pieces = sum(room) > len(room)
        names = names_of(parts)
        self._plan = [
            (part.getter(names), partial(self._moment, part) if part.moment else self._value)
            for part in parts
        ]
        self._book = Workbook(write_only=True)
        self._begin_sheet()

    def append(self, row: Sequence[Any]) -> None:
        if self._rows == self.notes.sheet_rows:
            self._end_sheet()
            self._begin_sheet()
        self._rows += 1
        self.notes.rows += 1
        written = [put(get(row)) for get, put in self._plan]
        self._sheet.append(self._spread(written) if self._in_pieces else written)

    def finish(self, about: About, watch: Callable[[], None] = lambda: None) -> None:
        """Write the file, the sheet About first. `watch` is called while it is packed."""
        self._end_sheet()
        sheet = self._book.create_sheet(ABOUT, 0)
        sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 26, 100
        for label, value in about.lines(self.notes):
            content = cells.cell(value, self._zone)
            pieces = (
                [_as_text(sheet, piece) for piece in cells.parts(content)]
                if isinstance(content, str)
                else [content]
            )
            sheet.append([_head(sheet, cells.clean(label)), *pieces])
        sheet.close()
        self._book.active = 1  # it opens on its rows
        # As Workbook.save does it, except that a stop on the way leaves no half-open archive behind.
        with ZipFile(cast(IO[bytes], Watched(self._target, watch)), "w", ZIP_DEFLATED) as archive:
            ExcelWriter(self._book, archive).save()

    def abandon(self) -> None:
        """Delete openpyxl's unpacked files, which would otherwise stay until the process ends."""
        for sheet in cast(list[Any], self._book.worksheets):
            if not sheet.closed:
                sheet.close()
            if os.path.exists(sheet._writer.out):
                sheet._writer.cleanup()

    def _value(self, value: object) -> Any:
        """Return a value for the sheet: mostly texts, and most of those unchanged."""
        content = cells.cell(value, self._zone)
        if not isinstance(content, str):
            return content
        if content is not value and isinstance(value, str):
            self.notes.written_out += cells.is_written_out(value)
        if cells.plain(content):
            return content or None
        pieces = [_as_text(self._sheet, piece) for piece in cells.parts(content)]
        if len(pieces) == 1:
            return pieces[0]
        self._in_pieces = True
        self.notes.split += 1
        return pieces

    def _moment(self, part: Part, value: object) -> Cell | str | None:
        if not isinstance(value, datetime):
            return None
        local = cells.moment(value, self._zone)
        shown = local if self._timestamps else local.date()
        if local.year < cells.FIRST_YEAR:
            return str(shown)
        self._stamps[part].value = shown
        return self._stamps[part]

    def _spread(self, written: Sequence[Any]) -> list[Any]:
        """Return a cell per piece of a text. Pieces beyond the room measured before go to the end of the
        row.
        """
        line, over = [], []
        for content, room in zip(written, self._room, strict=True):
            pieces = content if isinstance(content, list) else [content]
            line += [*pieces[:room], *[None] * (room - len(pieces))]
            over += pieces[room:]
        return line + over

    def _begin_sheet(self) -> None:
        self.notes.sheets += 1
        number = self.notes.sheets
        self._sheet: Any = self._book.create_sheet(MESSAGES if number == 1 else f"{MESSAGES} {number}")
        self._rows = 0
        self._stamps = {part: self._stamp() for part in self._parts if part.moment}
        self._sheet.freeze_panes = "A2"
        heads = [
            (part, piece)
            for part, room in zip(self._parts, self._room, strict=True)
            for piece in range(1, room + 1)
        ]
        for place, (part, _) in enumerate(heads, 1):
            self._sheet.column_dimensions[get_column_letter(place)].width = part.width
        self._sheet.append(
            [
                _head(self._sheet, part.label if piece == 1 else f"{part.label} ({piece})")
                for part, piece in heads
            ]
        )

    def _stamp(self) -> Cell:
        """Return a cell reused for every time: styling a cell costs more than writing it."""
        made = WriteOnlyCell(self._sheet)
        made.number_format = _MOMENT if self._timestamps else _DAY
        return made

    def _end_sheet(self) -> None:
        self._sheet.auto_filter.ref = f"A1:{get_column_letter(sum(self._room))}{self._rows + 1}"
        self._sheet.close()


def _as_text(sheet: Any, text: str) -> Cell:
    """Return a cell that holds the text as text, never as a formula, an error or an escaped letter."""
    pieces = _ESCAPE.split(text)
    made = WriteOnlyCell(sheet)
    # Of several runs each is decoded by itself.
    made.value = CellRichText(pieces) if len(pieces) > 1 else text
    made.data_type = "s"
    made.quotePrefix = text.startswith("=")  # it stays a text when somebody edits the cell
    return made


def _head(sheet: Any, label: str) -> Cell:
    made = _as_text(sheet, label)
    made.font = _BOLD
    return made
