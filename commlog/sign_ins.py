"""What happens when somebody signs in or out, or tries to: the audit trail, and the list of a user's sessions."""

import re
from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest

from commlog import audit, origins, sessions
from commlog.audit import AuditAction
from commlog.models import User

UNKNOWN = "a user name that does not exist"  # never what was typed: it may be a password in the wrong box
_BROWSERS = (
    ("Edge", r"\bEdgA?/"),
    ("Opera", r"\bOPR/"),
    ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Firefox", r"\b(Firefox|FxiOS)/"),
    ("Chrome", r"\b(Chrome|CriOS|HeadlessChrome)/"),
    ("Safari", r"\bSafari/"),
)
_SYSTEMS = (("Windows", "Windows"), ("Android", "Android"), ("iPhone or iPad", r"iPhone|iPad"), ("macOS", "Mac OS X"), ("Linux", "Linux"))


def listen() -> None:
    """Connect the receivers."""
    user_logged_in.connect(_signed_in, dispatch_uid="commlog")
    user_logged_out.connect(_signed_out, dispatch_uid="commlog")
    user_login_failed.connect(_failed, dispatch_uid="commlog")
    user_locked_out.connect(_locked, dispatch_uid="commlog")


def browser_of(request: HttpRequest) -> str:
    """The browser's family and system, such as "Firefox on Windows"; a whole User-Agent says more about a person than anyone needs."""
    agent = request.META.get("HTTP_USER_AGENT", "")[:500]
    found = [next((name for name, pattern in known if re.search(pattern, agent)), "") for known in (_BROWSERS, _SYSTEMS)]
    return " on ".join(name for name in found if name)


def _signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    sessions.begin(user, request.session, address=origins.address_of(request), browser=browser_of(request))
    audit.record(user, AuditAction.SIGNED_IN, user)


def _signed_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is not None:
        sessions.forget(request.session.session_key)
        audit.record(user, AuditAction.SIGNED_OUT, user)


def _failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    where = origins.address_of(request) if request else None
    if audit.at_most(audit.MOST_A_MINUTE, f"failed:{where}"):
        _record_attempt(AuditAction.SIGN_IN_FAILED, credentials.get("username"))


def _locked(username: str | None = None, ip_address: str | None = None, **_: Any) -> None:
    if audit.at_most(audit.MOST_A_MINUTE, f"locked:{ip_address}"):
        _record_attempt(AuditAction.SIGN_IN_LOCKED, username)


def _record_attempt(action: AuditAction, username: object) -> None:
    named = isinstance(username, str) and "\0" not in username
    user = User.objects.filter(username=username).first() if named else None
    audit.record(None, action, user, kind="user", label="" if user else UNKNOWN)
