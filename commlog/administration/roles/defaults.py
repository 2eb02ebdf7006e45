"""Default roles and menu items of a new installation."""

from typing import Any

from django.contrib.auth.models import Group, Permission

from commlog.models import MenuItem
from commlog.models.menu_item import MenuItemType
from commlog.models.user import ADMINISTRATOR, User, permission_to_send
from notifications import channels

_OFFICER = [
    "view_communication_history",
    "read_message_content",
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
_VIEWER = [
    "view_communication_history",
    "read_message_content",
    "view_client_details",
    "view_group_details",
    "view_user_details",
]
_SHORT = {MenuItemType.EVENTS: "Not sent?"}  # all items in one line beside the find box, at 1,360 pixels
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
            "view_communication_history": "Open the log and the Communications tabs: what was sent to whom, "
            "when, and what became of it.",
            "read_message_content": "Read what messages say and where they went in full, and search for it. "
            "Without it, both are hidden.",
            "reveal_messages": "Show one message in full without “Read message content”, with a recorded "
            "reason.",
            "resend_failed_messages": "Resend a failed message as a new entry.",
            "export_to_excel": "Download the messages of a log, and with “Read message content” their full "
            "text.",
            "publish_views": "Share views with everyone or with roles, and change one’s own shared views.",
            **{
                permission_to_send(each): f"Write {channels.of(each).one} to a client, a group or a user."
                for each in channels.FOR_PEOPLE
            },
        },
    ),
    (
        "Templates and events",
        {
            "send_events": "Report business events over the API. Templates turn them into messages.",
            "read_streams": "Read events over the API as they arrive, with one’s own cursors. The events "
            "themselves need “Read message content”, too.",
            "manage_streams": "Reset cursors, and use the subscriptions of other callers over the API.",
            "create_communication_templates": "Create templates. They send nothing until they are activated.",
            "edit_communication_templates": "Edit, activate and deactivate templates.",
        },
    ),
    (
        "Clients, groups and users",
        {
            "view_client_details": "View clients and their contact details.",
            "create_client": "Add new clients and their contact details.",
            "edit_client": "Edit clients, their addresses and numbers.",
            "view_group_details": "View groups and their members.",
            "create_group": "Add new groups and their contact details.",
            "edit_group": "Edit groups and their members.",
            "view_user_details": "View the pages of colleagues.",
        },
    ),
    (
        "Administration",
        {
            "view_administration_details": "View all pages of the administration, including the audit trail.",
            "manage_administration": "Edit menu items, roles, users, API consumers and channels. Holders can "
            "grant themselves every other permission.",
            "view_access_records": "View who has read which messages, on their pages and over the API.",
            "manage_retention": "Decide how long messages and other records are kept, and place and lift "
            "legal holds.",
            "erase_people": "Erase what is kept of a client, a group, an address or a number. It cannot be "
            "undone.",
        },
    ),
)


def install_defaults(**_: Any) -> None:
    """Create missing roles, and a first menu item of each type (post_migrate). Existing ones stay."""
    for name, codenames in DEFAULT_ROLES.items():
        role, created = Group.objects.get_or_create(name=name)
        if created or name == ADMINISTRATOR:
            role.permissions.add(
                *Permission.objects.filter(content_type__app_label="commlog", codename__in=codenames)
            )
    if not MenuItem.objects.exists():
        for position, type in enumerate(MenuItemType):
            name = _SHORT.get(type, type.label)
            MenuItem.objects.create(name=name, type=type, position=position)
