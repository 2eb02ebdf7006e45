"""Middleware that answers polls whose last answer's sources are unchanged."""

from collections.abc import Callable, Hashable
from contextlib import ExitStack
from typing import Any, NamedTuple

from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from commlog.kit import reuse
from commlog.kit.polls import Poll, digest_of_rows, poll_of
from commlog.kit.stamps import stamp, stamp_and
from commlog.live.parts import SEEN
from commlog.models import User
from commlog.models.user import WITH_PERMISSIONS
from notifications.process import this_process

_FIELDS = [*(field.attname for field in User._meta.concrete_fields), "permission_names"]
_SESSION = f"SELECT * FROM {Session._meta.db_table} WHERE session_key = %s AND expire_date > %s"  # noqa: S608 - names of tables
_MOST = 4_000


class _Signed(NamedTuple):
    """A session's user, and digests of both rows from before they last authorised the request."""

    user_id: int
    reader: int
    digest: int | None


_known: dict[str, _Signed] = this_process.keep({})


class QuietMiddleware:
    """Placed after authentication, so that the end of a session is noticed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return 204 if nothing has changed for this session; else remember what was read."""
        if SEEN not in request.headers:
            return self.get_response(request)
        key = request.session.session_key or ""
        known, digest = _known.get(key), None
        if known:
            session = (_SESSION, (key, connection.ops.adapt_datetimefield_value(timezone.now())))
            request.stamp, digest = stamp_and([session, WITH_PERMISSIONS.statement(known.user_id)])  # type: ignore[attr-defined]
            asked = Poll(request.stamp, known.reader)  # type: ignore[attr-defined]
            if digest == known.digest and reuse.stands(asked, _question(request, known.user_id)):
                return HttpResponse(status=204, headers={"Cache-Control": "no-store"})
        with ExitStack() as answering:
            request.answering = answering  # type: ignore[attr-defined]
            response = self.get_response(request)
        if poll := poll_of(request):
            user_id: int = request.user.pk  # type: ignore[assignment]  # only somebody signed in polls
            if poll.whole and response.status_code == 204:
                reuse.remember(poll, _question(request, user_id), poll.whole)
            _remember(
                key, _Signed(user_id, poll.reader, digest if known and known.user_id == user_id else None)
            )
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Return 204 if the same was asked and nothing has changed since."""
        user = request.user
        if SEEN not in request.headers or not isinstance(user, User):
            return None
        now: str = request.stamp if hasattr(request, "stamp") else stamp()
        user.reads_anew = True
        request.poll = poll = Poll(now, _reader(user))  # type: ignore[attr-defined]
        if reuse.stands(poll, _question(request, user.pk)):
            return HttpResponse(status=204)
        poll.whole = request.answering.enter_context(poll.reading())  # type: ignore[attr-defined]
        if not user.is_superuser:
            poll.rights = hash(frozenset(user.get_all_permissions()))
        return None


def _remember(key: str, known: _Signed) -> None:
    if len(_known) >= _MOST:
        _known.clear()
    _known[key] = known


def _question(request: HttpRequest, user_id: int | None) -> Hashable:
    return (user_id, request.get_full_path(), request.headers[SEEN])


def _reader(user: User) -> int:
    """Return a digest of the user's row and permissions, which authentication has read."""
    return digest_of_rows([getattr(user, name) for name in _FIELDS])
