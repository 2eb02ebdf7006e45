"""The About sheet of an export: log, filter, user, time, size, and what was changed."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from commlog.export import cells

Line = tuple[str, str | int | datetime]


@dataclass(slots=True)
class Notes:
    """Remarks collected while the file was written."""

    rows: int = 0
    sheets: int = 0
    sheet_rows: int = cells.ROWS
    split: int = 0  # texts that one cell could not hold
    written_out: int = 0  # cells with characters that no cell can hold
    messages: "array[int]" = field(default_factory=lambda: array("q"))  # ids of those whose text it has


@dataclass(frozen=True, slots=True)
class About:
    """What is known before the export starts."""

    log: str
    conditions: Sequence[tuple[str, str]]
    order: str
    address: str  # of the log: path and query string, which hold the whole filter
    by: str
    at: datetime
    zone: str
    remarks: Sequence[str] = ()

    def lines(self, notes: Notes) -> list[Line]:
        lines: list[Line] = [("Log", self.log)]
        lines += [(f"Filter: {label}", value) for label, value in self.conditions] or [
            ("Filter", "none: every message")
        ]
        lines += [
            ("Order", self.order),
            ("Address", self.address),
            ("Messages", notes.rows),
            ("Exported by", self.by),
        ]
        lines += [("Exported at", self.at), ("Time zone", f"{self.zone}, of every time in this file")]
        return [*lines, *(("Remark", remark) for remark in self.remarks), *_remarks(notes)]


def _remarks(notes: Notes) -> list[Line]:
    """Return what somebody who compares the file with the log should know."""
    remarks: list[Line] = []
    if notes.sheets > 1:
        told = f"A sheet holds {notes.sheet_rows:,} messages, so the messages are on {notes.sheets} sheets."
        remarks.append(("More than one sheet", told))
    if notes.split:
        texts = "1 text has" if notes.split == 1 else f"{notes.split:,} texts have"
        told = (
            f"{texts} over {cells.LONGEST:,} characters, the most that a cell can contain, and continue "
            "in the columns to the right. Nothing is cut."
        )
        remarks.append(("Long texts", told))
    if notes.written_out:
        held = "1 cell holds" if notes.written_out == 1 else f"{notes.written_out:,} cells hold"
        told = f"{held} characters that no spreadsheet can hold. They are written out, such as ⟨U+0007⟩."
        remarks.append(("Characters written out", told))
    return remarks
