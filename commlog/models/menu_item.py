"""Menu items: the entries of the navigation bar."""

from uuid import uuid4

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models


class MenuItemType(models.TextChoices):
    """What a menu item opens."""

    COMMUNICATIONS = "COMMUNICATIONS", "Communications"


class MenuItem(models.Model):
    """An entry of the navigation bar: a type, and who sees it."""

    key = models.UUIDField(unique=True, default=uuid4, editable=False)
    name = models.CharField(max_length=32)
    type = models.CharField(max_length=20, choices=MenuItemType.choices)
    active = models.BooleanField(default=True)
    for_everyone = models.BooleanField(default=True)
    roles = models.ManyToManyField(Group, blank=True, related_name="menu_items")
    creator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="menu_items")
    position = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name
