"""Erasures: who requested them and when, without the person's identity."""

from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from notifications.models import Client, Group
from notifications.secrets.sealed import SealedTextField


class ErasureKind(models.TextChoices):
    """What an erasure is about."""

    CLIENT = "CLIENT", "Client"
    GROUP = "GROUP", "Group"
    EMAIL = "EMAIL", "E-mail address"
    NUMBER = "NUMBER", "Mobile number"


class ErasureState(models.TextChoices):
    """The state of an erasure. The labels are shown on pages."""

    AWAITING_APPROVAL = "AWAITING_APPROVAL", "Waiting for approval"
    UNDER_WAY = "UNDER_WAY", "Under way"
    DONE = "DONE", "Done"
    REJECTED = "REJECTED", "Not approved"
    REFUSED = "REFUSED", "Refused: on legal hold"
    ON_FILE = "ON_FILE", "Refused: on file for somebody since"


class Erasure(models.Model):
    """An erasure, and once it is done its certificate. Never deleted.

    `sought` is what is searched for (commlog.erasure.targets), sealed, and cleared at the end. `counts` has
    the number of rows changed or deleted by kind, `kept` those that had to stay. While a worker holds it,
    `lease_until` is set; `token` counts the workers.
    """

    key = models.UUIDField(unique=True, default=uuid4, editable=False)
    kind = models.CharField(max_length=6, choices=ErasureKind.choices)
    client = models.ForeignKey(Client, on_delete=models.PROTECT, null=True, related_name="+")
    group = models.ForeignKey(Group, on_delete=models.PROTECT, null=True, related_name="+")
    sought = SealedTextField(default="")
    pseudonym = models.CharField(max_length=32, unique=True)
    state = models.CharField(max_length=17, choices=ErasureState.choices)
    replayed = models.BooleanField(default=False)  # after a restore, from the list beside the database

    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    asked_by_name = models.CharField(max_length=320)
    asked_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    decided_by_name = models.CharField(max_length=320, default="")
    finished_at = models.DateTimeField(null=True)

    lease_until = models.DateTimeField(null=True)
    token = models.PositiveIntegerField(default=0)
    waits = models.CharField(max_length=200, default="")  # why it does nothing at present
    places = models.JSONField(default=dict)  # how far it has come
    counts = models.JSONField(default=dict)
    kept = models.JSONField(default=dict)
    holds = models.JSONField(default=list)  # the keys of the legal holds for which something was kept

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["AWAITING_APPROVAL", "UNDER_WAY"], finished_at=None)
                | (~Q(state__in=["AWAITING_APPROVAL", "UNDER_WAY"]) & Q(finished_at__isnull=False)),
                name="erasure_finished_with_time",
            ),
            models.CheckConstraint(
                condition=Q(finished_at=None) | Q(sought=""), name="erasure_forgets_whom_it_sought"
            ),
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=F("asked_by")), name="erasure_decided_by_another"
            ),
        ]
        indexes = [models.Index(fields=["state"], name="erasure_open", condition=Q(finished_at=None))]

    def __str__(self) -> str:
        return self.pseudonym

    @property
    def is_open(self) -> bool:
        """Whether it is unfinished."""
        return self.finished_at is None

    @property
    def label(self) -> Any:
        return self.get_kind_display()
