"""A whole installation for a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from bench.installation import Installation, installed


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """A migrated installation with providers, on the kind of database that the suite runs on."""
    config = settings.DATABASES["default"]
    server = (
        "" if settings.IS_SQLITE else f"postgres://{config['USER']}:{config['PASSWORD']}@{config['HOST']}:{config['PORT'] or 5432}/postgres"
    )
    with installed(tmp_path, server) as made:
        yield made
