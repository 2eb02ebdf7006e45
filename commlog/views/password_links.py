"""Choosing a password by an e-mailed link: resets and invitations."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from commlog.account import links, passwords
from commlog.account.forms import ForgottenForm
from commlog.administration.users import staff
from commlog.administration.users.forms import ChosenPasswordForm
from commlog.kit.compression import shown_once
from notifications.text import keys

# Whether there is such a user, nobody learns.
ASKED = (
    f"If a user with that name has an e-mail address here, a link is on its way. It is valid for "
    f"{links.RESET.seconds // 60} minutes."
)
NO_LINK = "This link is no longer valid: it has been used or is too old. Ask for a new one."


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def forgotten(request: HttpRequest) -> HttpResponse:
    """Request a link by e-mail. Without a mail server the page says whom to ask instead."""
    form, refused = ForgottenForm(request.POST or None), None
    if links.are_sent() and form.is_valid():
        try:
            links.ask(request, form.cleaned_data["username"])
            messages.success(request, ASKED)
            return redirect("sign-in")
        except passwords.Locked as locked:
            refused = locked
    context = {"form": form, "refused": refused and refused.said, "can_send": links.are_sent()}
    response = render(request, "account/forgotten.html", context, status=429 if refused else 200)
    if refused:
        response["Retry-After"] = str(refused.wait)
    return response


@login_not_required
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: HttpRequest) -> HttpResponse:
    """Choose a password. The link's secret is in the query, which no log keeps, then in the form."""
    given = request.POST if request.method == "POST" else request.GET
    key, token = keys.key_in(given.get("user", "")), given.get("token", "")
    user = links.owner(key, token)
    if key is None or user is None:
        return render(request, "account/choose_password.html", {"problem": NO_LINK}, status=410)
    form = ChosenPasswordForm(request.POST or None, user=user)
    if form.is_valid() and staff.choose_password(key, token, form.cleaned_data["password"]):
        messages.success(request, "Your password was set. Sign in with it.")
        return redirect("sign-in")
    context = {"form": form, "person": user, "token": token, "invited": links.is_invited(user)}
    return shown_once(render(request, "account/choose_password.html", context))
