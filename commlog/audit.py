"""Audit entries: `record`, in the transaction of the change, so that neither exists without the other.

The middleware here knows the request's client address, so it need not be passed on.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser, Group
from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from commlog import counts
from commlog.kit import origins
from commlog.models import ApiConsumer, AuditEntry, User
from commlog.models.audit_entry import AuditAction

__all__ = [
    "Actor",
    "AuditAction",
    "AuditMiddleware",
    "Command",
    "denied",
    "name_of",
    "program_name",
    "record",
    "refused",
    "sent",
]


@dataclass(frozen=True, slots=True)
class Command:
    """A management command as an actor: nobody is signed in."""

    command: str

    @property
    def name(self) -> str:
        return f"{self.command} (command line)"


Actor = User | ApiConsumer | Command | AnonymousUser | None

# Refusals of one user, failed sign-ins from one address: enough to see it, too few to fill a disk.
MOST_A_MINUTE = 20
PROGRAM = " (API)"  # behind the name of an API consumer
COMMANDS = (
    "createsuperuser",
    "changepassword",
    "create_user",
    "reset_second_factor",
    "create_api_key",
    "demo",
    "after_restore",
    "erase",
)
_LONGEST_NAME = 320
_LONGEST_VALUE = 1_000
_address: ContextVar[str | None] = ContextVar("address", default=None)


def record(
    actor: Actor,
    action: AuditAction,
    target: Model | None = None,
    *,
    kind: str = "",
    key: str = "",
    label: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEntry | None:
    """Write an entry with the differences of `before` and `after`; nothing if there are none.

    `kind`, `key` and `label` describe a target that is not a row, or describe it better. Never pass texts or
    secrets.
    """
    if before is not None and after is not None:
        before, after = _differing(before, after)
        if not before and not after:
            return None
    known = actor if isinstance(actor, User) else None
    return AuditEntry.objects.write(
        actor=known,
        actor_name=_clean(name_of(actor), _LONGEST_NAME),
        action=action,
        target_kind=kind or (_kind(target) if target else ""),
        target_key=key or (_key(target) if target else ""),
        target_label=_clean(label or (_label(target) if target else ""), _LONGEST_NAME),
        before=None if before is None else _storable(before),
        after=None if after is None else _storable(after),
        address=_address.get(),
    )


def described(actor: Actor) -> dict[str, Any]:
    """Return actor and client address as the fields of a record outside the audit trail."""
    known = actor if isinstance(actor, User) else None
    return {
        "actor": known,
        "actor_name": _clean(name_of(actor), _LONGEST_NAME),
        "address": _address.get(),
    }


def sent(actor: Actor, label: str, *, key: str = "", after: Mapping[str, Any] | None = None) -> None:
    """Record that somebody sent a message (`key`), or several."""
    record(actor, AuditAction.SENT, kind="message", key=key, label=label, after=after)


def program_name(consumer: str) -> str:
    """Return the name of an API consumer in the audit trail."""
    return f"{consumer}{PROGRAM}"


def denied(request: HttpRequest, reason: str) -> None:
    """Record that a signed-in user was refused: a URL once a minute, and a limited number a minute in
    total.
    """
    if isinstance(request.user, User):
        refused(request.user, request, reason, kind="page")


def refused(actor: Actor, request: HttpRequest, reason: str, *, kind: str = "API") -> None:
    """Record a refusal; if the actor is unknown, refusals are limited per client address."""
    who = (
        f"{type(actor).__name__}:{actor.pk}"
        if isinstance(actor, User | ApiConsumer)
        else str(origins.address_of(request))
    )
    page = sha256(request.path.encode()).hexdigest()
    if counts.at_most(1, f"denied:{who}:{page}") and counts.at_most(MOST_A_MINUTE, f"denied:{who}"):
        record(
            actor,
            AuditAction.DENIED,
            kind=kind,
            label=request.path,
            after={"method": request.method, "reason": reason},
        )


class AuditMiddleware:
    """Makes the client address available to `record`. Placed after TrustedProxyMiddleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Store the client address for the duration of the request."""
        token = _address.set(origins.address_of(request))
        try:
            return self.get_response(request)
        finally:
            _address.reset(token)


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {name: before[name] for name in names if name in before}, {
        name: after[name] for name in names if name in after
    }


def name_of(actor: Actor) -> str:
    """Return the actor's name in the audit trail; "" for Commlog itself."""
    if isinstance(actor, ApiConsumer):
        return program_name(actor.name)
    return actor.name if isinstance(actor, User | Command) else ""


def _kind(target: Model) -> str:
    return "role" if isinstance(target, Group) else str(target._meta.verbose_name)


def _key(target: Model) -> str:
    key = getattr(target, "key", None)
    return key.hex if isinstance(key, UUID) else str(target.pk)


def _label(target: Model) -> str:
    return (
        f"{target.name} ({target.username})"
        if isinstance(target, User) and target.name != target.username
        else str(target)
    )


def _storable(value: Any) -> Any:
    """Return the value for JSON: texts shortened, without NUL (PostgreSQL refuses it)."""
    if isinstance(value, str):
        return _clean(value, _LONGEST_VALUE)
    if isinstance(value, Mapping):
        return {_clean(str(name), _LONGEST_VALUE): _storable(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(each) for each in value]
    return value


def _clean(text: str, longest: int) -> str:
    text = text.replace("\0", "�")
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
