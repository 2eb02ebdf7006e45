"""Company sign-in: redirect and return, linking an account, and logout by the provider."""

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from commlog import permissions
from commlog.account import passwords, recent_proof, sessions
from commlog.company import discovery, logout, people, provider, refusals, tokens
from commlog.company.discovery import Unreachable
from commlog.kit import return_address
from commlog.models import User
from commlog.views import reauthentication

_LINK, _AGAIN, _SIGN_IN = "link", "again", "sign in"
_DOWN = "The company sign-in does not answer. Try again in a minute."


@login_not_required
@require_safe
def leave(request: HttpRequest) -> HttpResponse:
    """Redirect to the provider. By a link, not a form: the pages' policy allows no form to another host."""
    _need()
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        return redirect("sign-in")  # somebody else's page begins no session here
    purpose = request.GET.get("for", _SIGN_IN)
    if purpose != _SIGN_IN and not request.user.is_authenticated:
        return redirect("sign-in")
    if purpose == _LINK and not recent_proof.is_fresh(request, permissions.staff(request)):
        return redirect("security-company")
    to = return_address.back(request, otherwise=reverse("security" if purpose == _LINK else "home"))
    try:
        passwords.refuse_flood(request, "company")
        return provider.leave(request, to=to, purpose=purpose, again=purpose == _AGAIN)
    except passwords.Locked as locked:
        return _refusal(request, locked.said, status=429)
    except Unreachable as down:
        refusals.note_down(down)
        return _refusal(request, _DOWN, status=503)


@login_not_required
@require_safe
def come_back(request: HttpRequest) -> HttpResponse:
    """Handle the return from the provider: sign in, or continue what was begun."""
    _need()
    try:
        claims, state = provider.come_back(request)
        if state["purpose"] == _LINK:
            return _linked(request, str(claims["sub"]), state["next"])
        if state["purpose"] == _AGAIN:
            return _confirmed(request, str(claims["sub"]), state["next"])
        user = people.enter(claims)
    except Unreachable as down:
        refusals.note_down(down)
        return _refusal(request, _DOWN, status=503)
    except provider.Refused as refused:
        refusals.note(request, refused.why)
        return _refusal(request, refused.said)
    except people.NotLet as refused:
        refusals.note(request, str(refused), subject=str(claims["sub"]))
        return _refusal(request, str(refused), subject=str(claims["sub"]))
    return _sign_in(request, user, str(claims.get("sid") or ""), state["next"])


@require_http_methods(["GET", "HEAD", "POST"])
@reauthentication.before
def own(request: HttpRequest) -> HttpResponse:
    """Link one's own company account; with POST unlink it."""
    _need()
    user = permissions.staff(request)
    if request.method == "POST":
        if user.has_usable_password() and passwords.may_be_used(user):
            people.unlink(user, by=user)
            messages.success(request, "The company account is not linked any more.")
        else:
            messages.error(request, "Without a password it is your only way to sign in.")
        return redirect("security")
    return render(request, "account/company.html", {"subject": people.subject_of(user)})


@login_not_required
@require_safe
def leave_for_good(request: HttpRequest) -> HttpResponse:
    """Sign out at the provider, too."""
    _need()
    try:
        return redirect(provider.way_out())
    except Unreachable:
        return _refusal(
            request, "The company’s provider offers no sign-out here. Sign out there.", status=503
        )


@csrf_exempt
@login_not_required
@require_POST
def ended(request: HttpRequest) -> HttpResponse:
    """Handle a logout at the provider (OpenID Connect Back-Channel Logout 1.0)."""
    _need()
    try:
        logout.by_provider(request.POST.get("logout_token"))
    except tokens.Wrong as wrong:
        refusals.note(request, f"logout: {wrong}")
        return JsonResponse({"error": "invalid_request"}, status=400)
    except Unreachable as down:
        refusals.note_down(down)
        return JsonResponse({"error": "temporarily_unavailable"}, status=503)
    return HttpResponse()


def _need() -> None:
    if not discovery.is_on():
        raise Http404


def _sign_in(request: HttpRequest, user: User, sid: str, to: str) -> HttpResponse:
    """Continue with the second step, if there is one, and sign in."""
    request.session[sessions.COMPANY] = sid[:255]
    record_authentication(request, user, "socialaccount")
    response: HttpResponse = perform_login(request, Login(user=user, redirect_url=to))
    return response


def _linked(request: HttpRequest, subject: str, to: str) -> HttpResponse:
    if not request.user.is_authenticated or not recent_proof.is_fresh(request, permissions.staff(request)):
        return redirect("security-company")
    people.link(permissions.staff(request), subject, by=permissions.staff(request))
    messages.success(request, f"Linked. From now on you can sign in with {settings.COMPANY_SIGN_IN_NAME}.")
    return redirect(to)


def _confirmed(request: HttpRequest, subject: str, to: str) -> HttpResponse:
    if not request.user.is_authenticated or people.user_of(subject) != request.user:
        raise provider.Refused("That is another person’s account.", "confirmed by somebody else")
    record_authentication(request, request.user, "socialaccount")
    here = request.session.session_key
    request.session.cycle_key()
    sessions.renamed(here, request.session.session_key)
    return redirect(to)


def _refusal(request: HttpRequest, said: str, *, subject: str = "", status: int = 403) -> HttpResponse:
    context = {"said": said, "subject": subject, "local": settings.LOCAL_PASSWORDS}
    response = render(request, "account/company_refused.html", context, status=status)
    if status in (429, 503):
        response["Retry-After"] = "60"
    return response
