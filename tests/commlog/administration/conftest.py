"""The administrator of these tests, and her browser."""

import pytest

from commlog.models import User
from tests.factories import admin


@pytest.fixture
def ada() -> User:
    return admin(username="ada")
