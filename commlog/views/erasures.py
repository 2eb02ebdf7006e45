"""Erasing a person: choice, preview, second person, and certificate."""

from contextlib import suppress
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from commlog import permissions
from commlog.administration.erasures import certificate
from commlog.administration.erasures.forms import EraseForm
from commlog.erasure import requesting
from commlog.erasure.targets import kind_of
from commlog.live import parts
from commlog.models import Erasure
from commlog.views import reauthentication

MOST = 200
_DECIDE = {"approve": requesting.approve, "reject": requesting.reject}


@require_safe
@permissions.can_view_administration
def index(request: HttpRequest) -> HttpResponse:
    context = {
        "erasures": Erasure.objects.order_by("-pk")[:MOST],
        "can_erase": permissions.may_erase(request.user),
    }
    return render(request, "administration/erasures/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("which")
@permissions.can_erase
@reauthentication.before_sending
def new(request: HttpRequest) -> HttpResponse:
    """Ask whom to erase and show a preview; submitted again with `erase`, request the erasure."""
    given = {name: request.GET[name] for name in ("of", "which") if name in request.GET}
    form, preview, named = EraseForm(request.POST or None, initial=given), None, ""
    if form.is_valid():
        what = form.cleaned_data["what"]
        if "erase" in request.POST:
            with suppress(requesting.Refused):  # the preview says why
                return redirect("erasure", requesting.ask(what, by=permissions.staff(request)).key)
        preview = requesting.preview(what)
        if not isinstance(what, str) and permissions.may_view_recipient(request.user, kind_of(what)):
            named = what.name
    context = {"form": form, "preview": preview, "named": named}
    return render(request, "administration/erasures/new.html", context)


@require_safe
@permissions.can_view_administration
def erasure(request: HttpRequest, key: UUID) -> HttpResponse:
    """Show the progress; once it is done, the certificate."""
    found = get_object_or_404(Erasure, key=key)
    context = {
        "erasure": found,
        "done": certificate.done(found),
        "kept": certificate.kept(found),
        "holds": certificate.holds(found),
        "may_decide": permissions.may_approve_erasure(request.user, found),
    }
    return parts.render(request, "administration/erasures/erasure.html", context)


@require_POST
@permissions.can_erase
@reauthentication.before_sending
def decide(request: HttpRequest, key: UUID, action: str) -> HttpResponse:
    found = get_object_or_404(Erasure, key=key)
    if action not in _DECIDE:
        raise Http404
    if found.asked_by_id == request.user.pk:
        raise PermissionDenied("A second person with the permission “Erase people” has to approve it.")
    if not _DECIDE[action](found, by=permissions.staff(request)):
        messages.warning(request, "The erasure has changed in the meantime. Nothing was done.")
    return redirect("erasure", key)
