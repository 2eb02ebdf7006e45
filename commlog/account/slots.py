"""Password hashing, bounded over all processes of this host: so many at once, one of each origin.

A hash takes a third of a second of a core, on purpose: a few dozen wrong sign-ins at once would stop every
page. A slot is a lock on a file (flock), which the kernel gives back of a killed process.
"""

import fcntl
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from django.conf import settings
from django.utils.crypto import salted_hmac

_ORIGINS = 4_096  # files that origins share: two that meet in one, by chance of one in so many, take turns


class Busy(Exception):
    """As many passwords are being checked as may be, or one of this origin is."""


@contextmanager
def slot(origin: str) -> Iterator[None]:
    """Hold a slot. Raises Busy at once where none is free, or where the origin holds one already."""
    directory = _directory()
    number = int(salted_hmac("commlog.account.slots", origin, algorithm="sha256").hexdigest(), 16) % _ORIGINS
    with ExitStack() as held:
        _hold_one(held, [directory / f"origin-{number:03x}"])
        _hold_one(held, (directory / f"slot-{number}" for number in range(settings.PASSWORD_CHECKS_AT_ONCE)))
        yield


def _hold_one(held: ExitStack, files: Iterable[Path]) -> None:
    for file in files:
        opened = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(opened)
            continue
        held.callback(os.close, opened)
        return
    raise Busy


def _directory() -> Path:
    """Where the files are. Nobody else may write there, or they could hold every slot."""
    directory: Path = settings.PASSWORD_LOCKS
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(f"{directory} belongs to somebody else, or others may open it")
    return directory
