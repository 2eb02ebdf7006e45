"""The roles and menu items that a new installation starts with."""

from typing import Any

from django.contrib.auth.models import Group, Permission

from commlog.models import MenuItem
from commlog.models.menu_item import MenuItemType
from commlog.models.user import ADMINISTRATOR, User, permission_to_send
from notifications import channels

_OFFICER = [
    "view_communication_history",
    "resend_failed_messages",
    "export_to_excel",
    "publish_views",
    *map(permission_to_send, channels.FOR_PEOPLE),
    "create_client",
    "edit_client",
    "create_group",
    "edit_group",
    "view_client_details",
    "view_group_details",
    "view_user_details",
]
_VIEWER = ["view_communication_history", "view_client_details", "view_group_details", "view_user_details"]
DEFAULT_ROLES = {
    ADMINISTRATOR: [codename for codename, _ in User._meta.permissions],
    "Officer": _OFFICER,
    "Viewer": _VIEWER,
}


# Every permission in words, by what it is about: the order of the pages. A test finds the one that is missing
# here.
PERMISSION_GROUPS: tuple[tuple[str, dict[str, str]], ...] = (
    (
        "Communications",
        {
            "view_communication_history": "Open the log and the Communications tabs, read every message in "
            "full.",
            "resend_failed_messages": "Send a failed message once more, as a new entry.",
            "export_to_excel": "Download what a log shows, with the full text.",
            "publish_views": "Share a view with everyone or with roles, and change the shared views that one "
            "owns.",
            **{
                permission_to_send(each): f"Write {channels.of(each).one} to a client, a group or a user."
                for each in channels.FOR_PEOPLE
            },
        },
    ),
    (
        "Templates and events",
        {
            "send_events": "Tell of business events by the API; templates make messages of them.",
            "read_streams": "Read events by the API as they come, and keep one’s own place in them.",
            "manage_streams": "Reset cursors by the API, and use the subscriptions of other callers.",
            "create_communication_templates": "Create texts for events to send. They send nothing until they "
            "are activated.",
            "edit_communication_templates": "Change, activate and deactivate such texts.",
        },
    ),
    (
        "Clients, groups and users",
        {
            "view_client_details": "Open clients and their contact data.",
            "create_client": "Enter new clients.",
            "edit_client": "Change clients, their addresses and numbers.",
            "view_group_details": "Open groups and their members.",
            "create_group": "Enter new groups.",
            "edit_group": "Change groups and their members.",
            "view_user_details": "Open the pages of colleagues.",
        },
    ),
    (
        "Administration",
        {
            "view_administration_details": "Read the pages of the administration, the audit trail included.",
            "manage_administration": "Change menu items, roles and users. Whoever has this can take every "
            "other permission.",
        },
    ),
)


def install_defaults(**_: Any) -> None:
    """Create the default roles, and a first menu item of each type (signal receiver of post_migrate).

    Only what is missing is made: a role that somebody changed stays as it is; Administrator always has every
    permission.
    """
    for name, codenames in DEFAULT_ROLES.items():
        role, created = Group.objects.get_or_create(name=name)
        if created or name == ADMINISTRATOR:
            role.permissions.add(
                *Permission.objects.filter(content_type__app_label="commlog", codename__in=codenames)
            )
    if not MenuItem.objects.exists():
        for position, type in enumerate(MenuItemType):
            MenuItem.objects.create(name=type.label, type=type, position=position)
