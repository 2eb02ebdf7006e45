"""Re-authentication before the most harmful actions.

The page carries the submitted form, so that nothing is typed twice and nothing is stored.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.mfa.webauthn.internal import auth as webauthn
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.debug import sensitive_post_parameters
from django_htmx.http import HttpResponseClientRefresh

from commlog import permissions
from commlog.account import factors, passwords, recent_proof
from commlog.account.recent_proof import PREFIX
from commlog.company import discovery
from commlog.kit.compression import shown_once
from commlog.models import User

View = Callable[..., HttpResponseBase]
_GET = f"{PREFIX}get"  # the page that was asked for, not sent


def before(view: View) -> View:
    """Ask before the page is shown, and before it is submitted."""
    return _guarded(view, ("GET", "POST"))


def before_sending(view: View) -> View:
    """Ask before the page's form is executed."""
    return _guarded(view, ("POST",))


def demand(request: HttpRequest) -> HttpResponse | None:
    """Return the page that asks, or None if the proof is recent. Scripts are sent to ask as a page does."""
    user = permissions.staff(request)
    answered = [name for name in request.POST if name.startswith(PREFIX)]
    if not answered and recent_proof.is_fresh(request, user):
        return None
    if not answered:
        if getattr(request, "htmx", False):
            return HttpResponseClientRefresh()
        return redirect(request.get_full_path()) if "brief" in request.POST else _page(request, user)
    try:
        right = recent_proof.confirm(request, user, request.POST)
    except passwords.Refused as refused:
        return _page(request, user, refused.said, wait=refused.wait)
    if not right:
        return _page(request, user, "That is not correct. Nothing has been changed. Try again.")
    return _go_on(request, answered)


def passkey_options(user: User) -> dict[str, Any] | None:
    """Return the browser's options for a passkey of the user; None if there is none."""
    is_there = factors.of(user).filter(type=factors.PASSKEY).exists()
    return webauthn.begin_authentication(user) if is_there else None


def _guarded(view: View, methods: tuple[str, ...]) -> View:
    @wraps(view)
    @sensitive_post_parameters()
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        page = demand(request) if request.method in methods else None
        return page or view(request, *args, **kwargs)

    return guarded


def _go_on(request: HttpRequest, answered: list[str]) -> HttpResponse | None:
    if _GET in answered:
        return redirect(request.get_full_path())
    sent = request.POST.copy()
    for name in answered:
        del sent[name]
    request.POST = sent  # type: ignore[assignment]
    return None


def _page(request: HttpRequest, user: User, problem: str = "", *, wait: int = 0) -> HttpResponse:
    kept = [(name, value) for name, values in request.POST.lists() for value in values]
    kept = [(name, value) for name, value in kept if not name.startswith(PREFIX) and name != _CSRF]
    asked = request.method == "GET" or _GET in request.POST
    context = {
        "kept": [*kept, *([(_GET, "1")] if asked else [])],
        "problem": problem,
        "has_factor": factors.has(user),
        "passkey": passkey_options(user),
        "by_company": _by_company(request, user),
    }
    # A password may be in what was sent.
    response = shown_once(render(request, "account/confirm.html", context, status=429 if wait else 200))
    if wait:
        response["Retry-After"] = str(wait)
    return response


def _by_company(request: HttpRequest, user: User) -> str:
    """Return the link to the company's provider for users with neither factor nor password."""
    if not discovery.is_on() or factors.has(user) or user.has_usable_password():
        return ""
    page = request.get_full_path() if request.method == "GET" else request.headers.get("Referer", "")
    return f"{reverse('company')}?{urlencode({'for': 'again', 'next': page})}"


_CSRF = "csrfmiddlewaretoken"
