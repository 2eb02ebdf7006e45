"""The stylesheet of the icons, cached by browsers: its URL changes with its content."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from commlog.templatetags import icons


@login_not_required
@require_safe
def stylesheet(request: HttpRequest) -> HttpResponse:
    """Return the stylesheet, without sign-in: the sign-in page has icons, too."""
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    return HttpResponse(icons.stylesheet(), content_type="text/css; charset=utf-8", headers=kept)
