"""Export to Excel: a log as a file."""

from tempfile import TemporaryFile
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from commlog import audit, jobs, permissions
from commlog.access import recording
from commlog.audit import AuditAction
from commlog.export import orders
from commlog.export.orders import Format, Order
from commlog.export.plans import parts_of
from commlog.export.reading import bytes_of
from commlog.export.storage import storage
from commlog.jobs import Asked, TooManyOpen
from commlog.kit import own_writes
from commlog.kit.limits import A_PAGE, TookTooLong, time_limit
from commlog.kit.sentences import NEEDS_CONTENT
from commlog.log import reading
from commlog.log.columns import columns_of
from commlog.log.places import Place
from commlog.log.query import Selection
from commlog.models import ExportFile, User
from commlog.models.access_record import Access
from commlog.models.export_file import KEPT
from commlog.models.job import JobKind
from commlog.views import reauthentication
from commlog.views.jobs import shown
from notifications.models.message import MessageQuerySet

# What is answered in the request itself. More is a job's work: a web server ends a request that takes too
# long, and the file with it.
AT_ONCE = 5_000  # rows
BYTES_AT_ONCE = 10_000_000  # of text


@require_POST
@permissions.can_export
def export(request: HttpRequest) -> HttpResponseBase:
    """Return the file of the log `of`, or the job that makes it if that takes long. `brief`: a script
    asks.
    """
    user = permissions.staff(request)
    address = str(request.GET.get("of") or reverse("log"))
    read = reading.of_address(address, user)
    chosen, view = read.query.rows(user), read.query.view
    if not chosen.sound:
        messages.error(request, "Nothing was exported: a filter is not valid.")
        return redirect(address)
    asked = str(request.POST.get("format", ""))
    format = Format(asked) if asked in Format.values else Format.XLSX
    order = Order(
        format,
        read.layout.keys,
        read.layout.timestamps,
        view.name if view else "",
        masked=chosen.messages.masked,
    )
    total = _count(chosen.messages)
    if (total is None or total > settings.CONFIRM_MESSAGES) and (page := reauthentication.demand(request)):
        return page
    if total is None or total > AT_ONCE or not _are_short(chosen.messages, order):
        try:
            job = jobs.create(
                JobKind.EXPORT, owner=user, asked=Asked.of(chosen), total=total or 0, options=order.options
            )
        except TooManyOpen as refusal:
            messages.error(request, f"Nothing was exported. {refusal}")
            return redirect("jobs")
        return shown(request, job) if "brief" in request.POST else redirect("job", job.key)
    return _at_once(request, order, chosen, user)


@require_safe
@permissions.can_export
def download(request: HttpRequest, key: UUID) -> HttpResponseBase:
    """Return a job's file: to its owner only, for a day, and only while the owner may read its content."""
    user = permissions.staff(request)
    found = get_object_or_404(
        ExportFile.objects.select_related("job"),
        job__key=key,
        owner=user,
        created_at__gt=timezone.now() - KEPT,
    )
    if Place.of(found.job).scope(user).masked and not found.job.options.get("masked"):
        raise PermissionDenied(f"The file holds what messages say, and reading that {NEEDS_CONTENT}.")
    if not found.job.options.get("masked"):
        recording.record(user, Access.FETCHED, [], about=key.hex, number=found.rows)
    try:
        content = storage().open(found.stored_as)
    except FileNotFoundError as error:
        raise Http404("The file has expired.") from error
    headers = {"Content-Length": str(found.size)}
    return FileResponse(
        content, as_attachment=True, filename=found.name, content_type=found.media_type, headers=headers
    )


def _at_once(request: HttpRequest, order: Order, chosen: Selection, user: User) -> FileResponse:
    target = TemporaryFile()  # noqa: SIM115  the response closes it
    planned, notes = own_writes.read(request, lambda: orders.write(order, chosen, target, user=user))
    told = {"filter": chosen.words(), "log": planned.about.log, "messages": notes.rows, **order.options}
    audit.record(user, AuditAction.EXPORTED, kind="log", label=planned.about.log, after=told)
    if notes.messages:
        recording.record(user, Access.EXPORTED, notes.messages.tolist())
    target.seek(0)
    return FileResponse(
        target, as_attachment=True, filename=order.file_name, content_type=Format(order.format).media_type
    )


def _count(found: MessageQuerySet) -> int | None:
    """Return the count; None if it takes too long."""
    try:
        with time_limit(A_PAGE):
            return found.count()
    except TookTooLong:
        return None


def _are_short(found: MessageQuerySet, order: Order) -> bool:
    """Return whether the texts can be written within a request."""
    try:
        with time_limit(A_PAGE):
            return bytes_of(found, parts_of(columns_of(order.columns), masked=found.masked)) <= BYTES_AT_ONCE
    except TookTooLong:
        return False
