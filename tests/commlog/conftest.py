"""What most tests of the pages begin with."""

from typing import Any

import pytest
from django.test import Client

from commlog.models import User
from tests.factories import officer


@pytest.fixture
def ada() -> User:
    """An officer."""
    return officer()


@pytest.fixture
def pages(client: Client, ada: User) -> Client:
    """The pages, as Ada sees them."""
    client.force_login(ada)
    return client


@pytest.fixture
def mail_is_on(settings: Any) -> None:
    """E-mail is switched on; nothing listens there."""
    settings.EMAIL_HOST = "localhost"
