"""What every test gets."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from commlog.api import budgets
from notifications import channels, lanes, switches


@pytest.fixture(autouse=True)
def _quick_and_clean(settings: Any) -> Iterator[None]:
    """Cheap password hashes (the real ones cost 0.3 s a user), and a cache that starts empty."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.SECRETS_KEY = "a key for tests alone, 32 characters and more"
    cache.clear()
    budgets.forget()
    switches.forget()
    lanes.forget()  # the lanes of the last test went with its database
    yield
    cache.clear()
    channels.close_all()
