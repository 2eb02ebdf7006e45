"""Users of company accounts, identified only by issuer and subject, never by name or address."""

import re
from collections.abc import Mapping
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth.models import Group as Role
from django.db import transaction
from django.utils import timezone

from commlog import audit
from commlog.account import notices
from commlog.administration.users import staff
from commlog.audit import AuditAction
from commlog.kit.edit_conflicts import Check, without_form
from commlog.kit.fields import LONGEST_USER_NAME
from commlog.models import CompanyGroup, User
from commlog.recipients import people
from notifications.channels.email import plain_address

LONGEST_SUBJECT = 191  # what the library's table holds
_MOST_GROUPS = 5_000
_NOT_IN_NAMES = re.compile(r"[^\w.@+-]")


class NotLet(Exception):
    """The person may not sign in. The text explains why to them."""


def user_of(subject: str) -> User | None:
    """Return the user linked with this account."""
    found = _accounts().filter(uid=subject).select_related("user").first()
    return found.user if found else None


def subject_of(user: User) -> str:
    """Return the user's subject at the provider; "" if none is linked."""
    return _accounts().filter(user=user).values_list("uid", flat=True).first() or ""


def enter(claims: Mapping[str, Any]) -> User:
    """Return the user with the roles of the current groups; created if settings allow. Raises NotLet."""
    with transaction.atomic():
        roles = _roles_of(claims)
        user = user_of(_subject(claims))
        if user is None:
            return _newcomer(claims, roles)
        if not user.is_active:
            raise NotLet("Your user in Commlog is deactivated. Ask an administrator.")
        _give(user, roles)
        _accounts().filter(user=user).update(last_login=timezone.now())
        has_any = user.is_superuser or user.groups.exists()
    if not has_any:  # outside: what was withdrawn stays so
        raise NotLet("No group of your company account gives you access to Commlog. Ask an administrator.")
    return user


def link(user: User, subject: str, *, by: User, check: Check = without_form) -> None:
    """Link this account with that user and no other. Raises NotLet.

    `check`: see commlog.kit.edit_conflicts.
    """
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        check()
        other = user_of(subject)
        if other is not None and other != user:
            raise NotLet(f"This account is already linked to {other.name}.")
        if other is None:
            _unlink(user, by=by)
            SocialAccount.objects.create(
                user=user, provider=settings.COMPANY_SIGN_IN_ISSUER, uid=subject, extra_data={}
            )
            audit.record(by, AuditAction.COMPANY_LINKED, user, after={"subject": subject})
            told = "Whoever has it at the company’s provider can sign in as you."
            notices.tell(user, "A company account was linked", f"It was linked by {by.name}. {told}")


def unlink(user: User, *, by: User, check: Check = without_form) -> None:
    """Unlink the account. Raises staff.Refused if nobody could administer any more."""
    with staff.keeping_an_administrator():
        User.objects.select_for_update().get(pk=user.pk)
        check()
        _unlink(user, by=by)


def _unlink(user: User, *, by: User) -> None:
    if subject := subject_of(user):
        _accounts().filter(user=user).delete()
        audit.record(by, AuditAction.COMPANY_UNLINKED, user, before={"subject": subject})


def _accounts() -> Any:
    return SocialAccount.objects.filter(provider=settings.COMPANY_SIGN_IN_ISSUER)


def _subject(claims: Mapping[str, Any]) -> str:
    subject = claims["sub"]
    if not 0 < len(subject) <= LONGEST_SUBJECT:
        raise NotLet("The provider’s name for you is too long.")
    return str(subject)


def _roles_of(claims: Mapping[str, Any]) -> set[Role]:
    """Return the roles that the claimed groups grant."""
    claimed = claims.get(settings.COMPANY_SIGN_IN_GROUPS)
    names = [claimed] if isinstance(claimed, str) else claimed if isinstance(claimed, list) else []
    groups = {name for name in names[:_MOST_GROUPS] if isinstance(name, str)}
    return {each.role for each in CompanyGroup.objects.select_related("role") if each.name in groups}


def _give(user: User, roles: set[Role]) -> None:
    """Grant these roles, and revoke those that only other groups grant. Raises NotLet."""
    by_groups = set(Role.objects.filter(company_groups__isnull=False))
    before = staff.described(user)
    held = set(user.groups.all())
    wanted = held - by_groups | roles
    if wanted == held:
        return
    try:
        with staff.keeping_an_administrator():
            user.groups.set(wanted)
            audit.record(None, AuditAction.CHANGED, user, before=before, after=staff.described(user))
    except staff.Refused as refused:
        # The role stays, so that the installation can be administered; but nobody comes in by it.
        raise NotLet(
            "Your groups no longer give you access, but you are the last administrator of Commlog."
        ) from refused


def _newcomer(claims: Mapping[str, Any], roles: set[Role]) -> User:
    """Create a user, if settings allow and a group grants a role. Raises NotLet."""
    if not settings.COMPANY_SIGN_IN_CREATES:
        raise NotLet(
            "No user of Commlog is linked to your company account. If you have a password here, sign in "
            "with it once and choose “Link company account” under Sign-in and security. Otherwise ask an "
            "administrator."
        )
    if not roles:
        raise NotLet("No group of your company account gives you access to Commlog. Ask an administrator.")
    user = User(
        username=_free_name(claims),
        first_name=_text(claims, "given_name", 150) or _text(claims, "name", 150),
        last_name=_text(claims, "family_name", 150),
        email=_address(claims),
    )
    staff.create_user(user, None, sorted(roles, key=lambda role: role.name), by=None, invited=False)
    SocialAccount.objects.create(
        user=user, provider=settings.COMPANY_SIGN_IN_ISSUER, uid=claims["sub"], extra_data={}
    )
    audit.record(None, AuditAction.COMPANY_LINKED, user, after={"subject": claims["sub"]})
    return user


def _free_name(claims: Mapping[str, Any]) -> str:
    """Return an unused user name: the company's, with a number if it is taken."""
    wish = _text(claims, "preferred_username", 100) or _text(claims, "email", 100) or claims["sub"][:100]
    wish = _NOT_IN_NAMES.sub("-", wish) or "user"
    number, name = 1, wish
    while people.taken_by("user", name):
        number += 1
        name = f"{wish}-{number}"[:LONGEST_USER_NAME]
    return name


def _text(claims: Mapping[str, Any], name: str, most: int) -> str:
    found = claims.get(name)
    return " ".join(found.replace("\0", "").split())[:most] if isinstance(found, str) else ""


def _address(claims: Mapping[str, Any]) -> str:
    try:
        return plain_address(_text(claims, "email", 254))
    except ValueError:
        return ""
