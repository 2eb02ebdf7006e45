"""API consumers and their keys: made, changed, rotated, revoked, each of it recorded."""

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
from commlog.kit.seen import Check, without_form
from commlog.models import ApiConsumer, ApiKey, User
from commlog.models.api import digest_of

PREFIX = 8


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key, and the secret, which is known here and nowhere later."""

    key: ApiKey
    secret: str

    @property
    def call(self) -> str:
        """A first call with the key, to be pasted into a shell."""
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
    """Store a changed consumer; its keys have the new rights at once. `check`: see commlog.kit.seen."""
    with transaction.atomic():
        before = described(ApiConsumer.objects.select_for_update().get(pk=consumer.pk))
        check()
        consumer.save(update_fields=["name", "description"])
        consumer.roles.set(roles)
        audit.record(by, AuditAction.CHANGED, consumer, before=before, after=described(consumer))


def set_active(consumer: ApiConsumer, active: bool, *, by: User) -> None:
    """Let the consumer's keys open the API, or none of them any more."""
    with transaction.atomic():
        if ApiConsumer.objects.filter(pk=consumer.pk, active=not active).update(active=active):
            audit.record(by, AuditAction.ACTIVATED if active else AuditAction.DEACTIVATED, consumer)


def issue(consumer: ApiConsumer, *, by: audit.Actor, expires_at: datetime | None = None) -> Issued:
    """A new key. Its secret is a random UUID, as clients of this interface expect keys to look."""
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
    """A new key in place of this one, which opens a little longer, until programs have the new one."""
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
    """Close the key at once and for good."""
    with transaction.atomic():
        if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
            audit.record(by, AuditAction.DEACTIVATED, key)


def find(text: str) -> QuerySet[ApiConsumer]:
    """The consumers of that name, or with a key that begins so. A whole key may be given."""
    if not text:
        return ApiConsumer.objects.all()
    with_key = ApiKey.objects.filter(prefix__startswith=text.strip().lower()[:PREFIX]).values("consumer")
    return ApiConsumer.objects.filter(Q(name__icontains=text) | Q(pk__in=with_key))


def described(consumer: ApiConsumer) -> dict[str, Any]:
    """The consumer as the audit trail keeps it."""
    roles = sorted(consumer.roles.values_list("name", flat=True))
    return {"name": consumer.name, "description": consumer.description, "roles": roles}


def _written(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else "never"
