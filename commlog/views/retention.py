"""Retention in the administration: periods, exceptions, coming and past deletions; and legal holds."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import F
from django.db.models.lookups import IsNull
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from commlog import permissions
from commlog.administration.retention import page
from commlog.administration.retention.forms import ExceptionForm, HoldForm, PeriodsForm
from commlog.kit.edit_conflicts import Check, edited
from commlog.models import RetentionPeriod
from commlog.retention import holds, periods, runs
from commlog.views import reauthentication
from notifications.database.clock import db_now
from notifications.models import LegalHold

_SAVED = "The periods were saved. They delete nothing new within the next 24 hours."
MOST_HOLDS = 500


@require_safe
@permissions.can_view_administration
def index(request: HttpRequest) -> HttpResponse:
    context = {"page": page.read(), "can_manage": permissions.may_manage_retention(request.user)}
    return render(request, "administration/retention/page.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_retention
@reauthentication.before_sending
def edit(request: HttpRequest) -> HttpResponse:
    def write(form: PeriodsForm, check: Check) -> None:
        periods.change(form.values(), by=permissions.staff(request), check=check)

    form, saved = edited(request, PeriodsForm, write)
    if saved:
        return _saved(request)
    return render(request, "administration/retention/form.html", {"form": form}, status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_retention
@reauthentication.before_sending
def new_exception(request: HttpRequest) -> HttpResponse:
    form = ExceptionForm(request.POST or None)
    if form.is_valid():
        periods.change_exception(form.scope, form.values(), by=permissions.staff(request))
        return _saved(request)
    return render(request, "administration/retention/exception.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_retention
@reauthentication.before_sending
def exception(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(RetentionPeriod.objects.exclude(channel="", template=None), pk=pk)

    def write(form: ExceptionForm, check: Check) -> None:
        periods.change_exception(row.scope, form.values(), by=permissions.staff(request), check=check)

    form, saved = edited(request, lambda data: ExceptionForm(data, scope=row.scope), write)
    if saved:
        return _saved(request)
    context = {"form": form, "row": row}
    return render(request, "administration/retention/exception.html", context, status=form.status)


@require_POST
@permissions.can_manage_retention
@reauthentication.before_sending
def end_exception(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(RetentionPeriod.objects.exclude(channel="", template=None), pk=pk)
    periods.end_exception(row.scope, by=permissions.staff(request))
    return _saved(request)


@require_safe
@permissions.can_view_administration
def legal_holds(request: HttpRequest) -> HttpResponse:
    # Those that were lifted last: however many there are, what can be lifted is listed.
    those = LegalHold.objects.select_related("client", "group").order_by(IsNull(F("lifted_at"), False), "-pk")
    rows = list(those[:MOST_HOLDS])
    context: dict[str, Any] = {
        "active": [row for row in rows if row.active],
        "over": [row for row in rows if not row.active],
        "can_manage": permissions.may_manage_retention(request.user),
    }
    return render(request, "administration/retention/holds.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_retention
def new_hold(request: HttpRequest) -> HttpResponse:
    given = {name: request.GET[name] for name in ("of", "which") if name in request.GET}
    form = HoldForm(request.POST or None, user=request.user, initial=given)
    if form.is_valid():
        about = {name: form.cleaned_data[name] for name in ("reason", "until")}
        try:
            hold = holds.place(form.cleaned_data["what"], by=permissions.staff(request), **about)
        except holds.NotUnderstood:
            form.add_error(
                "which", "A condition of this view is not understood any more, or asks what you may not read."
            )
        else:
            runs.count_again(db_now())
            messages.success(request, f"On legal hold: {hold.about.lower()} {hold.label}.")
            return redirect("legal-holds")
    return render(request, "administration/retention/hold.html", {"form": form})


@require_POST
@permissions.can_manage_retention
@reauthentication.before_sending
def lift_hold(request: HttpRequest, key: UUID) -> HttpResponse:
    hold = get_object_or_404(LegalHold, key=key)
    if holds.lift(hold, by=permissions.staff(request)):
        runs.count_again(db_now())
        messages.success(request, f"The legal hold on {hold.label} was lifted.")
    else:
        messages.info(request, f"The legal hold on {hold.label} had already been lifted or had expired.")
    return redirect("legal-holds")


def _saved(request: HttpRequest) -> HttpResponse:
    runs.count_anew(db_now())
    messages.success(request, _SAVED)
    return redirect("retention")
