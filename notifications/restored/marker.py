"""Markers outside the database, by which a database restored from a backup is noticed.

There is a small file in MARKER_DIRECTORY for each database, named by the random id inside it. It holds the
last permit and the last result that this machine has seen: committed rows, never sequences, which may jump. A
database that lacks one of them is older than the one that was seen; a standby that took over without a loss
has both. A machine that has seen less knows less. A marker that cannot be read or written holds nothing back.
"""

import json
import logging
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from django.conf import settings

from notifications.models import Attempt, newest_id
from notifications.process import this_process
from notifications.restored import small_file

# Attempts by id, among which are the latest permit and the latest result: a claim lives for seconds.
_NEWEST = 1_000
_LONGEST = 1_000  # characters of a file

logger = logging.getLogger(__name__)
_unwritable: set[str] = this_process.keep(set())  # what was said about it already


@dataclass(frozen=True, slots=True)
class Seen:
    """An attempt, and the time of its permit or result."""

    attempt: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Position:
    """A database's position: its latest permit to send and its latest result, or None."""

    permit: Seen | None = None
    result: Seen | None = None

    @classmethod
    def present(cls) -> Self:
        """Return the committed position of the database. Call it outside transactions."""
        newest = Attempt.objects.filter(pk__gt=newest_id(Attempt) - _NEWEST)
        return cls(*(_latest(newest, column) for column in ("permitted_at", "finished_at")))

    @property
    def is_lacking(self) -> bool:
        """Whether the database lacks the rows named here.

        It is then older than the one in which they were seen.
        """
        wanted = {each.attempt for each in (self.permit, self.result) if each}
        found = {
            pk: times
            for pk, *times in Attempt.objects.filter(pk__in=wanted).values_list(
                "pk", "permitted_at", "finished_at"
            )
        }
        none = [None, None]
        return any(
            each is not None and found.get(each.attempt, none)[place] != each.at
            for place, each in enumerate((self.permit, self.result))
        )


def _latest(attempts: Any, column: str) -> Seen | None:
    found = (
        attempts.filter(**{f"{column}__isnull": False})
        .order_by(f"-{column}")
        .values_list("pk", column)
        .first()
    )
    return Seen(*found) if found else None


def read(key: UUID) -> Position | None:
    """Return the position that this machine last saw of the database with that id, or None."""
    try:
        said = json.loads(_file(key).read_text()[:_LONGEST])
        return Position(
            **{
                name: Seen(int(one["attempt"]), datetime.fromisoformat(one["at"]))
                for name, one in said.items()
                if one
            }
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        _say(
            f"the marker {_file(key)} cannot be read ({type(error).__name__}): a restored database is not "
            "noticed"
        )
        return None


def write(key: UUID, position: Position) -> None:
    """Store the position."""
    file = _file(key)
    try:
        small_file.write(file, asdict(position))
    except OSError as error:
        _say(f"the marker {file} cannot be written ({error.strerror}): a restored database is not noticed")


def _file(key: UUID) -> Path:
    return Path(settings.MARKER_DIRECTORY) / f"{key.hex}.json"


def _say(text: str) -> None:
    """Log a text once per process: the attempt is repeated every second."""
    if text not in _unwritable:
        _unwritable.add(text)
        logger.warning(text)
