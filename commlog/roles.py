"""The roles and menu items that a new installation starts with."""

from typing import Any

from django.contrib.auth.models import Group, Permission

from commlog.models import MenuItem
from commlog.models.menu_item import MenuItemType
from commlog.models.user import ADMINISTRATOR, User

_OFFICER = [
    "view_communication_history",
    "resend_failed_messages",
    "export_to_excel",
    "send_manual_email",
    "send_manual_sms",
    "view_client_details",
    "view_group_details",
    "view_user_details",
]
_VIEWER = ["view_communication_history", "view_client_details", "view_group_details", "view_user_details"]
DEFAULT_ROLES = {ADMINISTRATOR: [codename for codename, _ in User._meta.permissions], "Officer": _OFFICER, "Viewer": _VIEWER}


def install_defaults(**_: Any) -> None:
    """Create the default roles, and a first Communications menu item (signal receiver of post_migrate).

    Only what is missing is made: a role that somebody changed stays as it is; Administrator always has every permission.
    """
    for name, codenames in DEFAULT_ROLES.items():
        role, created = Group.objects.get_or_create(name=name)
        if created or name == ADMINISTRATOR:
            role.permissions.add(*Permission.objects.filter(content_type__app_label="commlog", codename__in=codenames))
    if not MenuItem.objects.exists():
        MenuItem.objects.create(name="Communications", type=MenuItemType.COMMUNICATIONS)
