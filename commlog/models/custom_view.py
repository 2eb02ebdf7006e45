"""Custom views: saved logs."""

from uuid import uuid4

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q

from commlog.models.column_layout import LogKind
from commlog.models.menu_item import MenuItem
from notifications.criteria import Match


class CustomView(models.Model):
    """A saved log: conditions, columns, sorting. Private unless shared with everyone, roles or people."""

    key = models.UUIDField(unique=True, default=uuid4, editable=False)
    name = models.CharField(max_length=256)
    kind = models.CharField(max_length=7, choices=LogKind.choices, default=LogKind.LOG)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="custom_views"
    )  # none: it came with the installation
    # The menu item that it hangs under; none: every one of the type Communications.
    menu_item = models.ForeignKey(
        MenuItem, on_delete=models.PROTECT, null=True, blank=True, related_name="custom_views"
    )
    for_everyone = models.BooleanField(default=False)
    roles = models.ManyToManyField(Group, blank=True, related_name="custom_views")
    users = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="shared_views")
    conditions = models.JSONField(default=dict)  # the filter bar: parameter -> value
    criteria = models.JSONField(default=list)  # [[field, operator, [value, …]], …]
    match = models.CharField(max_length=3, choices=Match.choices, default=Match.ALL)
    columns = models.JSONField(default=list)  # none: the reader's own
    timestamps = models.BooleanField(default=True)
    compact = models.BooleanField(default=False, db_default=False)
    sorting = models.CharField(max_length=40, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["id"]
        verbose_name = "view"
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="custom_view_named"),
            models.CheckConstraint(condition=Q(kind__in=LogKind.values), name="custom_view_kind_known"),
            models.CheckConstraint(condition=Q(match__in=Match.values), name="custom_view_match_known"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def shared(self) -> bool:
        # Of permissions.with_sharing, which asks for all views at once.
        for_some: bool | None = getattr(self, "for_some", None)
        if for_some is None:
            for_some = self.roles.exists() or self.users.exists()
        return self.for_everyone or for_some


class ViewPlace(models.Model):
    """A user's settings of a view: favourite, and position."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="view_places", db_index=False
    )
    view = models.ForeignKey(CustomView, on_delete=models.CASCADE, related_name="places")
    favourite = models.BooleanField(default=False)
    position = models.PositiveIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "view"], name="view_place_once")]
