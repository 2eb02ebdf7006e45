"""Middleware of every request."""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django_htmx.http import HttpResponseClientRedirect

from commlog.account import factors, sessions
from commlog.kit import origins, return_address
from commlog.views.errors import address_too_long

GetResponse = Callable[[HttpRequest], HttpResponse]
UNSENT = "You were signed out, so nothing was changed. Sign in and try again."
TOO_LONG = (
    "The address of that page was too long to keep its filter. Use the browser’s back button to restore it."
)
_SIGN_IN = 100  # characters of the sign-in page's own address
BY_ITSELF = "Commlog-By-Itself"  # the header of what a page asks for without its reader


class ProbesMiddleware:
    """Answers health probes by any host name: load balancers ask by address, systemd by 127.0.0.1."""

    PATHS = frozenset(("/healthz", "/readyz", "/healthz/sender", "/metrics"))

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info in self.PATHS:
            request.get_host = _public_host  # type: ignore[method-assign]  # what Django would check against ALLOWED_HOSTS
        return self.get_response(request)


def _public_host() -> str:
    return urlsplit(settings.PUBLIC_URL).netloc


class TrustedProxyMiddleware:
    """Trusts X-Forwarded-For and -Proto from TRUSTED_PROXY_NETS; removes them otherwise."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        hops = [hop for hop in request.META.pop("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
        address = origins.address_of(request)
        if not _trusted(address):
            request.META.pop("HTTP_X_FORWARDED_PROTO", None)
        while hops and _trusted(address):
            # Left of what is no address stands only what the proxies did not write.
            if (nearer := origins.parse(hops.pop())) is None:
                break
            request.META["REMOTE_ADDR"] = address = nearer
        return self.get_response(request)


def _trusted(address: str | None) -> bool:
    return address is not None and any(
        ip_address(address) in network for network in settings.TRUSTED_PROXY_NETS
    )


class AddressLengthMiddleware:
    """Answers URLs longer than ours; a web server would only say 414."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = len(request.path) + len(request.META.get("QUERY_STRING", ""))
        return (
            address_too_long(request, length)
            if length > return_address.LONGEST
            else self.get_response(request)
        )


class NoStoreMiddleware:
    """Forbids caching of pages with messages."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class SignedInMiddleware(LoginRequiredMiddleware):
    """Requires sign-in; extends sessions on use, but not on polls."""

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., Any], view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        refused = super().process_view(request, view_func, view_args, view_kwargs)
        if refused is None and not _open_to_everybody(view_func) and BY_ITSELF not in request.headers:
            sessions.keep(request.session)
        return refused

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., Any]
    ) -> HttpResponseRedirect:
        """Redirect to the sign-in page and back. A submitted form is neither executed nor kept."""
        if request.method in ("GET", "HEAD"):
            page = request.get_full_path()
        else:
            messages.warning(request, UNSENT)
            page = request.headers.get("Referer", "")
        page = page if return_address.is_ours(page, request) else ""
        if len(urlencode({"next": page})) > return_address.LONGEST_WAY - _SIGN_IN:
            messages.warning(request, TOO_LONG)
            page = page.partition("?")[0]
        return redirect_to_login(page, self.get_login_url(view_func))


class FirstThingsMiddleware:
    """Redirects users to a step they must take first; no other page is open to them.

    These are users whose password was set by an administrator, and users who are overdue with a second
    factor. API clients with such an account are let through: nobody could take the step there.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Return the redirect, except for that page, sign-out and public pages."""
        if _open_to_everybody(view):
            return None
        if getattr(request.user, "must_change_password", False):
            page = reverse("account-password")
        elif factors.is_overdue(request.session):
            page = reverse("security")
        else:
            return None
        if request.path.startswith(page) or request.path in (reverse("session-left"), reverse("live")):
            return None
        return HttpResponseClientRedirect(page) if "HX-Request" in request.headers else redirect(page)


def _open_to_everybody(view: Callable[..., Any]) -> bool:
    return not getattr(view, "login_required", True)
