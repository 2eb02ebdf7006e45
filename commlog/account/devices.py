"""Known browsers of a user, recognised by a cookie; a sign-in with a new one is reported to the user."""

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase

from commlog.account import notices
from commlog.account.sign_ins import browser_of
from commlog.audit import AuditAction
from commlog.kit import origins
from commlog.models import AuditEntry, User

SALT = "commlog.account.devices"
KEPT = 365 * 24 * 3600  # seconds
_MOST = 20  # users of one browser


def note(request: HttpRequest, response: HttpResponseBase, user: User) -> None:
    """Notify the user of a sign-in with a new browser, unless it is their first, and remember the browser.

    Not in development: many people share the demo's users.
    """
    known = _known(request)
    if user.pk not in known and not settings.DEBUG and _has_signed_in_before(user):
        where = origins.address_of(request) or "an unknown address"
        what = browser_of(request) or "an unknown browser"
        said = f"Somebody signed in to your account from {where} with {what}."
        notices.tell(user, "Sign-in with a new device", said)
    known = [user.pk, *(each for each in known if each != user.pk)][:_MOST]
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        signing.dumps(known, salt=SALT),
        max_age=KEPT,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _known(request: HttpRequest) -> list[int]:
    """Return the users who have signed in with this browser; none if the cookie is not valid."""
    try:
        found = signing.loads(request.COOKIES.get(settings.DEVICE_COOKIE_NAME, ""), salt=SALT, max_age=KEPT)
    except signing.BadSignature:
        return []
    return [each for each in found if isinstance(each, int)]


def _has_signed_in_before(user: User) -> bool:
    """Return whether the audit trail has an earlier sign-in."""
    signed_in = AuditEntry.objects.filter(actor=user, action=AuditAction.SIGNED_IN).order_by("-pk")
    return len(signed_in.values_list("pk")[:2]) > 1
