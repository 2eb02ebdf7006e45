"""Menu items: create, change, delete and order; each change is audited."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group as Role
from django.db import transaction
from django.db.models import Max

from commlog import audit, permissions
from commlog.administration.users import staff
from commlog.audit import AuditAction
from commlog.kit.edit_conflicts import Check, without_form
from commlog.log import custom_views
from commlog.models import MenuItem, MenuPlace, User
from commlog.models.menu_item import MenuItemType

UP = "up"


@dataclass(frozen=True, slots=True)
class Row:
    """A menu item on its page: the permission it needs, and whether anybody can open it."""

    item: MenuItem
    permission: str
    roles: Sequence[Role]
    for_nobody: bool


def rows() -> list[Row]:
    """Return all items in the common order, with a constant number of queries."""
    able = {
        permission: set(staff.holders(permission).values_list("pk", flat=True))
        for permission in dict.fromkeys(permissions.NEEDS.values())
    }
    people: dict[int, set[int]] = defaultdict(set)
    for user, role in User.groups.through.objects.filter(group__menu_items__isnull=False).values_list(
        "user_id", "group_id"
    ):
        people[role].add(user)
    found = []
    for item in MenuItem.objects.select_related("creator").prefetch_related("roles"):
        roles, holders = list(item.roles.all()), able[permissions.NEEDS[MenuItemType(item.type)]]
        seeing = (
            holders
            if item.for_everyone
            else {item.creator_id, *(user for role in roles for user in people[role.pk])}
        )
        found.append(Row(item, needed(MenuItemType(item.type)), roles, for_nobody=not seeing & holders))
    return found


def needed(type: MenuItemType) -> str:
    """Return the permission that a menu item of this type needs, in words."""
    return str(dict(User._meta.permissions)[permissions.NEEDS[type].partition(".")[2]])


def create(item: MenuItem, roles: Sequence[Role], *, by: User) -> MenuItem:
    """Store a new item at the end."""
    with transaction.atomic():
        last = MenuItem.objects.aggregate(last=Max("position"))["last"]
        item.creator, item.position = by, 0 if last is None else last + 1
        item.save(force_insert=True)
        item.roles.set(roles)
        audit.record(by, AuditAction.CREATED, item, after=described(item))
    return item


def change(item: MenuItem, roles: Sequence[Role], *, by: User, check: Check = without_form) -> None:
    """Store a changed item, whose type stays. `check`: see commlog.kit.edit_conflicts."""
    with transaction.atomic():
        before = described(MenuItem.objects.select_for_update().get(pk=item.pk))
        check()
        item.save(update_fields=["name", "active", "for_everyone"])
        item.roles.set(roles)
        audit.record(by, AuditAction.CHANGED, item, before=before, after=described(item))


def delete(item: MenuItem, *, by: User) -> None:
    """Delete an item. Its views become private to their owners; views without an owner go to `by`.

    Otherwise they would appear under every item, visible to everybody they are shared with.
    """
    with transaction.atomic():
        MenuItem.objects.select_for_update().get(pk=item.pk)  # no view is put under it meanwhile
        for view in item.custom_views.select_related("menu_item"):
            custom_views.save(
                view, by, {"menu_item": None, "for_everyone": False, "owner": view.owner or by}, roles=()
            )
        audit.record(by, AuditAction.DELETED, item, before=described(item))
        item.delete()


def move(key: UUID, direction: str, *, by: User) -> None:
    """Move an item by one place in the common order."""
    with transaction.atomic():
        items = list(MenuItem.objects.select_for_update())
        before = [item.name for item in items]
        _step(items, key, direction)
        for place, item in enumerate(items):
            if item.position != place:
                MenuItem.objects.filter(pk=item.pk).update(position=place)
        after = [item.name for item in items]
        audit.record(
            by,
            AuditAction.REORDERED,
            kind="menu",
            label="for everybody",
            before={"order": before},
            after={"order": after},
        )


def move_own(user: User, key: UUID, direction: str) -> None:
    """Move an item by one place in the user's own order. A preference, so not audited."""
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)  # two tabs at once
        items = list(permissions.menu_items_for(user))
        _step(items, key, direction)
        MenuPlace.objects.filter(user=user).delete()
        MenuPlace.objects.bulk_create(
            MenuPlace(user=user, item=item, position=place) for place, item in enumerate(items)
        )


def forget_own(user: User) -> None:
    """Reset the user to the common order."""
    MenuPlace.objects.filter(user=user).delete()


def described(item: MenuItem) -> dict[str, Any]:
    """Return the item as stored in the audit trail."""
    roles = sorted(item.roles.values_list("name", flat=True))
    return {
        "name": item.name,
        "type": item.get_type_display(),
        "active": item.active,
        "seen by": "all users" if item.for_everyone else roles,
    }


def _step(items: list[MenuItem], key: UUID, direction: str) -> None:
    """Swap the item with its neighbour; do nothing at the end of the list or if it was deleted meanwhile."""
    place = next((number for number, item in enumerate(items) if item.key == key), None)
    if place is None:
        return
    other = place - 1 if direction == UP else place + 1
    if 0 <= other < len(items):
        items[place], items[other] = items[other], items[place]
