"""Answers pages that ask by themselves where nothing has changed: all that the last answer was read from is still the same."""

from collections.abc import Callable, Hashable
from contextlib import ExitStack
from typing import Any

from django.http import HttpRequest, HttpResponse

from commlog.kit import again
from commlog.kit.polls import Poll, digest_of_rows, poll_of
from commlog.kit.stamps import stamp
from commlog.live.parts import SEEN
from commlog.models import User

_FIELDS = [field.attname for field in User._meta.concrete_fields]


class QuietMiddleware:
    """Stands behind sign-in, so that a session that has ended is noticed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Remember that nothing had changed, and what that was read from."""
        with ExitStack() as answering:
            request.answering = answering  # type: ignore[attr-defined]
            response = self.get_response(request)
        poll = poll_of(request)
        if poll and poll.whole and response.status_code == 204:
            again.remember(poll, _question(request), poll.whole)
        return response

    def process_view(self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any) -> HttpResponse | None:
        """Nothing, where the same was asked and nothing has changed since."""
        user = request.user
        if SEEN not in request.headers or not isinstance(user, User):
            return None
        request.poll = poll = Poll(stamp(), _reader(user))  # type: ignore[attr-defined]
        if again.stands(request, poll, _question(request)):
            return HttpResponse(status=204)
        poll.whole = request.answering.enter_context(poll.reading())  # type: ignore[attr-defined]
        if not user.is_superuser:
            held = again.again(request, "permissions", user.get_all_permissions)
            user._perm_cache = held  # type: ignore[attr-defined]  # where Django keeps them
            poll.rights = hash(frozenset(held))
        return None


def _question(request: HttpRequest) -> Hashable:
    return (request.user.pk, request.get_full_path(), request.headers[SEEN])


def _reader(user: User) -> int:
    """A digest of the user's row, which was read to know who asks."""
    return digest_of_rows([getattr(user, name) for name in _FIELDS])
