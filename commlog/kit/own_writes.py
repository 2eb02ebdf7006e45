"""Reads of a page from the replica, if that has what the page's reader wrote last."""

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
    """Return what `make` returns, which reads and writes nothing: it may be called twice.

    An open page asks the primary: what it asks for again has to come from where it came from before.
    """
    return make() if poll_of(request) else replica.read(make, after=_position_of(request))


def kept_for() -> int:
    return settings.DATABASE_REPLICA_MOST_BEHIND + _LOOKS


def _position_of(request: HttpRequest) -> int:
    """The position after the last write of this browser; 0 where it has none, or says something else."""
    said = request.COOKIES.get(settings.WRITTEN_COOKIE_NAME, "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 20 else 0
