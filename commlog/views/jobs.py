"""Jobs: their list, a job's progress and report, and what people do with it."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from commlog import jobs, permissions
from commlog.kit.keyset_list import listing
from commlog.kit.paging import Sorting
from commlog.live import opened, parts
from commlog.models import Job

NEWEST_FIRST = Sorting("newest", descending=True)
_STEERING = {"pause": jobs.pause, "resume": jobs.resume, "cancel": jobs.cancel}
_APPROVING = {"approve": jobs.approve, "reject": jobs.reject}


@require_safe
@permissions.can_read_messages
def index(request: HttpRequest) -> HttpResponse:
    """The jobs that the user sees, the latest first."""
    scope = permissions.jobs_for(request.user).select_related("owner")
    shown = listing(
        request.GET, form=forms.Form, scope=scope, narrow=lambda found, _: found, sorting=NEWEST_FIRST
    )
    return parts.render(request, "jobs/list.html", {"listing": shown})


@require_safe
@vary_on_headers("HX-Request")
@permissions.can_read_messages
def job(request: HttpRequest, key: UUID) -> HttpResponse:
    """The page, or its moving part where htmx asks."""
    found = get_object_or_404(opened.jobs(request), key=key)
    return shown(request, found)


@require_POST
@permissions.can_read_messages
def act(request: HttpRequest, key: UUID, action: str) -> HttpResponse:
    """Pause, resume, cancel, approve or reject it."""
    found = get_object_or_404(opened.jobs(request), key=key)
    if action in _STEERING:
        if not permissions.may_steer_job(request.user, found):
            raise PermissionDenied("Only its owner may do this.")
        done = _STEERING[action](found, by=permissions.staff(request))
    elif action in _APPROVING:
        if not permissions.may_approve_job(request.user, found):
            raise PermissionDenied("A second person has to approve it, who may resend failed messages.")
        done = _APPROVING[action](found, by=permissions.staff(request))
    else:
        raise Http404
    if not done and not request.htmx:  # type: ignore[attr-defined]
        messages.warning(request, "It has gone on meanwhile: nothing was changed.")
    found.refresh_from_db()
    return shown(request, found) if request.htmx else redirect("job", key)  # type: ignore[attr-defined]


def shown(request: HttpRequest, found: Job) -> HttpResponse:
    """The job's page, or its moving part where htmx asks; `brief` asks for the line that a log shows of
    it.
    """
    brief = "brief" in request.GET or "brief" in request.POST
    partial = request.htmx and not request.htmx.history_restore_request  # type: ignore[attr-defined]
    context = opened.of_job(request, found) | {"brief": brief, "moved": brief or partial}
    if brief or partial:
        return render(request, "jobs/progress.html", context)
    return parts.render(request, "jobs/job.html", context, within="jobs/progress.html")
