"""A whole installation for a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from bench.installation import Installation, installed


@pytest.fixture(scope="session")
def server() -> str:
    """The PostgreSQL server that the suite runs on; empty on SQLite."""
    config = settings.DATABASES["default"]
    if settings.IS_SQLITE:
        return ""
    return f"postgres://{config['USER']}:{config['PASSWORD']}@{config['HOST']}:{config['PORT'] or 5432}/postgres"


@pytest.fixture(scope="session")
def migrated(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated database to copy."""
    with installed(tmp_path_factory.mktemp("migrated"), server) as made:
        yield made.environment["DATABASE_URL"]


@pytest.fixture
def installation(server: str, migrated: str, tmp_path: Path) -> Iterator[Installation]:
    """A migrated installation with providers, on the kind of database that the suite runs on."""
    with installed(tmp_path, server, like=migrated) as made:
        yield made
