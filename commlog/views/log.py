"""The log of the whole organisation."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from commlog import permissions
from commlog.log import build


@require_safe
@vary_on_headers("HX-Request")
@permissions.can_read_log
def log(request: HttpRequest) -> HttpResponse:
    """The page, or only the log where htmx asks: after a change of the filter."""
    shown = build(request.GET, scope=permissions.messages_for(request.user))
    partial = request.htmx and not request.htmx.history_restore_request  # type: ignore[attr-defined]
    response = render(
        request,
        "log/log.html" if partial else "log/page.html",
        {"log": shown, "can_resend": permissions.may_resend(request.user), "here": request.path + shown.address},
    )
    if partial:
        response["HX-Push-Url"] = request.path + (shown.address if shown.address != "?" else "")
    return response
