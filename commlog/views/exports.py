"""Export to Excel: what a log shows, as a file."""

from tempfile import TemporaryFile
from uuid import UUID

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from commlog import permissions, screens
from commlog.export import orders
from commlog.export.orders import Format, Order
from commlog.limits import A_PAGE, TookTooLong, time_limit
from commlog.log import longer_than
from commlog.models.column_layout import LogKind
from commlog.recipients import KINDS, messages_of
from commlog.selection import select
from notifications.models.message import MessageQuerySet

AT_ONCE = 5_000  # rows; more are a job's work


@require_POST
@permissions.can_export_log
def log(request: HttpRequest) -> HttpResponseBase:
    """The log of the organisation, or a view of it."""
    return _export(request, LogKind.LOG, permissions.messages_for(request.user))


@require_POST
@permissions.can_export_recipient_log
def communications(request: HttpRequest, kind: str, key: UUID) -> HttpResponseBase:
    """The log of a client, a group or a user."""
    recipient = get_object_or_404(KINDS[kind].objects, key=key)
    return _export(request, LogKind[kind.upper()], messages_of(recipient, permissions.messages_for(request.user)), key)


def _export(request: HttpRequest, kind: LogKind, scope: MessageQuerySet, recipient: UUID | None = None) -> HttpResponseBase:
    """The file, or, where it takes longer than a request may, the job that makes it. The address holds the log's state."""
    user = permissions.staff(request)
    state = screens.state_of(request, request.GET.copy(), kind)
    chosen = select(state.params, scope=scope, saved=state.saved)
    asked = str(request.POST.get("format", Format.XLSX))
    order = Order(
        kind=kind,
        query=urlencode(chosen.address.state()),
        columns=state.layout.keys,
        timestamps=state.layout.timestamps,
        format=asked if asked in Format.values else Format.XLSX,
        recipient=recipient.hex if recipient else "",
        view=state.view.name if state.view else "",
    )
    back = f"{request.path.removesuffix('export/')}?{request.GET.urlencode()}"
    if not chosen.sound:
        messages.error(request, "Nothing is exported: a condition of the filter is wrong.")
        return redirect(back)
    if _takes_long(chosen.messages):
        messages.error(request, f"More than {AT_ONCE:,} messages match. Narrow the filter.")
        return redirect(back)
    target = TemporaryFile()  # noqa: SIM115  the response closes it
    planned = orders.plan(order, user)
    orders.record(planned, user, orders.carry_out(planned, user, target))
    target.seek(0)
    return FileResponse(target, as_attachment=True, filename=order.file_name, content_type=Format(order.format).media_type)


def _takes_long(found: MessageQuerySet) -> bool:
    try:
        with time_limit(A_PAGE):
            return longer_than(found, AT_ONCE)
    except TookTooLong:
        return True
