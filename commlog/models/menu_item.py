"""Menu items: the entries of the navigation bar."""

from uuid import uuid4

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q


class MenuItemType(models.TextChoices):
    """The pages that menu items open."""

    COMMUNICATIONS = "COMMUNICATIONS", "Communications"
    CLIENTS = "CLIENTS", "Clients"
    GROUPS = "GROUPS", "Groups"
    USERS = "USERS", "Users"
    EVENTS = "EVENTS", "Why was nothing sent?"


class MenuItem(models.Model):
    """An entry of the navigation bar: a type, and who sees it."""

    key = models.UUIDField(unique=True, default=uuid4, editable=False)
    name = models.CharField(max_length=32)
    type = models.CharField(max_length=20, choices=MenuItemType.choices)
    active = models.BooleanField(default=True)
    for_everyone = models.BooleanField(default=True)
    roles = models.ManyToManyField(Group, blank=True, related_name="menu_items")
    creator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="menu_items"
    )
    position = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["position", "id"]
        verbose_name = "menu item"
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="menu_item_named"),
            models.CheckConstraint(condition=Q(type__in=MenuItemType.values), name="menu_item_type_known"),
        ]

    def __str__(self) -> str:
        return self.name


class MenuPlace(models.Model):
    """A user's position of a menu item. Items without one follow in the common order."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="menu_places", db_index=False
    )
    item = models.ForeignKey(MenuItem, on_delete=models.CASCADE, related_name="places")
    position = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "item"], name="menu_place_once")]
