"""Authentication: an API key or HTTP Basic. Sessions are refused, since another site could use a
browser's.
"""

from datetime import datetime, timedelta
from typing import Any, NoReturn

from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone
from ninja.security import APIKeyHeader, HttpBasicAuth, HttpBearer
from ninja.security.http import DecodeError

from commlog import audit
from commlog.account import factors, passwords
from commlog.api import rate_limits
from commlog.api.callers import Caller
from commlog.api.codes import Code
from commlog.api.errors import ApiError
from commlog.models import ApiConsumer, ApiKey, User
from commlog.models.api import digest_of
from notifications.database import availability

_LONGEST = 200
_NOTED = timedelta(minutes=1)  # how exactly the last use of a key is known


class ApiKeyAuth(APIKeyHeader):
    """An API key in the header `apiKey`."""

    param_name = "apiKey"

    def authenticate(self, request: HttpRequest, key: str | None) -> Caller | None:
        return None if key is None else by_key(request, key)


class BearerAuth(HttpBearer):
    """An API key in `Authorization: Bearer`."""

    def authenticate(self, request: HttpRequest, token: str) -> Caller | None:
        return by_key(request, token)


class BasicAuth(HttpBasicAuth):
    """A member of staff who may use the API. Wrong passwords count towards the sign-in lock."""

    def __call__(self, request: HttpRequest) -> Caller | None:
        """Read the header; return None if it names another scheme."""
        given = request.headers.get(self.header, "")
        if not given.lower().startswith("basic "):
            return None
        try:
            name, password = self.decode_authorization(given)
        except DecodeError:
            _refuse(Code.INVALID_BASIC_AUTHORIZATION, "Authorization: Basic must be base64 of name:password")
        return self.authenticate(request, name, password)

    def authenticate(self, request: HttpRequest, username: str, password: str) -> Caller:
        """Return the user if the password is right and sign-in is not locked."""
        if "\0" in username + password or len(username) > _LONGEST or len(password) > _LONGEST:
            _refuse(Code.INVALID_CREDENTIALS, "the user name or the password is wrong")
        user = _verified(request, username, password)
        if user is None:
            _refuse(Code.INVALID_CREDENTIALS, "the user name or the password is wrong")
        if not user.api_access:
            audit.refused(user, request, "may not use the API")
            raise ApiError(403, Code.NO_API_ACCESS, "this user may not use the API")
        if factors.has(user):
            audit.refused(user, request, "has a second factor, which HTTP Basic cannot ask for")
            raise ApiError(403, Code.NO_API_ACCESS, "this user has a second factor: use an API key")
        caller = Caller(user=user)
        rate_limits.spend(request, caller.mark)
        return caller


def _verified(request: HttpRequest, username: str, password: str) -> User | None:
    """Return the user or None. Raises ApiError (429) while the password may not be checked."""
    try:
        return passwords.verified(request, username, password, remember=True)
    except passwords.Locked as locked:
        code, said, wait = (
            Code.EXCESSIVE_INVALID_REQUESTS,
            "locked after too many wrong passwords",
            locked.wait,
        )
    except passwords.Busy as busy:
        said = "too many passwords are being checked; one of each address at a time"
        code, wait = Code.TOO_MANY_CONCURRENT_REQUESTS, busy.wait
    raise ApiError(429, code, said, headers={"Retry-After": str(wait)})


METHODS = [ApiKeyAuth(), BasicAuth(), BearerAuth()]


# The key, its consumer and the permissions of the consumer's roles: every call asks for them, so it is one
# statement, and written out.
_FIND = f"""
SELECT k.*, c.name AS consumer_name, c.active AS consumer_active, (
SELECT STRING_AGG(p.codename, ' ') FROM {ApiConsumer.roles.through._meta.db_table} r
JOIN {Role.permissions.through._meta.db_table} g ON g.group_id = r.group_id
JOIN {Permission._meta.db_table} p ON p.id = g.permission_id
JOIN {ContentType._meta.db_table} t ON t.id = p.content_type_id AND t.app_label = 'commlog'
WHERE r.apiconsumer_id = k.consumer_id) AS held
FROM {ApiKey._meta.db_table} k JOIN {ApiConsumer._meta.db_table} c ON c.id = k.consumer_id WHERE k.digest = %s
"""  # noqa: S608 - names of tables


def _found(secret: str) -> tuple[ApiKey, frozenset[str]] | None:
    """Return the key with its consumer, and the consumer's permissions."""
    statement = _FIND if connection.vendor == "postgresql" else _FIND.replace("STRING_AGG", "GROUP_CONCAT")
    row: Any = next(iter(ApiKey.objects.raw(statement, [digest_of(secret.strip().lower())])), None)
    if row is None:
        return None
    names, values = ("id", "name", "active"), (row.consumer_id, row.consumer_name, bool(row.consumer_active))
    # What is not among them is read where it is asked for.
    row.consumer = ApiConsumer.from_db(connection.alias, names, values)
    return row, frozenset(f"commlog.{codename}" for codename in (row.held or "").split())


def by_key(request: HttpRequest, secret: str, *, counted: bool = True) -> Caller:
    """Return the key's consumer as the caller. Unless `counted`, the call counts towards no limit."""
    now, found = timezone.now(), _found(secret)
    if found is None:
        audit.refused(None, request, "an API key that does not exist")
        _refuse(Code.INVALID_CREDENTIALS, "unknown API key")
    key, held = found
    if not key.usable(now):
        audit.refused(key.consumer, request, f"the key {key.prefix}… is revoked or has expired")
        _refuse(Code.INVALID_CREDENTIALS, "this API key was revoked or has expired")
    if not key.consumer.active:
        audit.refused(key.consumer, request, "the consumer was deactivated")
        raise ApiError(403, Code.NO_API_ACCESS, "this API consumer was deactivated")
    caller = Caller(key=key, permissions=held)
    if counted:
        rate_limits.spend(request, caller.mark)
    _note_use(key, now)
    return caller


def _note_use(key: ApiKey, now: datetime) -> None:
    """Store when the key was last used, at most once a minute to avoid a write per call."""
    if key.last_used_at is None or key.last_used_at < now - _NOTED:
        with availability.optional_write():
            ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)


def _refuse(code: Code, source: str) -> NoReturn:
    raise ApiError(401, code, source)
