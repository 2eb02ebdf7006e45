"""Dates in the organisation's format: writing them, and reading typed ones in that format or ISO 8601."""

from datetime import date, datetime

from django.conf import settings

# What ORGANISATION_DATE_FORMAT may be, and the same for strftime.
FORMATS = {
    "d mmm yyyy": "%d %b %Y",
    "dd.mm.yyyy": "%d.%m.%Y",
    "dd/mm/yyyy": "%d/%m/%Y",
    "mm/dd/yyyy": "%m/%d/%Y",
    "dd-mm-yyyy": "%d-%m-%Y",
    "yyyy-mm-dd": "%Y-%m-%d",
}
_NAMED = "d mmm yyyy"
# A page writes hundreds of days, and strftime takes most of the time of each.
MONTHS = ("", *(f"{date(2000, month, 1):%b}" for month in range(1, 13)))
_LONGEST = 20


def written(day: date) -> str:
    """Return the day as pages show it: `24 Nov 2026`, or `24.11.2026`."""
    chosen = settings.ORGANISATION_DATE_FORMAT
    return f"{day.day} {MONTHS[day.month]} {day.year}" if chosen == _NAMED else day.strftime(FORMATS[chosen])


def read(text: str) -> date | None:
    """Return the day that was typed; None if it is none. ISO 8601 is always read."""
    meant = text.strip()
    if len(meant) > _LONGEST or not meant.isascii():
        return None
    for format in (FORMATS[settings.ORGANISATION_DATE_FORMAT], "%Y-%m-%d"):
        try:
            return datetime.strptime(meant, format).date()
        except ValueError:
            continue
    return None


def as_iso(text: str) -> str:
    """Return a day typed in the organisation's format in ISO 8601; any other text unchanged."""
    day = read(text)
    return day.isoformat() if day else text


def shown(text: str) -> str:
    """Return an ISO 8601 day in the organisation's format; any other text unchanged."""
    try:
        return written(date.fromisoformat(text)) if len(text) == 10 else text
    except ValueError:
        return text
