"""Jobs: list, progress, report, and actions."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from commlog import jobs, permissions
from commlog.kit.keyset_list import listing
from commlog.live import open_items, parts
from commlog.models import Job

_STEERING = {"pause": jobs.pause, "resume": jobs.resume, "cancel": jobs.cancel}
_APPROVING = {"approve": jobs.approve, "reject": jobs.reject}


@require_safe
@permissions.can_read_messages
def index(request: HttpRequest) -> HttpResponse:
    scope = permissions.jobs_for(request.user).select_related("owner")
    shown = listing(request.GET, scope=scope)
    return parts.render(request, "jobs/list.html", {"listing": shown})


@require_safe
@vary_on_headers("HX-Request")
@permissions.can_read_messages
def job(request: HttpRequest, key: UUID) -> HttpResponse:
    found = get_object_or_404(open_items.jobs(request), key=key)
    return shown(request, found)


@require_POST
@permissions.can_read_messages
def act(request: HttpRequest, key: UUID, action: str) -> HttpResponse:
    found = get_object_or_404(open_items.jobs(request), key=key)
    if action in _STEERING:
        if not permissions.may_steer_job(request.user, found):
            raise PermissionDenied("Only the owner of the job can do this.")
        done = _STEERING[action](found, by=permissions.staff(request))
    elif action in _APPROVING:
        if not permissions.may_approve_job(request.user, found):
            raise PermissionDenied(
                "A second person with the permission to resend failed messages has to approve it."
            )
        done = _APPROVING[action](found, by=permissions.staff(request))
    else:
        raise Http404
    if not done and not request.htmx:  # type: ignore[attr-defined]
        messages.warning(request, "The job has changed in the meantime. Nothing was done.")
    found.refresh_from_db()
    return shown(request, found) if request.htmx else redirect("job", key)  # type: ignore[attr-defined]


def shown(request: HttpRequest, found: Job) -> HttpResponse:
    """Return the job's page, its live part for htmx, or with `brief` the line in a log."""
    brief = "brief" in request.GET or "brief" in request.POST
    partial = request.htmx and not request.htmx.history_restore_request  # type: ignore[attr-defined]
    context = open_items.of_job(request, found) | {"brief": brief, "moved": brief or partial}
    if brief or partial:
        return render(request, "jobs/progress.html", context)
    return parts.render(request, "jobs/job.html", context, within="jobs/progress.html")
