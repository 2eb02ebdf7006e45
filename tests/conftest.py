"""What every test gets."""

import atexit
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

import pytest

from commlog import counts, passwords, remembered
from commlog.api import budgets
from commlog.live import quiet, stamps
from commlog.views import session
from notifications import channels, database, health, lanes, switches

LOCKS = Path(mkdtemp(prefix="commlog-locks-"))  # of this process: tests run beside each other, from one address
atexit.register(rmtree, LOCKS, ignore_errors=True)


@pytest.fixture(autouse=True)
def _quick_and_clean(settings: Any) -> Iterator[None]:
    """Cheap password hashes (the real ones cost 0.3 s a user), and nothing remembered from the last test."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.SECRETS_KEY = "a key for tests alone, 32 characters and more"
    settings.PASSWORD_LOCKS = LOCKS
    counts.forget()
    passwords.forget()
    remembered.forget()
    quiet.forget()
    stamps.forget()
    session.forget()
    budgets.forget()
    switches.forget()
    database.forget()
    health.forget()
    lanes.forget()  # the lanes of the last test went with its database
    yield
    channels.close_all()
