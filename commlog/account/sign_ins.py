"""Signal handlers for sign-in and sign-out: audit trail, and list of sessions."""

import re
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.http import HttpRequest

from commlog import audit
from commlog.account import factors, sessions
from commlog.audit import AuditAction
from commlog.kit import origins
from commlog.models import User
from notifications import alerts

_BROWSERS = (
    ("Edge", r"\bEdgA?/"),
    ("Opera", r"\bOPR/"),
    ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Firefox", r"\b(Firefox|FxiOS)/"),
    ("Chrome", r"\b(Chrome|CriOS|HeadlessChrome)/"),
    ("Safari", r"\bSafari/"),
)
_SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone or iPad", r"iPhone|iPad"),
    ("macOS", "Mac OS X"),
    ("Linux", "Linux"),
)


def listen() -> None:
    """Connect the signal handlers."""
    user_logged_in.connect(_signed_in, dispatch_uid="commlog")
    user_logged_out.connect(_signed_out, dispatch_uid="commlog")


def browser_of(request: HttpRequest) -> str:
    """Return browser and system, "Firefox on Windows": a whole User-Agent says more than needed."""
    agent = request.META.get("HTTP_USER_AGENT", "")[:500]
    found = [
        next((name for name, pattern in known if re.search(pattern, agent)), "")
        for known in (_BROWSERS, _SYSTEMS)
    ]
    return " on ".join(name for name in found if name)


def _signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    sessions.begin(user, request.session, address=origins.address_of(request), browser=browser_of(request))
    factors.begin(user, request.session)
    if sessions.COMPANY in request.session:
        audit.record(user, AuditAction.SIGNED_IN, user, after={"by": "company account"})
        return
    audit.record(user, AuditAction.SIGNED_IN, user)
    if not settings.LOCAL_PASSWORDS:
        _tell_of_break_glass(user)


def _tell_of_break_glass(user: User) -> None:
    audit.record(user, AuditAction.BREAK_GLASS, user)
    alerts.tell(
        f"Emergency sign-in of {user.username}",
        f"{user.name} signed in with a local password, which is switched off for everybody but the users of "
        "BREAK_GLASS_USERS.\n\nMake sure that this was meant. The audit trail shows the address.\n",
    )


def _signed_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is not None:
        sessions.forget(request.session.session_key)
        audit.record(user, AuditAction.SIGNED_OUT, user)
