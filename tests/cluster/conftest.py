"""A whole installation for a test."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from bench.installation import Installation, installed


@pytest.fixture(scope="session")
def server() -> str:
    """The PostgreSQL server that the suite runs on; empty on SQLite."""
    config = settings.DATABASES["default"]
    if settings.IS_SQLITE:
        return ""
    return (
        f"postgres://{config['USER']}:{config['PASSWORD']}@{config['HOST']}:{config['PORT'] or 5432}/postgres"
    )


@pytest.fixture
def installation(server: str, migrated_database: str, tmp_path: Path) -> Iterator[Installation]:
    """A migrated installation with providers, on the kind of database that the suite runs on."""
    like = (
        urlsplit(server)._replace(path=f"/{migrated_database}").geturl()
        if server
        else f"sqlite:///{migrated_database}"
    )
    with installed(tmp_path, server, like=like) as made:
        yield made
