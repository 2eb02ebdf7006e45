"""Who calls: the header apiKey, Authorization: Bearer with the same keys, or HTTP Basic of a user with API access.

A session does not count: no page of another site can make a browser call the API.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import NoReturn

from django.contrib.auth.models import Permission
from django.http import HttpRequest
from django.utils import timezone
from ninja.security import APIKeyHeader, HttpBasicAuth, HttpBearer
from ninja.security.http import DecodeError

from commlog import audit, passwords
from commlog.api import budgets
from commlog.api.callers import Caller
from commlog.api.codes import Code
from commlog.api.errors import ApiError
from commlog.models import ApiKey, User
from notifications import database

_LONGEST = 200
_NOTED = timedelta(minutes=1)  # how exactly the last use of a key is known


class ApiKeyAuth(APIKeyHeader):
    """A key in the header apiKey."""

    param_name = "apiKey"

    def authenticate(self, request: HttpRequest, key: str | None) -> Caller | None:
        """The key's consumer."""
        return None if key is None else _by_key(request, key)


class BearerAuth(HttpBearer):
    """The same key after Authorization: Bearer."""

    def authenticate(self, request: HttpRequest, token: str) -> Caller | None:
        """The key's consumer."""
        return _by_key(request, token)


class BasicAuth(HttpBasicAuth):
    """User name and password of a member of staff who may use the API. Wrong ones count towards the lock of the sign-in."""

    def __call__(self, request: HttpRequest) -> Caller | None:
        """Read the header; it is not this scheme's if another one is named."""
        given = request.headers.get(self.header, "")
        if not given.lower().startswith("basic "):
            return None
        try:
            name, password = self.decode_authorization(given)
        except DecodeError:
            _refuse(Code.INVALID_BASIC_AUTHORIZATION, "Authorization: Basic must be base64 of name:password")
        return self.authenticate(request, name, password)

    def authenticate(self, request: HttpRequest, username: str, password: str) -> Caller:
        """The user, if the password is right and the sign-in is not locked."""
        if "\0" in username + password or len(username) > _LONGEST or len(password) > _LONGEST:
            _refuse(Code.INVALID_CREDENTIALS, "the user name or the password is wrong")
        user = _verified(request, username, password)
        if user is None:
            _refuse(Code.INVALID_CREDENTIALS, "the user name or the password is wrong")
        if not user.api_access:
            audit.refused(user, request, "may not use the API")
            raise ApiError(403, Code.NO_API_ACCESS, "this user may not use the API")
        caller = Caller(user=user)
        budgets.spend(caller.mark)
        return caller


def _verified(request: HttpRequest, username: str, password: str) -> User | None:
    """The user, or None. Raises ApiError (429) where the password must not be looked at now."""
    try:
        return passwords.verified(request, username, password, remember=True)
    except passwords.Locked as locked:
        code, said, wait = Code.EXCESSIVE_INVALID_REQUESTS, "locked after too many wrong passwords", locked.wait
    except passwords.Busy as busy:
        said = "too many passwords are being checked; one of each address at a time"
        code, wait = Code.TOO_MANY_CONCURRENT_REQUESTS, busy.wait
    raise ApiError(429, code, said, headers={"Retry-After": str(wait)})


METHODS = [ApiKeyAuth(), BasicAuth(), BearerAuth()]


def digest_of(secret: str) -> str:
    """A key as it is stored."""
    return sha256(secret.encode()).hexdigest()


def _by_key(request: HttpRequest, secret: str) -> Caller:
    now = timezone.now()
    found = ApiKey.objects.select_related("consumer").filter(digest=digest_of(secret.strip().lower())).first()
    if found is None:
        audit.refused(None, request, "an API key that does not exist")
        _refuse(Code.INVALID_CREDENTIALS, "there is no such API key")
    if not found.usable(now):
        audit.refused(found.consumer, request, f"the key {found.prefix}… is revoked or has expired")
        _refuse(Code.INVALID_CREDENTIALS, "this API key was revoked or has expired")
    if not found.consumer.active:
        audit.refused(found.consumer, request, "the consumer was deactivated")
        raise ApiError(403, Code.NO_API_ACCESS, "this API consumer was deactivated")
    budgets.spend(Caller(key=found).mark)
    _note_use(found, now)
    held = Permission.objects.filter(group__api_consumers=found.consumer, content_type__app_label="commlog")
    return Caller(key=found, permissions=frozenset(f"commlog.{codename}" for codename in held.values_list("codename", flat=True)))


def _note_use(key: ApiKey, now: datetime) -> None:
    """Write when the key was last used: at most once a minute, or every call would be a write."""
    if key.last_used_at is None or key.last_used_at < now - _NOTED:
        with database.optional_write():
            ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)


def _refuse(code: Code, source: str) -> NoReturn:
    raise ApiError(401, code, source)
