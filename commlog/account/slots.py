"""Concurrency limit of password hashing over all processes of this host, and per client address.

A hash takes a third of a second of a core by design: a few dozen wrong sign-ins at once would stop every
page. A slot is a file lock (flock), which the kernel releases when a process is killed.
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
    """As many passwords as allowed are being checked, or one of this client address is."""


@contextmanager
def slot(origin: str) -> Iterator[None]:
    """Hold a slot. Raises Busy at once if none is free, or this client address holds one."""
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
    """Return the directory of the lock files. It is private: another user could hold every slot."""
    directory: Path = settings.PASSWORD_LOCKS
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(f"{directory} belongs to somebody else, or others may open it")
    return directory
