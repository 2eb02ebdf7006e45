"""Incidents: list, report, and the action that repairs one."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST, require_safe

from commlog import permissions
from commlog.bulk.selection import TooMany
from commlog.incidents import report, resending
from commlog.jobs import TooManyOpen
from commlog.kit.keyset_list import listing
from commlog.kit.limits import A_CONFIRMATION, TookTooLong
from commlog.live import parts
from commlog.models import Job
from notifications.models import Incident


@require_safe
@permissions.can_read_log
def index(request: HttpRequest) -> HttpResponse:
    """Show all incidents, newest first."""
    scope = Incident.objects.prefetch_related("lanes__lane")
    shown = listing(request.GET, scope=scope)
    return parts.render(request, "incidents/list.html", {"listing": shown})


@require_safe
@permissions.can_read_log
def incident(request: HttpRequest, key: UUID) -> HttpResponse:
    """Show what failed, and the result so far."""
    found = get_object_or_404(Incident, key=key)
    shown = {
        "report": report.report(found, permissions.messages_for(request.user)),
        "may_resend": permissions.may_resend(permissions.staff(request)),
        "form": resending.fresh(),
    }
    return parts.render(request, "incidents/incident.html", shown)


@require_POST
@permissions.can_resend
def resend(request: HttpRequest, key: UUID) -> HttpResponse:
    """Resend what still failed because of it. Repeated, it returns the same job."""
    found, user = get_object_or_404(Incident, key=key), permissions.staff(request)
    form = resending.ResendForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
        return redirect("incident", key)
    try:
        _once(request, lambda: resending.resend(found, owner=user, **form.cleaned_data), form)
    except resending.NothingLeft:
        messages.info(request, "There is nothing left to resend.")
    except TooManyOpen as error:
        messages.error(request, f"Nothing was resent. {error}")
    except (TooMany, TookTooLong) as error:
        why = str(error) or f"Counting takes over {A_CONFIRMATION:.0f} seconds."
        messages.error(request, f"Nothing was resent. {why} Choose some of them in the log, by their date.")
    return redirect("incident", key)


def _once(request: HttpRequest, resend: Callable[[], Job], form: resending.ResendForm) -> None:
    """Resend, unless this form was submitted before: then say so."""
    asked = Job.objects.filter(key=form.cleaned_data["key"])
    try:
        if not asked.exists():
            resend()
            return
    except IntegrityError:  # the same form, at the same moment
        if not asked.exists():
            raise
    messages.info(request, "This resend has already been started. Its job is listed below.")
