"""What a cell holds is what the log shows: written to a file, and read back by somebody else's reader."""

import csv
import io
import re
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.utils.datetime import to_excel

from commlog.export import cells
from commlog.export.about import About
from commlog.export.csv_file import CommaFile
from commlog.export.plans import Part
from commlog.export.workbook import ExcelFile

BERLIN = ZoneInfo("Europe/Berlin")
AT = datetime(2026, 11, 24, 8, 14, 2, tzinfo=UTC)
ABOUT = About("Communications", [], "Created, newest first", "/communications/", "Ada", AT, "Europe/Berlin")
TEXT = Part("Text", ("content",))
IMPOSSIBLE = frozenset((*range(9), 11, 12, *range(14, 32), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF))
FEW = settings(max_examples=20, deadline=None)  # each of them a file of many texts
# What spreadsheets run, refuse, decode or cut, more often than chance would bring it.
_WORDS = [
    "=1+1",
    "=",
    "+4917",
    "-1",
    "@SUM(A1)",
    "'quoted",
    "#N/A",
    "#DIV/0!",
    "_x0041_",
    "_x005F_x0041_",
    "_x000D_",
    "<b>&amp;",
    "]]>",
    "12",
]
_LETTERS = ',;"\r\n\t \0\x07\x1b\ud800\udfff\ufffe\uffff😀\u202e\u0085\u2028=＝+-@|\u00a0\u200b\ufeff'
RUN = ("=", "＝", "+", "＋", "-", "－", "@", "＠", "|")  # what makes a field of a CSV file a formula
DROPPED = ' \t\r\n"\u00a0\u200b\ufeff\u202e\u0085\u2028'  # what a reader may pass over before it looks
HOSTILE = st.sampled_from([*_WORDS, *_LETTERS, "\r\n"])
TEXTS = st.lists(st.one_of(HOSTILE, st.text(st.characters(), max_size=20)), max_size=6).map("".join)


def shown(text: str) -> str:
    """The text as a page shows it, said another way than the code says it: line ends are one, the impossible
    is written out.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(f"⟨U+{ord(letter):04X}⟩" if ord(letter) in IMPOSSIBLE else letter for letter in text)


def written(
    rows: Sequence[Sequence[Any]], parts: Sequence[Part] = (TEXT,), room: Sequence[int] = (), **options: Any
) -> Workbook:
    """The rows as an Excel file, read by openpyxl."""
    target = io.BytesIO()
    made = ExcelFile(target, parts, room or [1] * len(parts), zone=BERLIN, **({"timestamps": True} | options))
    for row in rows:
        made.append(row)
    made.finish(ABOUT)
    return load_workbook(target)


def from_field(field: str) -> str:
    """The text that was written, read as docs/how-it-works.md tells programs to."""
    document = (Path(__file__).parents[3] / "docs" / "how-it-works.md").read_text()
    (pattern, by) = re.findall(r're\.sub\("(.+)", r"(.+)", field\)', document)[0]
    return re.sub(pattern.encode().decode("unicode_escape"), by, field)


def comma_file(rows: Sequence[Sequence[str]]) -> str:
    """The texts as a CSV file."""
    target = io.BytesIO()
    parts = [Part(name, (name,)) for name in ("destination", "subject", "content")]
    made = CommaFile(target, parts, [1, 1, 1], zone=BERLIN, timestamps=True)
    for row in rows:
        made.append(row)
    made.finish(ABOUT)
    return target.getvalue().decode("utf-8-sig")


def repr_start(text: str) -> str:
    """How a text begins, as a test is called by it."""
    return repr(text[:4])


def about(book: Workbook) -> dict[str, Any]:
    return {str(label): value for label, value in book["About"].iter_rows(max_col=2, values_only=True)}


@FEW
@given(st.lists(TEXTS, min_size=20, max_size=40))
def test_any_text_is_read_back_as_the_log_shows_it(texts: list[str]) -> None:
    sheet = written([(text,) for text in texts])["Messages"]
    assert [sheet.cell(row, 1).value or "" for row in range(2, len(texts) + 2)] == [
        shown(text) for text in texts
    ]
    assert {
        cell.data_type for row in sheet.iter_rows(min_row=2) for cell in row if cell.value is not None
    } <= {"s"}


@pytest.mark.parametrize("text", ["_x0041_", "a_x000D_b_x005F_x0041_", "_x00e4_x00E4_", "__x0041__"])
def test_no_piece_of_a_text_is_decoded_as_a_letter(text: str) -> None:
    """Excel decodes _x0041_ to A wherever it stands in one piece; openpyxl does not, so what stands in the
    file is looked at.
    """
    target = io.BytesIO()
    made = ExcelFile(target, [TEXT], [1], zone=BERLIN, timestamps=True)
    made.append((text,))
    made.finish(ABOUT)
    xml = zipfile.ZipFile(target).read("xl/worksheets/sheet2.xml").decode()
    pieces = re.findall(r"<t[^>]*>([^<]*)</t>", xml)[1:]  # the first is the head
    assert "".join(pieces) == text
    assert [piece for piece in pieces if re.search("_x[0-9A-Fa-f]{4}_", piece)] == []


@FEW
@given(st.lists(TEXTS, min_size=20, max_size=40))
def test_any_text_comes_back_out_of_a_csv_file_and_runs_nowhere(texts: list[str]) -> None:
    target = io.BytesIO()
    made = CommaFile(target, [TEXT, TEXT], [1, 1], zone=BERLIN, timestamps=True)
    for text in texts:
        made.append((text,))
    made.finish(ABOUT)
    lines = list(csv.reader(io.StringIO(target.getvalue().decode("utf-8-sig"), newline="")))
    assert lines[0] == ["Text", "Text"]
    assert [from_field(field) for field, _ in lines[1:]] == [shown(text) for text in texts]
    assert [field for line in lines[1:] for field in line if field.startswith((*RUN, "\t", "\r", "\n"))] == []


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_NONE], ids=["quotes", "no quotes"])
@FEW
@given(st.lists(st.lists(TEXTS, min_size=3, max_size=3), min_size=10, max_size=20))
def test_nothing_runs_whatever_separates_fields(delimiter: str, quoting: Any, rows: list[list[str]]) -> None:
    content = comma_file(rows)
    for ends in ("", None):  # line ends as they are, or each of them one
        lines = csv.reader(io.StringIO(content, newline=ends), delimiter=delimiter, quoting=quoting)
        assert [field for line in lines for field in line if field.lstrip(DROPPED).startswith(RUN)] == []


@FEW
@given(st.lists(st.lists(TEXTS, min_size=3, max_size=3), min_size=10, max_size=20))
def test_no_line_of_a_csv_file_runs(rows: list[list[str]]) -> None:
    assert [line for line in comma_file(rows).splitlines() if line.lstrip(DROPPED).startswith(RUN)] == []


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("=1+2", "'=1+2"),
        ("Dear Bo;=1+2;bye", "Dear Bo;'=1+2;bye"),
        ("a, -1\tb;+2\n@x", "a,' -1\tb;'+2\n'@x"),
        ('a";=1+2', "a\";'=1+2"),
        (';"";"=1', ';"";\'"=1'),
        ("\u00a0\u200b=1", "'\u00a0\u200b=1"),
        ("a;＝1;＋1;－1;＠A", "a;'＝1;'＋1;'－1;'＠A"),
        ("|cmd", "'|cmd"),
        ("\ttab", "'\ttab"),
        ("a;\ttab", "a;'\ttab"),
        ("'quoted;'too, 'not", "''quoted;''too, 'not"),
        ("it's 1-2, a@b.org; 3|4", "it's 1-2, a@b.org; 3|4"),
        ("\t\tindented", "'\t\tindented"),
    ],
)
def test_how_a_csv_file_marks_what_may_run(text: str, field: str) -> None:
    assert cells.as_field(text) == field
    assert from_field(field) == text


def test_a_program_reads_a_csv_file_as_the_document_says() -> None:
    text = "'=1;'\t-2,\n\x85+3\u2028'it's"
    assert from_field(cells.as_field(text)) == text


@pytest.mark.parametrize(
    "text", ["\t" * 1_000_000, "," + " " * 1_000_000, '"' * 1_000_000, ";\n" * 500_000], ids=repr_start
)
def test_a_long_text_is_looked_through_once(text: str) -> None:
    assert from_field(cells.as_field(text)) == text


@FEW
@given(TEXTS.filter(bool), st.integers(1, 3), st.integers(-2, 2))
def test_a_text_too_long_for_a_cell_continues_beside_it(seed: str, times: int, off: int) -> None:
    text = (seed * (cells.LONGEST * times // len(seed) + 1))[: cells.LONGEST * times + off]
    pieces = cells.parts(cells.clean(text))
    assert "".join(pieces) == shown(text)
    assert max(len(piece.encode("utf-16-le")) // 2 for piece in pieces) <= cells.LONGEST


def test_pieces_stand_in_columns_of_their_own() -> None:
    long = "=" + "😀" * 40_000  # 80,001 of Excel's units
    parts = [Part("Before", ("subject",)), Part("Text", ("content",)), Part("After", ("event",))]
    book = written([("a", long, "b"), ("c", "short", "d")], parts, [1, 3, 1])
    rows = list(book["Messages"].iter_rows(values_only=True))
    assert rows[0] == ("Before", "Text", "Text (2)", "Text (3)", "After")
    assert ("".join(rows[1][1:4]), rows[1][0], rows[1][4]) == (long, "a", "b")
    assert rows[2] == ("c", "short", None, None, "d")
    assert about(book)["Long texts"].startswith("1 text has over 32,767 characters")


def test_a_text_that_grew_meanwhile_continues_at_the_end_of_its_row() -> None:
    parts = [Part("Text", ("content",)), Part("After", ("event",))]
    rows = list(written([("x" * 40_000, "b"), ("y", "d")], parts)["Messages"].iter_rows(values_only=True))
    assert (rows[1][1], rows[1][0] + rows[1][2], rows[2][:2]) == ("b", "x" * 40_000, ("y", "d"))


def test_more_messages_than_a_sheet_holds_continue_on_the_next() -> None:
    book = written([(str(number),) for number in range(7)], most=3)
    assert book.sheetnames == ["About", "Messages", "Messages 2", "Messages 3"]
    assert [[row[0] for row in book[name].iter_rows(values_only=True)] for name in book.sheetnames[1:]] == [
        ["Text", "0", "1", "2"],
        ["Text", "3", "4", "5"],
        ["Text", "6"],
    ]
    assert about(book)["Messages"] == 7
    assert about(book)["More than one sheet"] == "A sheet holds 3 messages, so the messages are on 3 sheets."


def test_a_sheet_can_be_worked_with() -> None:
    sheet = written(
        [("a", AT), ("b", None)], [TEXT, Part("Created", ("created_at",), moment=True, width=19)]
    )["Messages"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref, sheet.column_dimensions["B"].width) == (
        "A2",
        "A1:B3",
        19,
    )
    assert (sheet["B2"].value, sheet["B2"].is_date, sheet["B2"].number_format) == (
        datetime(2026, 11, 24, 9, 14, 2),
        True,
        "yyyy-mm-dd hh:mm:ss",
    )
    assert sheet["B3"].value is None


def test_without_timestamps_a_moment_is_its_day() -> None:
    late = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)  # the next day in Berlin
    sheet = written([(late,)], [Part("Created", ("created_at",), moment=True)], timestamps=False)["Messages"]
    assert (sheet["A2"].value, sheet["A2"].number_format) == (datetime(2026, 11, 25), "yyyy-mm-dd")


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (datetime(2026, 12, 31, 22, 59, 59, 600_000, tzinfo=UTC), datetime(2026, 12, 31, 23, 59, 59)),
        (datetime(2026, 12, 31, 22, 59, 59, 999_999, tzinfo=UTC), datetime(2026, 12, 31, 23, 59, 59)),
        (
            datetime(2026, 3, 29, 0, 59, 59, 999_999, tzinfo=UTC),
            datetime(2026, 3, 29, 1, 59, 59),
        ),  # the last second before the clocks go on
        (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 3, 29, 3)),
        (datetime(2026, 10, 25, 0, 59, 59, 500_000, tzinfo=UTC), datetime(2026, 10, 25, 2, 59, 59)),
        (datetime(1969, 12, 31, 22, 59, 59, 999_999, tzinfo=UTC), datetime(1969, 12, 31, 23, 59, 59)),
        (datetime(1900, 1, 1, 12, 0, 0, 999_999, tzinfo=UTC), datetime(1900, 1, 1, 13)),
        # Excel shows no such day
        (datetime(1899, 6, 1, 12, 0, 0, 999_999, tzinfo=UTC), "1899-06-01 13:00:00"),
    ],
)
def test_a_moment_is_the_second_that_the_log_shows(at: datetime, shown: datetime | str) -> None:
    cell = written([(at,)], [Part("Created", ("created_at",), moment=True)])["Messages"]["A2"]
    assert cell.value == shown
    if isinstance(cell.value, datetime):
        assert round(to_excel(cell.value) * 86_400) == to_excel(cell.value) * 86_400


def test_a_csv_file_keeps_the_fractions_of_a_moment_and_rounds_none_up() -> None:
    target = io.BytesIO()
    made = CommaFile(
        target, [Part("Created", ("created_at",), moment=True)], [1], zone=BERLIN, timestamps=True
    )
    made.append((datetime(2026, 12, 31, 22, 59, 59, 999_999, tzinfo=UTC),))
    made.finish(ABOUT)
    assert target.getvalue().decode("utf-8-sig").splitlines()[1] == "2026-12-31 23:59:59.999+01:00"


def test_what_was_written_otherwise_is_said() -> None:
    told = about(written([("a\x07b",), ("line\r\nend",), ("⟨U+0007⟩",)]))["Characters written out"]
    assert re.match(r"1 cell holds characters that no spreadsheet can hold", told)
    assert "Characters written out" not in about(written([("line\r\nend",)]))


def test_what_is_no_value_of_a_log_is_refused() -> None:
    with pytest.raises(TypeError, match="No cell can hold bytes"):
        cells.cell(b"", BERLIN)
