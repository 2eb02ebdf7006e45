"""A user's own account: password, sessions, order of the menu."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from commlog import permissions
from commlog.account import sessions
from commlog.account.forms import SessionForm
from commlog.administration.menu import changes
from commlog.administration.menu.forms import ItemStepForm
from commlog.administration.users import staff
from commlog.administration.users.forms import OwnPasswordForm
from commlog.views import reauthentication


@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """Show the user's account, sessions and menu order."""
    user = permissions.staff(request)
    context = {
        "roles": user.groups.order_by("name"),
        "sessions": sessions.live(user),
        "here": request.session.session_key,
        "items": permissions.menu_items_for(user),
    }
    return render(request, "account/account.html", context)


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """Change the own password. The user's other sessions end; this one gets a new key."""
    user = permissions.staff(request)
    form = OwnPasswordForm(request.POST or None, user=user, request=request)
    if form.is_valid():
        here = request.session.session_key
        staff.set_password(user, form.cleaned_data["password"], by=user, keep=here)
        update_session_auth_hash(request, user)
        sessions.renamed(here, request.session.session_key)
        messages.success(request, "Your password was changed, and you were signed out everywhere else.")
        return redirect("account")
    response = render(request, "account/password.html", {"form": form}, status=429 if form.refused else 200)
    if form.refused:
        response["Retry-After"] = str(form.refused.wait)
    return response


@require_POST
@reauthentication.before_sending
def end_session(request: HttpRequest) -> HttpResponse:
    """End one of the user's other sessions, or all of them."""
    user, form = permissions.staff(request), SessionForm(request.POST)
    if form.is_valid():
        ended = sessions.end(
            user, by=user, only=form.cleaned_data["session"], but=request.session.session_key
        )
        messages.success(request, f"{ended} session{'' if ended == 1 else 's'} ended.")
    return redirect(reverse("account") + "#sessions")


@require_POST
def order(request: HttpRequest) -> HttpResponse:
    user, form = permissions.staff(request), ItemStepForm(request.POST)
    if "reset" in request.POST:
        changes.forget_own(user)
    elif form.is_valid():
        changes.move_own(user, form.cleaned_data["item"], form.cleaned_data["direction"])
    return redirect(reverse("account") + "#menu")
