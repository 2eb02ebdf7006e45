"""The content of a message: preview of its HTML, and its parts as files."""

from uuid import UUID

from csp.decorators import csp
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from commlog import permissions
from commlog.access import recording
from commlog.kit.hidden_characters import ExactResponse
from commlog.live import open_items
from commlog.message import preview, revealing
from commlog.message.revealing import RevealForm
from commlog.models.access_record import Access
from notifications.models import Message

_NOT_KEPT = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_PARTS = {"text": ("content", "txt"), "html": ("html", "html")}


@require_safe
@xframe_options_sameorigin
@csp(preview.POLICY)
@permissions.can_read_content
def html_preview(request: HttpRequest, key: UUID) -> HttpResponse:
    """Return a message's sanitised HTML for the sandboxed frame; opened alone, sandboxed too."""
    found = _message(request, key, "html")
    if not found.html:
        raise Http404
    recording.opened(request, Access.PREVIEWED, found)
    return ExactResponse(preview.document(found.html), headers=_NOT_KEPT)


@require_POST
@permissions.can_reveal
def reveal(request: HttpRequest, key: UUID) -> HttpResponse:
    """Show the message in full once, to a user who may not see content; audited with the reason."""
    whole = get_object_or_404(open_items.with_beside(Message.objects.all()), key=key)
    form = RevealForm(request.POST)
    if not form.is_valid():
        masked = get_object_or_404(open_items.messages(request), key=key)
        shown = open_items.of_message(request, masked) | {"reveal": form}
        return render(request, "message/page.html", shown, status=400)
    revealing.record(whole, form, by=permissions.staff(request))
    recording.opened(request, Access.REVEALED, whole, about=form.cleaned_data["reason"])
    shown = open_items.of_message(request, whole) | {"revealed": True}
    answer = render(request, "message/page.html", shown)
    for name, value in _NOT_KEPT.items():
        answer[name] = value
    return answer


@require_safe
@permissions.can_read_content
def download(request: HttpRequest, key: UUID, part: str) -> HttpResponse:
    """Return a part of the message as a file, exactly as sent. Never rendered by a browser."""
    field, ending = _PARTS[part]
    found = _message(request, key, field)
    recording.opened(request, Access.DOWNLOADED, found)
    name = f"message-{found.key.hex}.{ending}"
    headers = _NOT_KEPT | {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(
        getattr(found, field).encode(), content_type="text/plain; charset=utf-8", headers=headers
    )


def _message(request: HttpRequest, key: UUID, field: str) -> Message:
    return get_object_or_404(permissions.messages_for(request.user).only("key", field), key=key)
