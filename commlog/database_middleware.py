"""What pages do while the database takes no writes, or does not answer."""

import logging
from collections.abc import Callable

from django.contrib.sessions.middleware import SessionMiddleware
from django.db import Error
from django.http import HttpRequest, HttpResponse

from commlog.views import errors
from notifications.database import availability

log = logging.getLogger(__name__)


class KeptSessionMiddleware(SessionMiddleware):
    """Django's, but a page that was only read is shown even where its session cannot be written."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Save the session, or show the page without."""
        if request.method not in ("GET", "HEAD"):
            return super().process_response(request, response)
        with availability.optional_write():
            response = super().process_response(request, response)
        return response


class DatabaseTroubleMiddleware:
    """Answers 503 where a view failed because the database is in trouble.

    What fails outside of views comes to errors.server_error.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The page or the API's answer; None where the fault is ours."""
        trouble = availability.trouble_of(exception) if isinstance(exception, Error) else None
        if trouble is None:
            return None
        log.error("%s Not done: %s %s", trouble.sentence, request.method, request.path)
        return errors.unavailable(request, trouble)
