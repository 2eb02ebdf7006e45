"""Recent proof of identity, required again before the most harmful actions."""

import time
from collections.abc import Mapping
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from django.conf import settings
from django.http import HttpRequest

from commlog.account import factors, passwords, sessions
from commlog.models import User

PREFIX = "confirm_"  # of the fields of the page that asks: password, code, credential


def is_fresh(request: HttpRequest, user: User) -> bool:
    """Return whether the user gave proof within CONFIRM_MINUTES: with the second factor, if there is one."""
    since = time.time() - settings.CONFIRM_MINUTES * 60
    if not settings.CONFIRM_MINUTES:
        return True
    proofs = [each["method"] for each in get_authentication_records(request, user) if each["at"] > since]
    return "mfa" in proofs or (bool(proofs) and not factors.has(user))


def confirm(request: HttpRequest, user: User, given: Mapping[str, Any]) -> bool:
    """Return whether the submitted proof is right; if so, record it and rotate the session key.

    Raises passwords.Locked or passwords.Busy.
    """
    right = _is_right(request, user, given)
    if right:
        here = request.session.session_key
        request.session.cycle_key()
        sessions.renamed(here, request.session.session_key)
    return right


def _is_right(request: HttpRequest, user: User, given: Mapping[str, Any]) -> bool:
    if factors.has(user):
        return factors.is_proved(
            request, user, {name: given.get(PREFIX + name) for name in ("code", "credential")}
        )
    right = passwords.is_present(request, user, str(given.get(f"{PREFIX}password", "")))
    if right:
        record_authentication(request, user, "password")
    return right
