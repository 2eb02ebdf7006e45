"""How the organisation writes a day, and how one that is typed is read: as it writes it, or as ISO 8601."""

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
_LONGEST = 20


def written(day: date) -> str:
    """The day as pages show it: `24 Nov 2026`, or `24.11.2026`."""
    chosen = settings.ORGANISATION_DATE_FORMAT
    # The named format is most pages' and is asked for two hundred times a page.
    return f"{day.day} {day:%b %Y}" if chosen == _NAMED else day.strftime(FORMATS[chosen])


def read(text: str) -> date | None:
    """The day that was typed; None where it is none. ISO is always read."""
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
    """A day that was typed as the organisation writes it, in ISO; anything else as it is."""
    day = read(text)
    return day.isoformat() if day else text


def shown(text: str) -> str:
    """A day in ISO as the organisation writes it; anything else as it is."""
    try:
        return written(date.fromisoformat(text)) if len(text) == 10 else text
    except ValueError:
        return text
