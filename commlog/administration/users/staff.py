"""Users and roles: made, changed, deleted.

Every write takes the actor and leaves an entry in the audit trail.

One rule stands above all of them: somebody who can sign in must be left who may manage the administration.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission
from django.db import transaction
from django.db.models import Q, QuerySet

from commlog import audit, permissions
from commlog.account import sessions
from commlog.audit import AuditAction, Command
from commlog.kit.seen import Check, without_form
from commlog.models import ApiConsumer, User
from commlog.models.user import ADMINISTRATOR, superuser_made

_PERSONAL = ["username", "first_name", "last_name", "email", "mobile_phone", "api_access"]


class Refused(Exception):
    """What was asked for is not done; the text says why, for the person who asked."""


def holders(permission: str) -> QuerySet[User]:
    """The active users who have the permission, however they came by it."""
    codename = permission.partition(".")[2]
    by_role = User.groups.through.objects.filter(group__permissions__codename=codename).values("user_id")
    directly = User.user_permissions.through.objects.filter(permission__codename=codename).values("user_id")
    return User.objects.filter(Q(is_superuser=True) | Q(pk__in=by_role) | Q(pk__in=directly), is_active=True)


@contextmanager
def keeping_an_administrator() -> Iterator[None]:
    """A transaction that is undone, with Refused, if it leaves nobody who may sign in and manage the
    administration.

    Such transactions run one after the other: two administrators who remove each other at once would
    otherwise both succeed.
    """
    _, _, codename = permissions.MANAGE_ADMINISTRATION.partition(".")
    with transaction.atomic():
        list(Permission.objects.select_for_update().filter(codename=codename).values("pk"))
        yield
        able = holders(permissions.MANAGE_ADMINISTRATION).exclude(
            password__startswith=UNUSABLE_PASSWORD_PREFIX
        )
        if not able.exists():
            raise Refused(
                "Then nobody could manage the administration any more. Give somebody else the role "
                "Administrator first."
            )


def create_user(user: User, password: str, roles: Sequence[Role], *, by: User | Command) -> User:
    """Store a new user. A password that was chosen on the command line is the user's own."""
    with transaction.atomic():
        user.set_password(password)
        user.must_change_password = isinstance(by, User)
        user.save(force_insert=True)
        user.groups.set(roles)
        audit.record(by, AuditAction.CREATED, user, after=described(user))
    return user


def change_user(user: User, roles: Sequence[Role], *, by: User, check: Check = without_form) -> None:
    """Store a changed user. Rights are looked up at every request, so that sessions need not end.

    `check` is called once the row is locked (commlog.kit.seen).
    """
    with keeping_an_administrator():
        before = described(User.objects.select_for_update(no_key=True).get(pk=user.pk))
        check()
        user.save(update_fields=_PERSONAL)
        user.groups.set(roles)
        audit.record(by, AuditAction.CHANGED, user, before=before, after=described(user))


def set_active(user: User, active: bool, *, by: User) -> None:
    """Let the user sign in, or not any more; the latter ends the user's sessions."""
    if user == by and not active:
        raise Refused("You cannot deactivate yourself. Ask another administrator.")
    with keeping_an_administrator():
        if not User.objects.filter(pk=user.pk, is_active=not active).update(is_active=active):
            return
        if not active:
            sessions.end(user, by=by)
        audit.record(by, AuditAction.ACTIVATED if active else AuditAction.DEACTIVATED, user)


def set_password(user: User, password: str, *, by: User | Command, keep: str | None = None) -> None:
    """Give the user a new password, which ends the user's sessions but the one with the key `keep`.

    One that another user has chosen has to be changed at the next sign-in.
    """
    with transaction.atomic():
        user.set_password(password)
        user.must_change_password = isinstance(by, User) and user != by
        user.save(update_fields=["password", "must_change_password"])
        audit.record(by, AuditAction.PASSWORD_CHANGED, user)
        sessions.end(user, by=by, but=keep)


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
    """Store a changed role; its users have the new permissions with their next request.

    `check` is called once the row is locked (commlog.kit.seen).
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
    """Delete a role that nobody has."""
    if role.name == ADMINISTRATOR:
        raise Refused("The role Administrator is always there.")
    with keeping_an_administrator():
        list(Role.objects.select_for_update().filter(pk=role.pk))
        if User.objects.filter(groups=role).exists():
            raise Refused("The role is in use. Take it from its users first.")
        if ApiConsumer.objects.filter(roles=role).exists():
            raise Refused("The role is in use. Take it from its API consumers first.")
        audit.record(by, AuditAction.DELETED, role, before=role_described(role))
        role.delete()


def listen() -> None:
    """Hear of users that Django's own command makes."""
    superuser_made.connect(_record_superuser, dispatch_uid="commlog")


def _record_superuser(user: User, **_: Any) -> None:
    audit.record(Command("createsuperuser"), AuditAction.CREATED, user, after=described(user))


def described(user: User) -> dict[str, Any]:
    """The user as the audit trail keeps it; never the password."""
    personal = {name.replace("_", " "): getattr(user, name) for name in _PERSONAL}
    return personal | {"roles": sorted(user.groups.values_list("name", flat=True))}


def role_described(role: Role) -> dict[str, Any]:
    """The role as the audit trail keeps it."""
    return {"name": role.name, "permissions": sorted(role.permissions.values_list("name", flat=True))}
