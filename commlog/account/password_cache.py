"""Right passwords of HTTP Basic, cached for a minute in this process: programs send one with every call.

The cache key is a digest, under a random key of this process, over the password and the stored hash: a new
password or a deactivation takes effect with the next call.
"""

import hmac
import os
import time

from allauth.mfa.models import Authenticator
from django.db.models import Exists, OuterRef

from commlog.models import User
from notifications.process import this_process

SECONDS = 60
_MOST = 10_000
_key = os.urandom(32)
_digests: dict[int, tuple[bytes, float]] = this_process.keep({})  # user -> digest, when it was found right


def user_with(username: str, password: str) -> User | None:
    """Return the active user of that name if this password was right within the last minute."""
    has_factor = Exists(Authenticator.objects.filter(user=OuterRef("pk")))
    user = User.objects.filter(username=username, is_active=True).annotate(has_factor=has_factor).first()
    digest, at = _digests.get(user.pk, (b"", 0.0)) if user else (b"", 0.0)
    fresh = 0 <= time.time() - at < SECONDS
    return user if user and fresh and hmac.compare_digest(digest, _digest(user, password)) else None


def keep(user: User, password: str) -> None:
    """Remember that the password was right just now."""
    if len(_digests) >= _MOST:
        _digests.clear()
    _digests[user.pk] = (_digest(user, password), time.time())


def _digest(user: User, password: str) -> bytes:
    return hmac.digest(_key, f"{user.pk}\0{user.password}\0{password}".encode(), "sha256")
