"""The frame's live parts, for pages that have no others."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from commlog.live import parts


@require_safe
def frame(request: HttpRequest) -> HttpResponse:
    """Return the parts of the frame that have changed."""
    return parts.answer(request)
