"""The log of the whole organisation."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from commlog import permissions
from commlog.log.places import Place
from commlog.views import screen


@require_safe
@vary_on_headers("HX-Request")
@permissions.can_read_log
def log(request: HttpRequest) -> HttpResponse:
    """Return the page, or only the log if htmx asks after a change of the filter."""
    return screen.show(
        request, Place(), scope=permissions.messages_for(request.user), template="log/page.html"
    )
