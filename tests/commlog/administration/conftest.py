"""The administrator of these tests, and her browser."""

import pytest
from django.test import Client

from commlog.models import User
from tests.factories import admin


@pytest.fixture
def ada() -> User:
    return admin(username="ada")


@pytest.fixture
def pages(client: Client, ada: User) -> Client:
    client.force_login(ada)
    return client
