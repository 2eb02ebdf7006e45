"""Who calls the API: a consumer by one of its keys, or a member of staff by user name and password."""

from dataclasses import dataclass
from typing import Any, cast

from django.http import HttpRequest

from commlog.models import ApiConsumer, ApiKey, User


@dataclass(frozen=True, slots=True)
class Caller:
    """Exactly one of `user` and `key` is set. What a call does is done in the name of its caller."""

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
        """What limits are counted under."""
        return f"key:{self.key.pk}" if self.key else f"user:{self.pk}"

    def has_perm(self, permission: str) -> bool:
        """Whether the caller's roles hold it (`commlog.view_communication_history`)."""
        return self.user.has_perm(permission) if self.user else permission in self.permissions


def caller_of(request: HttpRequest) -> Caller:
    """Who called; known inside every operation."""
    caller: Any = getattr(request, "auth", None)
    if not isinstance(caller, Caller):
        raise TypeError("an operation without its authentication")
    return caller
