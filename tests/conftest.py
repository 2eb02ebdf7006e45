"""What every test gets."""

import atexit
import gc
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pytest
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from notifications import channels
from notifications.process import this_process
from tests import databases

# Of this process: tests run beside each other, from one address.
LOCKS = Path(mkdtemp(prefix="commlog-locks-"))
MARKERS = Path(mkdtemp(prefix="commlog-markers-"))
atexit.register(rmtree, LOCKS, ignore_errors=True)
atexit.register(rmtree, MARKERS, ignore_errors=True)


gc.disable()  # until the tests are collected, which takes 30 % less of a processor's time without


def pytest_collection_finish() -> None:
    """Leave what is loaded by now out of garbage collection, and look through the rest seldom: looking
    through all of it again and again took 30 % of the suite's processor time.
    """
    gc.freeze()
    gc.enable()
    gc.set_threshold(100_000, 20, 50)


@pytest.fixture(scope="session")
def migrated_database(
    django_test_environment: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
    worker_id: str,
) -> Iterator[str]:
    """The name of a migrated database, to copy."""
    directory = tmp_path_factory.getbasetemp()
    with (
        django_db_blocker.unblock(),
        databases.migrated(directory if worker_id == "master" else directory.parent) as name,
    ):
        django_db_blocker.block()
        yield name
        django_db_blocker.restore()


@pytest.fixture(scope="session")
def django_db_setup(
    migrated_database: str, django_db_blocker: DjangoDbBlocker, worker_id: str
) -> Iterator[None]:
    """The test database of this process, in the place of pytest-django's own fixture of this name."""
    with django_db_blocker.unblock(), databases.copied(migrated_database, worker_id):
        django_db_blocker.block()
        yield
        django_db_blocker.restore()


@pytest.fixture(scope="module")
def shared(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """One transaction around all tests of a file, each of which has a savepoint of its own: what they only
    read is made once.
    """
    with databases.rolled_back(django_db_blocker):
        yield


@pytest.fixture(scope="session", autouse=True)
def _settings_of_tests(django_test_environment: None) -> Iterator[None]:
    """Cheap password hashes (the real ones cost 0.3 s a user), and places of our own."""
    with override_settings(
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        SECRETS_KEY="a key for tests alone, 32 characters and more",
        PASSWORD_LOCKS=LOCKS,
        MARKER_DIRECTORY=MARKERS,
    ):
        yield


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    """Nothing remembered from the last test."""
    this_process.forget()
    yield
    channels.close_all()
