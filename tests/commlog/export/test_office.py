"""The file in an office suite that is not ours: opened by LibreOffice, where there is one."""

import csv
import io
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from commlog.export.about import About
from commlog.export.plans import Part
from commlog.export.workbook import ExcelFile

SOFFICE = shutil.which("soffice")
SHEETS_AS_CSV = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
AT = datetime(2026, 11, 24, 8, 14, 2, tzinfo=UTC)
TEXTS = [
    "=1+1",
    "+4917012345678",
    "#N/A",
    "_x0041_ and _x005F_x0041_",
    "  blanks  ",
    "two\nlines",
    "ünï 😀 €",
    "<b>&amp;</b>",
    "0012",
    "\x07bell",
]


@pytest.mark.skipif(SOFFICE is None, reason="no soffice here (Debian: libreoffice-calc-nogui)")
def test_libreoffice_reads_what_was_written(tmp_path: Path) -> None:
    parts = [Part("Text", ("content",)), Part("Created", ("created_at",), moment=True)]
    target = io.BytesIO()
    made = ExcelFile(target, parts, [1, 1], zone=ZoneInfo("Europe/Berlin"), timestamps=True, most=1_500)
    for number in range(2_000):
        made.append((TEXTS[number % len(TEXTS)], AT))
    made.finish(
        About("Communications", [], "Created, newest first", "/communications/", "Ada", AT, "Europe/Berlin")
    )
    (tmp_path / "made.xlsx").write_bytes(target.getvalue())
    command = [
        str(SOFFICE),
        "--headless",
        f"-env:UserInstallation=file://{tmp_path}/profile",
        "--convert-to",
        SHEETS_AS_CSV,
    ]
    subprocess.run(
        [*command, "--outdir", str(tmp_path), str(tmp_path / "made.xlsx")],
        check=True,
        capture_output=True,
        timeout=100,
    )
    sheets = {}
    for name in ("About", "Messages", "Messages 2"):
        sheets[name] = list(
            csv.reader(io.StringIO((tmp_path / f"made-{name}.csv").read_text("utf-8"), newline=""))
        )
    first, second = sheets["Messages"], sheets["Messages 2"]
    assert (first[0], len(first), len(second)) == (["Text", "Created"], 1_501, 501)
    assert [row[0] for row in first[1 : len(TEXTS) + 1]] == [*TEXTS[:-1], "⟨U+0007⟩bell"]
    assert {row[1] for row in first[1:]} == {"2026-11-24 09:14:02"}
    assert ["Messages", "2000"] in [row[:2] for row in sheets["About"]]
