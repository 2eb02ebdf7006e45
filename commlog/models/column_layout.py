"""Column layouts: which columns a user sees in which kind of log."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class LogKind(models.TextChoices):
    """Kinds of logs: the organisation's, those of recipients, those about accounts."""

    LOG = "LOG", "Communications"
    CLIENT = "CLIENT", "Communications of a client"
    GROUP = "GROUP", "Communications of a group"
    USER = "USER", "Communications of a user"
    ACCOUNT = "ACCOUNT", "Communications about an account"


class ColumnLayout(models.Model):
    """A user's columns for a kind of log. Without a row the default columns are shown."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="column_layouts", db_index=False
    )
    kind = models.CharField(max_length=7, choices=LogKind.choices)
    # Keys of the catalogue in order, each with its width where it has one: destination:wide.
    columns = models.JSONField(default=list)
    timestamps = models.BooleanField(default=True)
    compact = models.BooleanField(default=False, db_default=False)  # whether rows are low

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "kind"], name="column_layout_once"),
            models.CheckConstraint(condition=Q(kind__in=LogKind.values), name="column_layout_kind_known"),
        ]
