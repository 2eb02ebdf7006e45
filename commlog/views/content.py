"""The content of a message by itself: the preview of its HTML, and its parts as files."""

from uuid import UUID

from csp.decorators import csp
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from commlog import permissions
from commlog.kit.hidden import ExactResponse
from commlog.message import preview
from notifications.models import Message

_PARTS = {"text": ("content", "txt"), "html": ("html", "html")}


@require_safe
@xframe_options_sameorigin
@csp(preview.POLICY)
@permissions.can_read_messages
def html_preview(request: HttpRequest, key: UUID) -> HttpResponse:
    """The HTML of a message, cleaned, for the sandboxed frame on its page; opened by itself it is sandboxed
    as well.
    """
    found = _message(request, key, "html")
    if not found.html:
        raise Http404
    return ExactResponse(
        preview.document(found.html), headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    )


@require_safe
@permissions.can_read_messages
def download(request: HttpRequest, key: UUID, part: str) -> HttpResponse:
    """A part of the message as a file, exactly as it was sent. Never drawn by a browser, whatever it
    holds.
    """
    field, ending = _PARTS[part]
    found = _message(request, key, field)
    name = f"message-{found.key.hex}.{ending}"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
    }
    return HttpResponse(
        getattr(found, field).encode(), content_type="text/plain; charset=utf-8", headers=headers
    )


def _message(request: HttpRequest, key: UUID, field: str) -> Message:
    return get_object_or_404(permissions.messages_for(request.user).only("key", field), key=key)
