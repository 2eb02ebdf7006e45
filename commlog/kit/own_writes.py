"""Pages read from the replica if it has the reader's own last write."""

from collections.abc import Callable
from typing import TypeVar

from django.conf import settings
from django.http import HttpRequest

from commlog.kit.polls import poll_of
from notifications.database import replica

# Seconds for which a browser says what it wrote, beyond those after which a replica is not read anyway.
_LOOKS = 10
Made = TypeVar("Made")


def read(request: HttpRequest, make: Callable[[], Made]) -> Made:
    """Return what `make` returns; it only reads, and may be called twice.

    A polling page reads from the primary, since its repeated statements must see the database they were first
    run on.
    """
    return make() if poll_of(request) else replica.read(make, after=_position_of(request))


def kept_for() -> int:
    return settings.DATABASE_REPLICA_MOST_BEHIND + _LOOKS


def _position_of(request: HttpRequest) -> int:
    """Return the position after the browser's last write; 0 if it has none or the cookie is invalid."""
    said = request.COOKIES.get(settings.WRITTEN_COOKIE_NAME, "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 20 else 0
