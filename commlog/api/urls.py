"""The addresses of the API: under /api, and the operations on messages without that prefix as well."""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, include, path

from commlog.api import messages, organisation
from commlog.api.auth import METHODS
from commlog.api.description import CommlogAPI
from commlog.api.errors import of_status

TITLE = "Commlog"
ABOUT = "The communication log: send, search and resend messages."

api = CommlogAPI("api", title=TITLE, version="2.0", description=ABOUT, auth=METHODS)
api.add_router("", messages.router)
api.add_router("", organisation.router)
bare = CommlogAPI("bare", auth=METHODS)  # one of the seven is written without the prefix, so all of them answer so
bare.add_router("", messages.router)


def patterns_of(prefixed: CommlogAPI) -> Iterator[URLPattern]:
    """The addresses of its operations. They ask for no sign-in: keys open them, not sessions."""
    for pattern in prefixed.urls[0]:
        if isinstance(pattern, URLPattern) and pattern.name != "api-root":
            yield URLPattern(pattern.pattern, _for_programs(pattern.callback), pattern.default_args, pattern.name)


def _for_programs(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if isinstance(response, HttpResponseNotAllowed):
            return of_status(request, 405, headers={"Allow": response["Allow"]})
        return response

    answered.login_required = False  # type: ignore[attr-defined]
    answered.csrf_exempt = True  # type: ignore[attr-defined]
    return answered


urlpatterns = [path("api/", include(list(patterns_of(api)))), *patterns_of(bare)]
