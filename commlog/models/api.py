"""API clients: consumers, keys, and stored responses."""

from datetime import datetime, timedelta
from hashlib import sha256
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q

from notifications.secrets.sealed import SealedTextField

KEPT = timedelta(hours=6)  # for which the answer to a call is given again


class ApiConsumer(models.Model):
    """A program with the rights of its roles. It never signs in; it sends a key."""

    key = models.UUIDField(unique=True, default=uuid4, editable=False)
    name = models.CharField(max_length=150, unique=True)
    description = models.CharField(max_length=500, blank=True, default="")
    roles = models.ManyToManyField(Group, blank=True, related_name="api_consumers")
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "API consumer"
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="api_consumer_named")]

    def __str__(self) -> str:
        return self.name


class ApiKey(models.Model):
    """A key of a consumer. Only its hash is stored.

    Plain SHA-256 is enough, and a slow password hash would only slow down every call: the key has 122 random
    bits, so a stolen table cannot be attacked by guessing.
    """

    # The row's own, for addresses; not the secret.
    key = models.UUIDField(unique=True, default=uuid4, editable=False)
    consumer = models.ForeignKey(ApiConsumer, on_delete=models.PROTECT, related_name="keys")
    prefix = models.CharField(max_length=8, db_index=True)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.consumer}"

    def usable(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class ApiAnswer(models.Model):
    """The response to a call with an Idempotency-Key; in progress until answered or its lease expires."""

    consumer = models.ForeignKey(ApiConsumer, on_delete=models.CASCADE, null=True, db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, db_index=False)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    token = models.UUIDField(default=uuid4)  # the fence: whoever holds it may answer
    lease_until = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = SealedTextField(default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["consumer", "key"], condition=Q(consumer__isnull=False), name="api_answer_of_consumer"
            ),
            models.UniqueConstraint(
                fields=["user", "key"], condition=Q(user__isnull=False), name="api_answer_of_user"
            ),
            models.CheckConstraint(
                condition=Q(consumer__isnull=True, user__isnull=False)
                | Q(consumer__isnull=False, user__isnull=True),
                name="api_answer_of_one",
            ),
        ]


def digest_of(secret: str) -> str:
    """Return the stored form of a key: its SHA-256 in hexadecimal."""
    return sha256(secret.encode()).hexdigest()
