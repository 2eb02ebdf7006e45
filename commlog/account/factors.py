"""A user's second factor: authenticator app, passkeys, and recovery codes for when both are lost."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal import flows as code_flows
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal import flows as app_flows
from allauth.mfa.webauthn.forms import AddWebAuthnForm, AuthenticateWebAuthnForm
from allauth.mfa.webauthn.internal import flows as passkey_flows
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from commlog import audit
from commlog.account import notices, passwords, sessions
from commlog.audit import AuditAction, Command
from commlog.models import User
from commlog.models.user import ADMINISTRATOR
from notifications.secrets.sealed import rotate_too

CODES = Authenticator.Type.RECOVERY_CODES
APP = Authenticator.Type.TOTP
PASSKEY = Authenticator.Type.WEBAUTHN
LONGEST_CODE = 40
_WORDS = {APP: "authenticator app", PASSKEY: "passkey", CODES: "recovery codes"}
_DUE = "factor_due"  # in the session: by when its user must set one up, in seconds since 1970


def of(user: User) -> QuerySet[Authenticator]:
    """Return the user's app and passkeys, oldest first."""
    return Authenticator.objects.filter(user=user).exclude(type=CODES).order_by("pk")


def has(user: User) -> bool:
    """Return whether the user has a second factor, which may have been prefetched."""
    known = user.__dict__.get("has_factor")
    return of(user).exists() if known is None else bool(known)


def is_required(user: User) -> bool:
    """Return whether a role of the user requires one. Superusers count as administrators."""
    roles = settings.SECOND_FACTOR_ROLES
    return bool(roles) and (
        (user.is_superuser and ADMINISTRATOR in roles) or user.groups.filter(name__in=roles).exists()
    )


def overview(user: User) -> dict[str, Any]:
    """Return what is set up (app, passkeys, codes_left; None: no recovery codes) and whether it is
    required.
    """
    all_of_them = list(Authenticator.objects.filter(user=user).order_by("pk"))
    by_type: dict[str, list[Authenticator]] = {kind: [] for kind in Authenticator.Type}
    for each in all_of_them:
        by_type[each.type].append(each)
    codes = by_type[CODES][0].wrap().get_unused_codes() if by_type[CODES] else None
    return {
        "app": next(iter(by_type[APP]), None),
        "passkeys": by_type[PASSKEY],
        "codes_left": None if codes is None else len(codes),
        "required": is_required(user),
    }


def is_proved(request: HttpRequest, user: User, given: Mapping[str, Any]) -> bool:
    """Return whether `given` holds a valid `code` or `credential`; it is used up and counts for this session.

    Raises passwords.Locked or passwords.Busy.
    """
    form: Any
    if given.get("credential"):
        form = AuthenticateWebAuthnForm(user=user, data={"credential": str(given["credential"])})
    else:
        form = AuthenticateForm(user=user, data={"code": str(given.get("code", "")).replace(" ", "")})
    if len(form.data.get("code", "")) > LONGEST_CODE or not passwords.code_is_right(
        request, user, form.is_valid
    ):
        return False
    form.save()
    used = form.cleaned_data.get("credential") or form.authenticator
    if used.type == CODES:
        _used_up(user, used)
    return True


def add_app(request: HttpRequest, user: User, form: ActivateTOTPForm) -> bool:
    """Add the app whose code was verified. Return whether recovery codes were created too."""
    with transaction.atomic():
        app, codes = app_flows.activate_totp(request, form)
        _added(request, user, app)
    return codes is not None


def add_passkey(request: HttpRequest, user: User, form: AddWebAuthnForm) -> bool:
    """Add the passkey of a valid form. Return whether recovery codes were created too."""
    with transaction.atomic():
        passkey, codes = passkey_flows.add_authenticator(request, **form.cleaned_data)
        _added(request, user, passkey)
    return codes is not None


def renew_codes(request: HttpRequest, user: User) -> None:
    """Create new recovery codes; the old ones become invalid."""
    with transaction.atomic():
        code_flows.generate_recovery_codes(request)
        audit.record(user, AuditAction.RECOVERY_CODES_NEW, user)


def codes_to_show(request: HttpRequest) -> list[str]:
    """Return the recovery codes on the first call after their creation; then an empty list."""
    found, shown = code_flows.view_recovery_codes(request)
    codes: list[str] = found.get_unused_codes() if found and shown else []
    return codes


def begin(user: User, session: SessionBase) -> None:
    """Set a new session's deadline for setting one up; the days of grace begin with the first session."""
    session.pop(_DUE, None)
    if not is_required(user) or has(user):
        return
    if user.factor_due_at is None:
        user.factor_due_at = timezone.now() + timedelta(days=settings.SECOND_FACTOR_GRACE_DAYS)
        user.save(update_fields=["factor_due_at"])
    session[_DUE] = user.factor_due_at.timestamp()


def due(session: SessionBase) -> datetime | None:
    """Return the session's deadline for setting one up; None if there is one or none is required."""
    at = session.get(_DUE)
    return None if at is None else datetime.fromtimestamp(at, timezone.get_current_timezone())


def is_overdue(session: SessionBase) -> bool:
    """Return whether the deadline has passed, so that only the set-up pages are open."""
    at = due(session)
    return at is not None and at <= timezone.now()


def remove(user: User, pk: int) -> bool:
    """Remove one, and with the last the recovery codes. Return False if a role requires the last one."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        mine = list(of(user))
        found = next((each for each in mine if each.pk == pk), None)
        if found is None:
            return True
        if len(mine) == 1 and is_required(user):
            return False
        audit.record(user, AuditAction.FACTOR_REMOVED, user, after={"factor": _named(found)})
        notices.tell(user, "A second factor was removed", f"Removed from your account: {_named(found)}.")
        found.delete()
        if len(mine) == 1:
            Authenticator.objects.filter(user=user).delete()
    return True


def reset(user: User, *, by: User | Command) -> int:
    """Remove all factors of a user who lost them, and end their sessions. Return how many there were.

    A user who must have one gets no days of grace: the next sign-in leads to the set-up.
    """
    with transaction.atomic():
        lost = [_named(each) for each in of(user)]
        Authenticator.objects.filter(user=user).delete()
        User.objects.filter(pk=user.pk).update(factor_due_at=timezone.now())
        audit.record(by, AuditAction.FACTOR_RESET, user, before={"factors": lost})
        sessions.end(user, by=by)
        told = (
            f"{by.name} removed your second factor. You were signed out everywhere. If your role needs one, "
            "the next sign-in asks you to set up another."
        )
        notices.tell(user, "Your second factor was removed", told)
    return len(lost)


def listen() -> None:
    """Include the library's secrets in key rotation."""
    rotate_too(Authenticator, "data")


def _added(request: HttpRequest, user: User, authenticator: Authenticator) -> None:
    request.session.pop(_DUE, None)
    record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type)  # just proved
    audit.record(user, AuditAction.FACTOR_ADDED, user, after={"factor": _named(authenticator)})
    notices.tell(user, "A second factor was added", f"Added to your account: {_named(authenticator)}.")


def _used_up(user: User, authenticator: Authenticator) -> None:
    left = len(authenticator.wrap().get_unused_codes())
    audit.record(user, AuditAction.RECOVERY_CODE_USED, user, after={"codes left": left})
    notices.tell(user, "A recovery code was used", f"It opens nothing any more. {left} are left.")


def _named(authenticator: Authenticator) -> str:
    word = _WORDS[Authenticator.Type(authenticator.type)]
    return f"{word} {authenticator.wrap().name}" if authenticator.type == PASSKEY else word
