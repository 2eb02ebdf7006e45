"""What happens when somebody signs in or out: the audit trail, and the list of a user's sessions."""

import re
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.http import HttpRequest

from commlog import audit
from commlog.account import sessions
from commlog.audit import AuditAction
from commlog.kit import origins
from commlog.models import User

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
    """Connect the receivers."""
    user_logged_in.connect(_signed_in, dispatch_uid="commlog")
    user_logged_out.connect(_signed_out, dispatch_uid="commlog")


def browser_of(request: HttpRequest) -> str:
    """The browser's family and system, such as "Firefox on Windows"; a whole User-Agent says more about a
    person than anyone needs.
    """
    agent = request.META.get("HTTP_USER_AGENT", "")[:500]
    found = [
        next((name for name, pattern in known if re.search(pattern, agent)), "")
        for known in (_BROWSERS, _SYSTEMS)
    ]
    return " on ".join(name for name in found if name)


def _signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    sessions.begin(user, request.session, address=origins.address_of(request), browser=browser_of(request))
    audit.record(user, AuditAction.SIGNED_IN, user)


def _signed_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is not None:
        sessions.forget(request.session.session_key)
        audit.record(user, AuditAction.SIGNED_OUT, user)
