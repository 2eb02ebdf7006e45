"""API consumers and their keys: create, change, rotate, revoke; each change is audited."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.models import Group as Role
from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from commlog import audit
from commlog.audit import AuditAction
from commlog.kit.edit_conflicts import Check, without_form
from commlog.models import ApiConsumer, ApiKey, User
from commlog.models.api import digest_of

PREFIX = 8


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key and its secret, which is shown only once."""

    key: ApiKey
    secret: str

    @property
    def call(self) -> str:
        """Return an example call with the key, to paste into a shell."""
        return shlex.join(
            [
                "curl",
                "-sS",
                f"{settings.PUBLIC_URL}{reverse('api-organization')}",
                "-H",
                f"apiKey: {self.secret}",
            ]
        )


def create(consumer: ApiConsumer, roles: Sequence[Role], *, by: audit.Actor) -> ApiConsumer:
    """Store a new consumer."""
    with transaction.atomic():
        consumer.save(force_insert=True)
        consumer.roles.set(roles)
        audit.record(by, AuditAction.CREATED, consumer, after=described(consumer))
    return consumer


def change(
    consumer: ApiConsumer, roles: Sequence[Role], *, by: audit.Actor, check: Check = without_form
) -> None:
    """Store a changed consumer; its keys get the new rights at once. `check`: see
    commlog.kit.edit_conflicts.
    """
    with transaction.atomic():
        before = described(ApiConsumer.objects.select_for_update().get(pk=consumer.pk))
        check()
        consumer.save(update_fields=["name", "description"])
        consumer.roles.set(roles)
        audit.record(by, AuditAction.CHANGED, consumer, before=before, after=described(consumer))


def set_active(consumer: ApiConsumer, active: bool, *, by: User) -> None:
    """Activate or deactivate all keys of the consumer."""
    with transaction.atomic():
        if ApiConsumer.objects.filter(pk=consumer.pk, active=not active).update(active=active):
            audit.record(by, AuditAction.ACTIVATED if active else AuditAction.DEACTIVATED, consumer)


def issue(consumer: ApiConsumer, *, by: audit.Actor, expires_at: datetime | None = None) -> Issued:
    """Create a key. Its secret is a random UUID, the format that clients of this interface expect."""
    secret = str(uuid4())
    with transaction.atomic():
        key = ApiKey.objects.create(
            consumer=consumer, prefix=secret[:PREFIX], digest=digest_of(secret), expires_at=expires_at
        )
        audit.record(
            by, AuditAction.CREATED, key, after={"consumer": consumer.name, "expires": _written(expires_at)}
        )
    return Issued(key, secret)


def rotate(key: ApiKey, *, by: User, expires_at: datetime | None = None) -> Issued:
    """Create a key that replaces this one; the old key stays valid a little longer, while programs switch."""
    ends = timezone.now() + timedelta(minutes=settings.API_KEY_GRACE_MINUTES)
    with transaction.atomic():
        still = ApiKey.objects.filter(Q(expires_at=None) | Q(expires_at__gt=ends), pk=key.pk, revoked_at=None)
        issued = issue(key.consumer, by=by, expires_at=expires_at)
        if still.update(expires_at=ends):
            audit.record(
                by,
                AuditAction.CHANGED,
                key,
                before={"expires": _written(key.expires_at)},
                after={"expires": _written(ends)},
            )
    return issued


def revoke(key: ApiKey, *, by: User) -> None:
    """Revoke the key at once and permanently."""
    with transaction.atomic():
        if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
            audit.record(by, AuditAction.DEACTIVATED, key)


def find(text: str) -> QuerySet[ApiConsumer]:
    """Return the consumers of that name, or with a key that starts with the text, which may be a whole
    key.
    """
    if not text:
        return ApiConsumer.objects.all()
    with_key = ApiKey.objects.filter(prefix__startswith=text.strip().lower()[:PREFIX]).values("consumer")
    return ApiConsumer.objects.filter(Q(name__icontains=text) | Q(pk__in=with_key))


def described(consumer: ApiConsumer) -> dict[str, Any]:
    """Return the consumer as stored in the audit trail."""
    roles = sorted(consumer.roles.values_list("name", flat=True))
    return {"name": consumer.name, "description": consumer.description, "roles": roles}


def _written(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else "never"
