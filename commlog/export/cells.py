"""What a cell may hold: what spreadsheets refuse, cut, run or read otherwise is known here alone.

`cell()` makes what both formats hold: the log's text, but for line feeds as line ends and characters that no
spreadsheet can hold, written out as `⟨U+0007⟩`.
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
    """Clean text, a number, or a moment in the organisation's zone (spreadsheets know no zones)."""
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
    """The second on the organisation's clocks. Rounded up, New Year's Eve became the next year."""
    return at.astimezone(zone).replace(tzinfo=None, microsecond=0)


def clean(text: str) -> str:
    """The text without what no spreadsheet can hold; nothing of it disappears."""
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
    """Whether the text holds what no cell can; line ends are another matter."""
    return bool(_ILLEGAL.search(_RETURN.sub("\n", text)))


def parts(text: str) -> list[str]:
    """The text in pieces that a cell can hold; joined, they are the text."""
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
    """Whether a sheet takes the text for the text that it is, and in one cell."""
    return len(text) <= LONGEST // 2 and text[:1] not in ("=", "#") and "_x" not in text


def as_field(text: str) -> str:
    """The text as a field of a CSV file in which nothing runs: an apostrophe stands wherever a field that may
    be run could begin.

    That is at its start, and behind each comma, semicolon, tab and line end. docs/how-it-works.md says how a
    program takes them away again.
    """
    marked = _INSIDE.sub(r"\g<0>'", text)
    return f"'{marked}" if _AT_START.match(text) else marked
