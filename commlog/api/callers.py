"""API callers: consumers by key, members of staff by user name and password."""

from dataclasses import dataclass
from typing import Any, cast

from django.http import HttpRequest

from commlog.models import ApiConsumer, ApiKey, User


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller; exactly one of `user` and `key` is set. Audit entries name it as the actor."""

    user: User | None = None
    key: ApiKey | None = None
    permissions: frozenset[str] = frozenset()  # of a consumer

    @property
    def consumer(self) -> ApiConsumer | None:
        return self.key.consumer if self.key else None

    @property
    def actor(self) -> User | ApiConsumer:
        return cast(User | ApiConsumer, self.user or self.consumer)

    @property
    def pk(self) -> int | None:
        return self.user.pk if self.user else None

    @property
    def name(self) -> str:
        return self.actor.name

    @property
    def email(self) -> str:
        return self.user.email if self.user else ""

    @property
    def mobile_phone(self) -> str:
        return self.user.mobile_phone if self.user else ""

    @property
    def mark(self) -> str:
        """The name under which limits are counted."""
        return f"key:{self.key.pk}" if self.key else f"user:{self.pk}"

    def has_perm(self, permission: str) -> bool:
        """Return whether the caller's roles include the permission (`commlog.view_communication_history`)."""
        return self.user.has_perm(permission) if self.user else permission in self.permissions


def caller_of(request: HttpRequest) -> Caller:
    """Return the caller; known in every operation."""
    caller: Any = getattr(request, "auth", None)
    if not isinstance(caller, Caller):
        raise TypeError("an operation without its authentication")
    return caller
