"""The table of permissions by role."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import Group as Role

from commlog.administration.roles.defaults import PERMISSION_GROUPS
from commlog.models import User
from commlog.models.user import ADMINISTRATOR


@dataclass(frozen=True, slots=True)
class Line:
    """A permission: name, meaning, and whether each role has it."""

    label: str
    meaning: str
    held: Sequence[bool]


def of(roles: Sequence[Role]) -> list[tuple[str, list[Line]]]:
    """Return the lines by subject. The roles' permissions must be prefetched."""
    held = [{permission.codename for permission in role.permissions.all()} for role in roles]
    labels = dict(User._meta.permissions)
    return [
        (
            title,
            [
                Line(str(labels[name]), meaning, [name in each for each in held])
                for name, meaning in meanings.items()
                if name in labels
            ],
        )
        for title, meanings in PERMISSION_GROUPS
    ]


def fixed(role: Role) -> bool:
    """Return whether the role is fixed: every installation has it, with every permission."""
    return role.name == ADMINISTRATOR
