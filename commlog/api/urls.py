"""URLs of the API: under /api; the operations on messages also without that prefix."""

import json
from collections.abc import Callable, Iterator
from functools import cache, lru_cache, wraps
from hashlib import sha256
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render
from django.urls import URLPattern, include, path
from django.views.decorators.cache import cache_control
from django.views.decorators.http import etag, require_safe

from commlog.api import (
    anonymisation,
    audit,
    events,
    media_types,
    messages,
    notification_settings,
    organisation,
    plain,
    streams,
    subscriptions,
    templates,
)
from commlog.api.auth import METHODS
from commlog.api.description import CommlogAPI
from commlog.api.errors import ApiError, answer, of_status

TITLE = "Commlog"
ABOUT = "The communication log: send, search and resend messages."

api = CommlogAPI("api", title=TITLE, version="2.0", description=ABOUT, auth=METHODS)
api.add_router("", messages.router)
api.add_router("", organisation.router)
api.add_router("", audit.router)
api.add_router("", notification_settings.router)
api.add_router("", events.router)
api.add_router("", templates.router)
api.add_router("", subscriptions.router)
api.add_router("", anonymisation.router)
# One of the seven is written without the prefix, so all of them answer so.
bare = CommlogAPI("bare", auth=METHODS)
bare.add_router("", messages.router)


def patterns_of(prefixed: CommlogAPI) -> Iterator[URLPattern]:
    """Return the URLs of the operations. They need no session: API keys authenticate."""
    for pattern in prefixed.urls[0]:
        if isinstance(pattern, URLPattern) and pattern.name != "api-root":
            yield URLPattern(
                pattern.pattern, _for_programs(pattern.callback), pattern.default_args, pattern.name
            )


def _for_programs(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if by_head := request.method == "HEAD":  # what GET answers; the server leaves the body out
            request.method = "GET"
        try:
            media_types.check(request)
            response = view(request, *args, **kwargs)
        except ApiError as error:
            response = answer(request, error)
        if by_head:
            request.method = "HEAD"
        if isinstance(response, HttpResponseNotAllowed):
            response = of_status(
                request, 405, headers={"Allow": response["Allow"].replace("GET", "GET, HEAD")}
            )
        media_types.answer_in_kind(request, response)
        return response

    answered.login_required = False  # type: ignore[attr-defined]
    answered.csrf_exempt = True  # type: ignore[attr-defined]
    return answered


@cache
def description(form: Callable[[Any], Any] = plain.plain) -> dict[str, Any]:
    """Return the OpenAPI 3.1 description, plain or strict. It does not change while the process runs."""
    found: dict[str, Any] = form(api.described("/api/"))
    return found


@lru_cache(maxsize=32)
def _written(form: Callable[[Any], Any], server: str) -> str:
    return json.dumps(description(form) | {"servers": [{"url": server}]})


def _described(form: Callable[[Any], Any]) -> Callable[[HttpRequest], HttpResponse]:
    """Return the view of a description, which names the requested host as its server."""

    def text(request: HttpRequest) -> str:
        return _written(form, f"{request.scheme}://{request.get_host()}")

    @login_not_required
    @require_safe
    @cache_control(no_cache=True)
    @etag(lambda request: f'"{sha256(text(request).encode()).hexdigest()[:32]}"')
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(text(request), content_type="application/json")

    return view


@login_not_required
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Serve Swagger UI for the description, from our own static files; no other host is contacted."""
    return render(request, "api/docs.html", {"about": ABOUT, "version": description()["openapi"]})


urlpatterns = [
    path("api/openapi.json", _described(plain.plain), name="api-openapi"),
    path("api/openapi-strict.json", _described(plain.strict), name="api-openapi-strict"),
    path("api/docs", docs, name="api-docs"),
    path("api/", include(list(patterns_of(api)))),
    *patterns_of(bare),
    *streams.patterns("api/v1/", "streams"),
    *streams.patterns("", "bare-streams"),  # clients resolve them at the root of the host
]
