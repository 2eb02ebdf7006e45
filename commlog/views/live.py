"""What every page shows, for pages that have no further parts to keep up to date."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from commlog.live import parts


@require_safe
def frame(request: HttpRequest) -> HttpResponse:
    """Those parts of the frame that have changed."""
    return parts.answer(request)
