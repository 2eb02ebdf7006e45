"""Users and roles: create, change, delete; each change is audited.

At least one user who can sign in and manage the administration must remain.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from commlog import audit, permissions
from commlog.account import links, notices, sessions
from commlog.audit import AuditAction, Command
from commlog.kit.edit_conflicts import Check, without_form
from commlog.models import ApiConsumer, CompanyGroup, User
from commlog.models.user import ADMINISTRATOR, superuser_made

_PERSONAL = ["username", "first_name", "last_name", "email", "mobile_phone", "api_access"]


class Refused(Exception):
    """The request was refused; the text explains why to the person who asked."""


def holders(permission: str) -> QuerySet[User]:
    """Return the active users who have the permission, by whatever route."""
    codename = permission.partition(".")[2]
    by_role = User.groups.through.objects.filter(group__permissions__codename=codename).values("user_id")
    directly = User.user_permissions.through.objects.filter(permission__codename=codename).values("user_id")
    return User.objects.filter(Q(is_superuser=True) | Q(pk__in=by_role) | Q(pk__in=directly), is_active=True)


@contextmanager
def keeping_an_administrator() -> Iterator[None]:
    """Roll back with Refused if the change leaves no user who can sign in and administer.

    Such changes are serialised: two administrators who remove each other would otherwise both succeed.
    """
    _, _, codename = permissions.MANAGE_ADMINISTRATION.partition(".")
    with transaction.atomic():
        list(Permission.objects.select_for_update().filter(codename=codename).values("pk"))
        yield
        by_company = SocialAccount.objects.filter(
            user=OuterRef("pk"), provider=settings.COMPANY_SIGN_IN_ISSUER
        )
        able = holders(permissions.MANAGE_ADMINISTRATION).filter(
            ~Q(password__startswith=UNUSABLE_PASSWORD_PREFIX) | Exists(by_company)
        )
        if not able.exists():
            raise Refused(
                "This would leave no one to manage the administration. Give someone else the role "
                "Administrator first."
            )


def create_user(
    user: User,
    password: str | None,
    roles: Sequence[Role],
    *,
    by: User | Command | None,
    invited: bool = True,
) -> User:
    """Store a new user; without a password an invited one. On the command line the password is the user's
    own.
    """
    with transaction.atomic():
        user.set_password(password)
        user.must_change_password = password is not None and isinstance(by, User)
        user.save(force_insert=True)
        user.groups.set(roles)
        audit.record(by, AuditAction.CREATED, user, after=described(user))
        if password is None and invited and links.are_sent():
            links.send(user, by=by)
    return user


def change_user(user: User, roles: Sequence[Role], *, by: User, check: Check = without_form) -> None:
    """Store a changed user; rights apply from the next request. `check`: see commlog.kit.edit_conflicts."""
    with keeping_an_administrator():
        before = described(User.objects.select_for_update(no_key=True).get(pk=user.pk))
        check()
        user.save(update_fields=_PERSONAL)
        user.groups.set(roles)
        audit.record(by, AuditAction.CHANGED, user, before=before, after=described(user))


def set_active(user: User, active: bool, *, by: User) -> None:
    """Activate or deactivate the user; deactivation ends their sessions."""
    if user == by and not active:
        raise Refused("You cannot deactivate yourself. Ask another administrator.")
    with keeping_an_administrator():
        if not User.objects.filter(pk=user.pk, is_active=not active).update(is_active=active):
            return
        if not active:
            sessions.end(user, by=by)
        audit.record(by, AuditAction.ACTIVATED if active else AuditAction.DEACTIVATED, user)


def set_password(
    user: User, password: str, *, by: User | Command, keep: str | None = None, how: str = ""
) -> None:
    """Set a password and end all sessions but `keep`. One set by somebody else must be changed at next
    sign-in.
    """
    with transaction.atomic():
        user.set_password(password)
        user.must_change_password = isinstance(by, User) and user != by
        user.save(update_fields=["password", "must_change_password"])
        audit.record(by, AuditAction.PASSWORD_CHANGED, user, after={"by": how} if how else None)
        sessions.end(user, by=by, but=keep)


def choose_password(key: UUID, token: str, password: str) -> bool:
    """Set the password of the link's user and notify them. Return False if the link is no longer valid.

    Nobody is signed in by it: the sign-in asks for the second factor.
    """
    with transaction.atomic():
        user = links.owner(key, token, lock=True)
        if user is None:
            return False
        how = "invitation" if links.is_invited(user) else "link of an e-mail"
        set_password(user, password, by=user, how=how)
        notices.tell(user, "Your password was set", "A password was chosen by the link of an e-mail to you.")
    return True


def create_role(name: str, chosen: Sequence[Permission], *, by: User) -> Role:
    """Store a new role."""
    with transaction.atomic():
        role = Role.objects.create(name=name)
        role.permissions.set(chosen)
        audit.record(by, AuditAction.CREATED, role, after=role_described(role))
    return role


def change_role(
    role: Role, name: str, chosen: Sequence[Permission], *, by: User, check: Check = without_form
) -> None:
    """Store a changed role; it applies to its users' next requests. `check`: see
    commlog.kit.edit_conflicts.
    """
    if role.name == ADMINISTRATOR:
        raise Refused("The role Administrator always has every permission.")
    with keeping_an_administrator():
        before = role_described(Role.objects.select_for_update().get(pk=role.pk))
        check()
        role.name = name
        role.save(update_fields=["name"])
        role.permissions.set(chosen)
        audit.record(by, AuditAction.CHANGED, role, before=before, after=role_described(role))


def delete_role(role: Role, *, by: User) -> None:
    """Delete a role that no user has."""
    if role.name == ADMINISTRATOR:
        raise Refused("The role Administrator cannot be deleted.")
    with keeping_an_administrator():
        list(Role.objects.select_for_update().filter(pk=role.pk))
        if User.objects.filter(groups=role).exists():
            raise Refused("The role is in use. Remove it from its users first.")
        if CompanyGroup.objects.filter(role=role).exists():
            raise Refused("A company group gives this role. Remove that group first.")
        if ApiConsumer.objects.filter(roles=role).exists():
            raise Refused("The role is in use. Remove it from its API consumers first.")
        audit.record(by, AuditAction.DELETED, role, before=role_described(role))
        role.delete()


def listen() -> None:
    """Connect to the creation of users by Django's own command."""
    superuser_made.connect(_record_superuser, dispatch_uid="commlog")


def _record_superuser(user: User, **_: Any) -> None:
    audit.record(Command("createsuperuser"), AuditAction.CREATED, user, after=described(user))


def described(user: User) -> dict[str, Any]:
    """Return the user as stored in the audit trail; never the password."""
    personal = {name.replace("_", " "): getattr(user, name) for name in _PERSONAL}
    return personal | {"roles": sorted(user.groups.values_list("name", flat=True))}


def role_described(role: Role) -> dict[str, Any]:
    """Return the role as stored in the audit trail."""
    return {"name": role.name, "permissions": sorted(role.permissions.values_list("name", flat=True))}
