"""The second factor: the step at sign-in, and its set-up pages."""

from base64 import b64encode
from typing import Any

from allauth.account.stages import LoginStageController
from allauth.mfa.adapter import get_adapter
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from allauth.mfa.webauthn.internal import flows as passkey_flows
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from commlog import permissions
from commlog.account import factors, passwords
from commlog.account.second_step import SecondStep
from commlog.company import discovery, people
from commlog.kit.compression import shown_once
from commlog.views import reauthentication

LONGEST_NAME = 60  # of a passkey
WRONG = "This code or passkey is wrong or was used before. App codes change every 30 seconds."


@login_not_required
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_code(request: HttpRequest) -> HttpResponse:
    """The second step of a sign-in. Without the first, or too long after it, restart with the first."""
    step = None if request.user.is_authenticated else LoginStageController.enter(request, SecondStep.key)
    user = step.login.user if step else None
    if step is None or user is None or not user.is_active:
        return redirect("sign-in")
    problem, wait = "", 0
    if request.method == "POST":
        try:
            if factors.is_proved(request, user, request.POST):
                return step.exit()
            problem = WRONG
        except passwords.Refused as refused:
            problem, wait = refused.said, refused.wait
    context = {"problem": problem, "passkey": reauthentication.passkey_options(user)}
    response = render(request, "account/sign_in_code.html", context, status=429 if wait else 200)
    if wait:
        response["Retry-After"] = str(wait)
    return response


@require_safe
def security(request: HttpRequest) -> HttpResponse:
    """Show what protects the account."""
    user = permissions.staff(request)
    context = factors.overview(user) | {"due": factors.due(request.session), "now": timezone.now()}
    if discovery.is_on():
        context |= {"company": settings.COMPANY_SIGN_IN_NAME, "subject": people.subject_of(user)}
    return render(request, "account/security.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@reauthentication.before
def app_new(request: HttpRequest) -> HttpResponse:
    """Set up an authenticator app."""
    user = permissions.staff(request)
    if factors.of(user).filter(type=factors.APP).exists():
        return redirect("security")
    form = ActivateTOTPForm(request.POST or None, user=user)
    if form.is_bound and _is_right(request, form):
        codes = factors.add_app(request, user, form)
        messages.success(request, "The app is set up. From now on you need its code to sign in.")
        return redirect("security-codes" if codes else "security")
    address = get_adapter().build_totp_url(user, form.secret)
    picture = b64encode(get_adapter().build_totp_svg(address).encode()).decode()
    context = {"form": form, "secret": form.secret, "picture": f"data:image/svg+xml;base64,{picture}"}
    return shown_once(render(request, "account/app_new.html", context))


@require_http_methods(["GET", "HEAD", "POST"])
@reauthentication.before
def passkey_new(request: HttpRequest) -> HttpResponse:
    """Set up a passkey, which needs the browser's script."""
    user = permissions.staff(request)
    form = AddWebAuthnForm(_named(request) if request.method == "POST" else None, user=user)
    if form.is_bound and form.is_valid():
        codes = factors.add_passkey(request, user, form)
        messages.success(request, "The passkey is set up. From now on you need it to sign in.")
        return redirect("security-codes" if codes else "security")
    options = passkey_flows.begin_registration(request, user, passwordless=False)
    return render(request, "account/passkey_new.html", {"form": form, "options": options})


def _is_right(request: HttpRequest, form: ActivateTOTPForm) -> bool:
    try:
        return passwords.code_is_right(request, permissions.staff(request), form.is_valid)
    except passwords.Refused as refused:
        form.errors["code"] = form.error_class([refused.said])
        return False


def _named(request: HttpRequest) -> dict[str, Any]:
    """Return the submitted data with a clean name."""
    name = " ".join(request.POST.get("name", "").split())
    return {"name": name[:LONGEST_NAME] or "Passkey", "credential": request.POST.get("credential", "")}


@require_POST
@reauthentication.before_sending
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    if factors.remove(permissions.staff(request), pk):
        messages.success(request, "Removed.")
    else:
        messages.error(request, "Your role requires a second factor. Set up another one first.")
    return redirect("security")


@require_http_methods(["GET", "HEAD", "POST"])
@reauthentication.before
def codes(request: HttpRequest) -> HttpResponse:
    """Show the recovery codes, once; with POST replace them by new ones."""
    user = permissions.staff(request)
    if not factors.has(user):
        return redirect("security")
    if request.method == "POST":
        factors.renew_codes(request, user)
        return redirect("security-codes")
    return shown_once(render(request, "account/codes.html", {"codes": factors.codes_to_show(request)}))
