"""Outages of the demo's stand-ins, played from its dashboard or by manage.py outage."""

from pathlib import Path

from django.conf import settings
from django.db.models import TextChoices

from commlog.demo.environment import DATABASE
from commlog.demo.place import CHANNELS, Place
from commlog.demo.standins.journal import DOWN, REFUSING


class Outage(TextChoices):
    """What the stand-ins do."""

    DOWN = DOWN, "Down: messages wait and are sent after recovery"
    REFUSING = REFUSING, "Refusing: messages fail and have to be resent"
    NONE = "none", "Working"


def place() -> Place | None:
    """The demo that this installation is; None where it is none."""
    database = Path(str(settings.DATABASES["default"]["NAME"]))
    found = Place(database.parent) if database.name == DATABASE else None
    return found if found and found.is_made else None


def played(at: Place) -> Outage:
    """What is being played on all channels."""
    flags = [at.flag(channel) for channel in CHANNELS]
    if not all(flag.exists() for flag in flags):
        return Outage.NONE
    return Outage.REFUSING if all(flag.read_text() == Outage.REFUSING for flag in flags) else Outage.DOWN


def play(at: Place, outage: Outage, channels: tuple[str, ...] = tuple(CHANNELS)) -> None:
    """Have the stand-ins of these channels do so from now on."""
    for channel in channels:
        flag = at.flag(channel)
        if outage == Outage.NONE:
            flag.unlink(missing_ok=True)
        else:
            flag.write_text(outage)
