"""Answers pages that ask by themselves where nothing can have changed: nothing was committed since they were told so."""

import time
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from commlog.live.parts import SEEN
from commlog.live.stamps import LONGEST, is_exact, stamp, stamp_of

_MOST = 10_000
_quiet: dict[tuple[Any, str, str], tuple[str, float]] = {}  # who asked what -> the stamp at which nothing had changed, and when that was


class QuietMiddleware:
    """Stands behind sign-in, so that a session that has ended is noticed; permissions cannot have changed without a commit."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Remember that nothing had changed."""
        response = self.get_response(request)
        if response.status_code == 204 and is_exact(request):
            if len(_quiet) >= _MOST:
                _quiet.clear()
            _quiet.setdefault(_question(request), (stamp_of(request), time.monotonic()))
        return response

    def process_view(self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any) -> HttpResponse | None:
        """Nothing, where the same was asked and nothing was committed since."""
        if SEEN not in request.headers or not request.user.is_authenticated:
            return None
        request.live_stamp = stamp()  # type: ignore[attr-defined]
        question = _question(request)
        known, at = _quiet.get(question, ("", 0.0))
        if known and known == stamp_of(request) and time.monotonic() - at < LONGEST:
            return HttpResponse(status=204)
        _quiet.pop(question, None)
        return None


def forget() -> None:
    """Give up what this process holds; for tests."""
    _quiet.clear()


def _question(request: HttpRequest) -> tuple[Any, str, str]:
    return (request.user.pk, request.get_full_path(), request.headers[SEEN])
