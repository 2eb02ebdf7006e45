"""How the organisation writes a day, and what of a typed one is read."""

from datetime import date
from typing import Any

import pytest

from notifications.text import days

DAY = date(2026, 11, 4)
WRITTEN = {
    "d mmm yyyy": "4 Nov 2026",
    "dd.mm.yyyy": "04.11.2026",
    "dd/mm/yyyy": "04/11/2026",
    "mm/dd/yyyy": "11/04/2026",
    "dd-mm-yyyy": "04-11-2026",
    "yyyy-mm-dd": "2026-11-04",
}


@pytest.mark.parametrize(("format", "text"), WRITTEN.items())
def test_what_is_written_is_read_and_iso_always(settings: Any, format: str, text: str) -> None:
    settings.ORGANISATION_DATE_FORMAT = format
    assert set(WRITTEN) == set(days.FORMATS)
    assert days.written(DAY) == days.shown("2026-11-04") == text
    assert days.read(text) == days.read(f" {text} ") == days.read("2026-11-04") == DAY
    assert days.as_iso(text) == "2026-11-04"


@pytest.mark.parametrize(
    "text",
    ["", "x", "31.02.2026", "2026-02-30", "٠٤.١١.٢٠٢٦", "04.11.26", "\0", "1" * 5_000, "2026-11-04T09:00"],
)
def test_what_is_no_day_stays_as_it_is(settings: Any, text: str) -> None:
    settings.ORGANISATION_DATE_FORMAT = "dd.mm.yyyy"
    assert days.read(text) is None
    assert days.as_iso(text) == days.shown(text) == text
