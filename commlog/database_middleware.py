"""Middleware for a database that is read-only or does not answer."""

import logging
from collections.abc import Callable

from django.conf import settings
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import Error
from django.http import HttpRequest, HttpResponse

from commlog.kit import own_writes
from commlog.views import errors
from notifications.database import availability, replica

log = logging.getLogger(__name__)


class OwnWritesMiddleware:
    """With a replica: tells a browser after each of its writes which position the replica must have
    reached.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        writes = request.method not in ("GET", "HEAD") and settings.SESSION_COOKIE_NAME in request.COOKIES
        if writes and (position := _position()):
            response.set_cookie(
                settings.WRITTEN_COOKIE_NAME,
                str(position),
                max_age=own_writes.kept_for(),
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response


def _position() -> int:
    try:
        return replica.position()
    except Error:  # nothing more can be written or read there: an answer that was given is not taken back
        return 0


class KeptSessionMiddleware(SessionMiddleware):
    """Django's, but a page that only reads is shown even if its session cannot be written."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Save the session, or show the page without saving; 503 if the next step needs the session's
        data.
        """
        if request.method not in ("GET", "HEAD"):
            return super().process_response(request, response)
        try:
            with availability.optional_write():
                response = super().process_response(request, response)
        except SessionInterrupted as error:
            # Django takes any failed UPDATE for a session that has ended.
            if (trouble := _behind(error)) is None:
                raise
            return errors.unavailable(request, trouble)
        return response


def _behind(error: BaseException) -> availability.Trouble | None:
    """Return the database trouble that caused the error, if any."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, Error):
        found = found.__context__
    return availability.trouble_of(found) if found else None


class DatabaseTroubleMiddleware:
    """Answers 503 if a view fails from database trouble; other errors go to errors.server_error."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the page or the API's response; None if the error is ours."""
        trouble = availability.trouble_of(exception) if isinstance(exception, Error) else None
        if trouble is None:
            return None
        log.error("%s Not done: %s %s", trouble.sentence, request.method, request.path)
        return errors.unavailable(request, trouble)
