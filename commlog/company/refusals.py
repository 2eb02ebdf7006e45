"""Audit of failed company sign-ins: limited per address and minute, without user input."""

import logging

from django.http import HttpRequest

from commlog import audit, counts
from commlog.audit import AuditAction
from commlog.company.discovery import Unreachable
from commlog.kit import origins

_log = logging.getLogger(__name__)


def note(request: HttpRequest, why: str, *, subject: str = "") -> None:
    """Record a refused sign-in; `subject` if the provider vouches for it."""
    network = origins.network_of(origins.address_of(request))
    if counts.at_most(audit.MOST_A_MINUTE, f"company:{network}:refused"):
        after = {"reason": why} | ({"subject": subject} if subject else {})
        audit.record(None, AuditAction.COMPANY_REFUSED, kind="user", label="company account", after=after)


def note_down(down: Unreachable) -> None:
    """Log for operators, once a minute, that the provider does not answer."""
    if counts.at_most(1, "company:down"):
        _log.warning("The company sign-in failed: %s", down)
