"""The test database: migrated once a run, and copied for every process of the run.

Migrating takes seconds, copying does not.
"""

import fcntl
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from pytest_django import DjangoDbBlocker


def use(name: str) -> None:
    """Let every connection of this process open this database."""
    connection.close()
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = name


@contextmanager
def migrated(shared: Path) -> Iterator[str]:
    """The name of a migrated database, made by the first process of those that share the directory and
    removed by the last.
    """
    original = str(connection.settings_dict["NAME"])
    with _users(shared) as users:
        if users.number == 0:
            if settings.IS_SQLITE:
                connection.settings_dict["TEST"]["NAME"] = str(shared / "migrated.sqlite3")
            gc.disable()  # a quarter of the time of migrating
            users.database = connection.creation.create_test_db(
                verbosity=0, autoclobber=True, serialize=False
            )
            gc.enable()
            use(original)
        users.number += 1
        name = users.database
    try:
        yield name
    finally:
        with _users(shared) as users:
            users.number -= 1
            if users.number == 0:
                use(name)
                _destroy(original)


@contextmanager
def copied(migrated: str, process: str) -> Iterator[None]:
    """Let this process use a copy of the migrated database, of its own."""
    original = str(connection.settings_dict["NAME"])
    use(migrated)
    connection.creation.clone_test_db(suffix=process, verbosity=0, autoclobber=True)
    use(connection.creation.get_test_db_clone_settings(process)["NAME"])
    try:
        yield
    finally:
        _destroy(original)


@contextmanager
def rolled_back(blocker: DjangoDbBlocker) -> Iterator[None]:
    """A transaction of which nothing stays."""
    with blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


def _destroy(original: str) -> None:
    """Remove the database in use.

    A session that a test has left behind, or a server that is still ending one, would keep it.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid()"
            )
    connection.creation.destroy_test_db(original, verbosity=0)


class _Users:
    """How many processes use the migrated database, and its name."""

    number = 0
    database = ""


@contextmanager
def _users(shared: Path) -> Iterator[_Users]:
    """What is known of them, for one process at a time."""
    with (shared / "migrated.users").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        users = _Users()
        file.seek(0)
        if text := file.read():
            number, users.database = text.split("\n")
            users.number = int(number)
        yield users
        file.truncate(0)
        file.write(f"{users.number}\n{users.database}")
