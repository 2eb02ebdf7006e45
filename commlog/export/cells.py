"""Cell values: everything that spreadsheets refuse, truncate, execute or misread is handled here.

`cell()` returns the text of both formats: the log's, with line feeds as line ends, and characters that no
spreadsheet can hold written out as `⟨U+0007⟩`.
"""

import re
from datetime import datetime, tzinfo
from uuid import UUID

Content = str | int | datetime | None
LONGEST = 32_767  # of a cell, in the UTF-16 units that Excel counts: an emoji is two
ROWS = 1_048_575  # of a sheet, its header not counted
FIRST_YEAR = 1900  # Excel counts days from then on, and shows no earlier one
_RETURN = re.compile(r"\r\n?")
_ILLEGAL = re.compile("[\0-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
_CONTROLS = bytes({*range(32)} - {9, 10})
# A CSV file does not name its separator. Where spreadsheets use the semicolon or the tab, a field may begin
# in the middle of one of ours; so may a line, because such a reader sees our quotes in other places. A tab at
# the start of a field is suspect by itself.
_SEPARATORS = ",;\n\x85\u2028\u2029"
# A field that begins so may be run, as a formula or as a call of another program.
_RUNS = "=＝﹦⁼₌+＋﹢⁺₊\\-－﹣@＠﹫|"
# Blanks, what has no width, and quotes: some readers drop them before they look for a formula.
_DROPPED = (
    '"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e'
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
)
# No separator among them, so that no text is looked through twice.
_BLANKS = f"(?:[{_DROPPED}]|[^\\S\\t{_SEPARATORS}])*"
_AT_START = re.compile(f"'|{_BLANKS}[\\t\\n{_RUNS}]")
_INSIDE = re.compile(f"[{_SEPARATORS}](?='|{_BLANKS}[\\t{_RUNS}])|\\t(?='|{_BLANKS}[{_RUNS}])")


def cell(value: object, zone: tzinfo) -> Content:
    """Return clean text, a number, or a time in the organisation's zone (spreadsheets have no zones)."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, datetime):
        return moment(value, zone)
    if isinstance(value, UUID):
        return value.hex
    if value is None or isinstance(value, int):
        return value
    raise TypeError(f"No cell can hold {type(value).__name__}.")


def moment(at: datetime, zone: tzinfo) -> datetime:
    """Return the second on the organisation's clocks, rounded down: up, New Year's Eve became the next
    year.
    """
    return at.astimezone(zone).replace(tzinfo=None, microsecond=0)


def clean(text: str) -> str:
    """Return the text with characters that no spreadsheet can hold written out."""
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        encoded = b"\0"  # half of a surrogate pair
    # The regular expression alone would take six times as long.
    if (
        len(encoded.translate(None, _CONTROLS)) == len(encoded)
        and "\ufffe" not in text
        and "\uffff" not in text
    ):
        return text
    return _ILLEGAL.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", _RETURN.sub("\n", text))


def is_written_out(text: str) -> bool:
    """Return whether characters of the text have to be written out; line ends do not count."""
    return bool(_ILLEGAL.search(_RETURN.sub("\n", text)))


def parts(text: str) -> list[str]:
    """Split the text into pieces that fit into a cell; joined, they are the text."""
    if len(text) <= LONGEST // 2:
        return [text]
    pieces, units, start = [], 0, 0
    for place, letter in enumerate(text):
        wide = 2 if letter > "\uffff" else 1
        if units + wide > LONGEST:
            pieces.append(text[start:place])
            start, units = place, 0
        units += wide
    return [*pieces, text[start:]]


def plain(text: str) -> bool:
    """Return whether the text fits into one cell and is not misread there."""
    return len(text) <= LONGEST // 2 and text[:1] not in ("=", "#") and "_x" not in text


def as_field(text: str) -> str:
    """Return the text as a CSV field that nothing executes, by apostrophes before every possible formula.

    That is at its start, and after each comma, semicolon, tab and line end, where a field may begin.
    docs/how-it-works.md says how a program removes them.
    """
    marked = _INSIDE.sub(r"\g<0>'", text)
    return f"'{marked}" if _AT_START.match(text) else marked
