"""Permissions: who may see, resend and manage what. Roles and menu items are evaluated only here."""

from collections.abc import Sequence
from functools import reduce
from operator import or_

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest

from commlog.kit.decorators import Holder, demand, demand_of
from commlog.models import CustomView, Erasure, Job, MenuItem, User, visible
from commlog.models.column_layout import LogKind
from commlog.models.erasure import ErasureState
from commlog.models.job import JobKind
from commlog.models.menu_item import MenuItemType
from commlog.models.user import permission_to_send
from notifications import channels
from notifications.models import Message
from notifications.models.message import MessageQuerySet
from notifications.states import MessageType

Person = User | AnonymousUser

VIEW = "commlog.view_communication_history"
READ_CONTENT = "commlog.read_message_content"
REVEAL = "commlog.reveal_messages"
RESEND = "commlog.resend_failed_messages"
EXPORT = "commlog.export_to_excel"
PUBLISH = "commlog.publish_views"
VIEW_ADMINISTRATION = "commlog.view_administration_details"
MANAGE_ADMINISTRATION = "commlog.manage_administration"
MANAGE_RETENTION = "commlog.manage_retention"
ERASE = "commlog.erase_people"
_LOG_CLOSED = (
    "The log needs the permission “View communication history” and an active menu item of the type "
    "Communications that is visible to you."
)
_EVENTS_CLOSED = (
    "“Why was nothing sent?” needs the permission “View communication history” and an active menu item of "
    "that type, or of the type Communications, that is visible to you."
)
_READING_CLOSED = "Reading messages needs the permission “View communication history”."
_CONTENT_CLOSED = "This needs the permissions “Read message content” and “View communication history”."
_TAB_CLOSED = "This tab needs the permissions “View {0}s” and “View communication history”."
NEEDS = {  # what a menu item of each type takes besides itself
    MenuItemType.COMMUNICATIONS: VIEW,
    MenuItemType.CLIENTS: "commlog.view_client_details",
    MenuItemType.GROUPS: "commlog.view_group_details",
    MenuItemType.USERS: "commlog.view_user_details",
    MenuItemType.EVENTS: VIEW,
}


def menu_items_for(user: Person) -> QuerySet[MenuItem]:
    """Return the active items that the user sees, by role or own: in the user's order, then the common
    one.
    """
    if not user.is_authenticated:
        return MenuItem.objects.none()
    return visible.items_of(user.pk).filter(type__in=_types_open_to(user))


def menu_of(user: Person) -> Sequence[MenuItem]:
    """Return the same, read once per request, as Django reads its permissions."""
    found: list[MenuItem] | None = getattr(user, "_menu", None)
    if found is None:
        types = _types_open_to(user) if isinstance(user, User) else []
        found = [item for item in visible.MENU.rows(user.pk or 0) if item.type in types] if types else []
        # What an open page asks for is read for each of its parts: that is how it is known what to ask again.
        if isinstance(user, User) and not user.reads_anew:
            user._menu = found  # type: ignore[attr-defined]
    return found


def _types_open_to(user: Person) -> list[MenuItemType]:
    return [type for type, permission in NEEDS.items() if user.has_perm(permission)]


def may_open(user: Person, *types: MenuItemType) -> bool:
    """Return whether the user may open a page of the types: permission, and a visible active menu item."""
    return any(user.has_perm(NEEDS[type]) for type in types) and any(
        item.type in types for item in menu_of(user)
    )


def views_for(user: Person, kind: LogKind) -> QuerySet[CustomView]:
    """Return the views of that kind of log that the user sees: own, for everyone, or for a role of the user.

    A view under a menu item is visible with that item. Favourites come first, then those that the user has
    ordered, then the others.
    """
    if not user.is_authenticated:
        return CustomView.objects.none()
    return visible.views_of(kind, user.pk, *_items_with_views(user))


def tabs_for(user: User, kind: LogKind, item: str = "") -> list[CustomView]:
    """The first of them; with the key of a menu item those under it and under every one."""
    return visible.TABS[kind].rows(user.pk, *_items_with_views(user, item))


def _items_with_views(user: Person, key: str = "") -> list[int]:
    found = [item for item in menu_of(user) if item.type == MenuItemType.COMMUNICATIONS]
    return [item.pk for item in found if key in ("", item.key.hex)]


def with_sharing(views: QuerySet[CustomView]) -> QuerySet[CustomView]:
    """Annotate whether each view is shared with roles or people (`for_some`)."""
    shared = (
        Exists(each.through.objects.filter(customview=OuterRef("pk")))
        for each in (CustomView.roles, CustomView.users)
    )
    return views.annotate(for_some=reduce(or_, shared))


def may_publish_views(user: Holder) -> bool:
    """Return whether the user may share views with everyone or with roles."""
    return user.has_perm(PUBLISH)


def may_edit_view(user: Person, view: CustomView | None) -> bool:
    """Return whether the user may change or delete a visible view: its owner, and administrators.

    The owner of a shared view may change it only while they may publish views: each change is published at
    once.
    """
    if view is None or may_manage_administration(user):
        return view is not None
    return view.owner_id == user.pk and (may_publish_views(user) or not view.shared)


def may_read_messages(user: Holder) -> bool:
    """Return whether the user may read messages by URL, and recipients' logs."""
    return user.has_perm(VIEW)


def may_read_content(user: Holder) -> bool:
    """Return whether the user may see message content and destinations: this alone decides about masking."""
    return may_read_messages(user) and user.has_perm(READ_CONTENT)


def may_reveal(user: Holder) -> bool:
    """Return whether the user may reveal a message in full, with an audited reason."""
    return may_read_messages(user) and user.has_perm(REVEAL)


def may_read_log(user: Person) -> bool:
    """Return whether the user may read the log of the whole organisation."""
    return may_open(user, MenuItemType.COMMUNICATIONS)


def may_read_events(user: Person) -> bool:
    """Return whether the user may look up why something was not sent: with the log, or a menu item for it."""
    return may_open(user, MenuItemType.COMMUNICATIONS, MenuItemType.EVENTS)


def may_read_log_of(user: Person, kind: LogKind) -> bool:
    """Return whether the user may read logs of that kind, and so use their views and columns."""
    if kind == LogKind.LOG:
        return may_read_log(user)
    return may_read_messages(user) if kind == LogKind.ACCOUNT else may_read_recipient_log(user, kind.lower())


def demand_log_of(user: Person, kind: LogKind) -> None:
    """Raise PermissionDenied unless the user may read logs of that kind."""
    if not may_read_log_of(user, kind):
        closed = {LogKind.LOG: _LOG_CLOSED, LogKind.ACCOUNT: _READING_CLOSED}
        raise PermissionDenied(closed.get(kind) or _TAB_CLOSED.format(kind.lower()))


def may_resend(user: Holder) -> bool:
    """Return whether the user may resend failed messages."""
    return may_read_messages(user) and user.has_perm(RESEND)


def may_export(user: Person) -> bool:
    """Return whether the user may export what they may read, and download such files."""
    return may_read_messages(user) and user.has_perm(EXPORT)


def may_resend_by_program(caller: Holder) -> bool:
    """Return whether a caller may resend by key. The responses show nothing of a message."""
    return caller.has_perm(RESEND)


def may_view_administration(user: Holder) -> bool:
    """Return whether the user may read the pages of the administration."""
    return user.has_perm(VIEW_ADMINISTRATION) or may_manage_administration(user)


def may_manage_administration(user: Holder) -> bool:
    """Return whether the user may make changes in the administration."""
    return user.has_perm(MANAGE_ADMINISTRATION)


def may_view_access(user: Holder) -> bool:
    """Return whether the user may see who has read message content."""
    return user.has_perm("commlog.view_access_records")


def may_manage_retention(user: Holder) -> bool:
    """Return whether the user may set retention periods, and place and lift legal holds."""
    return may_view_administration(user) and user.has_perm(MANAGE_RETENTION)


def may_erase(user: Holder) -> bool:
    """Return whether the user may request erasures, and approve those of others."""
    return may_view_administration(user) and user.has_perm(ERASE)


def may_approve_erasure(user: Person, erasure: Erasure) -> bool:
    """Return whether the user is a second person who may approve the erasure."""
    waits = erasure.state == ErasureState.AWAITING_APPROVAL
    return waits and may_erase(user) and erasure.asked_by_id != user.pk


def may_send_events(user: Holder) -> bool:
    """Return whether a user or program may report business events."""
    return user.has_perm("commlog.send_events")


def may_read_streams(user: Holder) -> bool:
    """Return whether a program may subscribe to streams, and read and commit its subscriptions."""
    return user.has_perm("commlog.read_streams") or may_manage_streams(user)


def may_read_stream_events(user: Holder) -> bool:
    """Return whether a program may read stream events: no stream is masked, since it delivers."""
    return may_read_streams(user) and user.has_perm(READ_CONTENT)


def may_manage_streams(user: Holder) -> bool:
    """Return whether a program may reset cursors, and use others' subscriptions like its own."""
    return user.has_perm("commlog.manage_streams")


def may_read_secret_urls(user: Holder) -> bool:
    """Return whether the user sees webhooks' secret paths: those who may change the URL anyway."""
    return may_edit_templates(user)


def may_create_templates(user: Holder) -> bool:
    """Return whether the user may add templates."""
    return user.has_perm("commlog.create_communication_templates")


def may_edit_templates(user: Holder) -> bool:
    """Return whether the user may change, activate and delete templates."""
    return user.has_perm("commlog.edit_communication_templates")


def may_view_templates(user: Holder) -> bool:
    """Return whether the user may read templates."""
    return may_create_templates(user) or may_edit_templates(user) or may_view_administration(user)


def messages_for(user: Holder) -> MessageQuerySet:
    """Return the messages that the user may see, masked if they may not see content."""
    return as_read_by(user, Message.objects.all() if may_read_messages(user) else Message.objects.none())


def as_read_by(user: Holder, messages: MessageQuerySet) -> MessageQuerySet:
    """Return the messages, masked for a user who may not see content."""
    return messages if may_read_content(user) else messages.withheld()


def staff(request: HttpRequest) -> User:
    """Return the signed-in user; every page but the sign-in has one."""
    if not isinstance(request.user, User):
        raise PermissionDenied("Sign in first.")
    return request.user


can_read_messages = demand(may_read_messages, _READING_CLOSED)
can_read_content = demand(may_read_content, _CONTENT_CLOSED)
can_reveal = demand(
    may_reveal, "This needs the permissions “Reveal messages” and “View communication history”."
)
can_read_log = demand(may_read_log, _LOG_CLOSED)
can_read_events = demand(may_read_events, _EVENTS_CLOSED)
can_resend = demand(
    may_resend, "Resending needs the permissions “Resend failed messages” and “View communication history”."
)
can_export = demand(
    may_export, "Exports need the permissions “Export to Excel” and “View communication history”."
)
can_view_administration = demand(
    may_view_administration, "The administration needs the permission “View administration”."
)
can_view_access = demand(may_view_access, "This needs the permission “View who has read messages”.")
can_view_templates = demand(
    may_view_templates,
    "Reading templates needs the permission to create or edit them, or “View administration”.",
)
can_create_templates = demand(may_create_templates, "This needs the permission “Create templates”.")
can_edit_templates = demand(may_edit_templates, "This needs the permission “Edit templates”.")
can_manage_streams = demand(may_manage_streams, "This needs the permission “Manage streams”.")
can_manage_administration = demand(
    may_manage_administration, "This needs the permission “Manage administration”."
)
can_manage_retention = demand(
    may_manage_retention, "This needs the permissions “Manage retention” and “View administration”."
)
can_erase = demand(may_erase, "This needs the permissions “Erase people” and “View administration”.")


# --- Clients, groups, users, and what is sent to them by hand -----------------------------------------------
_DETAILS = {
    "client": "commlog.view_client_details",
    "group": "commlog.view_group_details",
    "user": "commlog.view_user_details",
}
_SEND = {channel: f"commlog.{permission_to_send(channel)}" for channel in channels.FOR_PEOPLE}
_LISTS = {"client": MenuItemType.CLIENTS, "group": MenuItemType.GROUPS, "user": MenuItemType.USERS}


def may_list_recipients(user: Person, kind: str) -> bool:
    """Return whether the user may open the list of the kind: client, group, user."""
    return may_open(user, _LISTS[kind])


def may_view_recipient(user: Holder, kind: str) -> bool:
    """Return whether the user may open the pages of a client, group or user."""
    return user.has_perm(_DETAILS[kind])


def may_create_recipient(user: Person, kind: str) -> bool:
    """Return whether the user may create a client or group. Users are created in the administration."""
    return kind != "user" and may_view_recipient(user, kind) and user.has_perm(f"commlog.create_{kind}")


def may_edit_recipient(user: Holder, kind: str) -> bool:
    """Return whether the user may change a client or group, its members included."""
    return kind != "user" and may_view_recipient(user, kind) and user.has_perm(f"commlog.edit_{kind}")


def may_correct_address(user: Holder, kind: str) -> bool:
    """Return whether the user may correct a client's or group's address on an undelivered message."""
    return may_read_content(user) and may_edit_recipient(user, kind)


def may_read_recipient_log(user: Person, kind: str) -> bool:
    """Return whether the user may open the Communications tab of a client, group or user."""
    return may_view_recipient(user, kind) and may_read_messages(user)


def may_send(user: Holder, channel: MessageType) -> bool:
    """Return whether the user may write messages of this channel by hand."""
    return channel in _SEND and user.has_perm(_SEND[channel])


def may_send_anew(user: Person, channel: MessageType) -> bool:
    """Return whether the user may edit and resend a failed message of this channel."""
    return may_resend(user) and may_read_content(user) and may_send(user, channel)


can_list_recipients = demand_of(
    "kind",
    may_list_recipients,
    "This list needs the permission “View {0}s” and an active menu item of its type that is visible to you.",
)
can_view_recipient = demand_of("kind", may_view_recipient, "This page needs the permission “View {0}s”.")
can_create_recipient = demand_of(
    "kind", may_create_recipient, "This needs the permissions “View {0}s” and “Create {0}s”."
)
can_edit_recipient = demand_of(
    "kind", may_edit_recipient, "This needs the permissions “View {0}s” and “Edit {0}s”."
)
can_read_recipient_log = demand_of("kind", may_read_recipient_log, _TAB_CLOSED)
can_send = demand_of("channel", may_send, "Writing to somebody needs the permission “Send manual {0}”.")


# --- Jobs ---------------------------------------------------------------------------------------------------
def jobs_for(user: Person) -> QuerySet[Job]:
    """Return the user's jobs; colleagues' bulk resends for users who may resend; all for administrators."""
    if not may_read_messages(user):
        return Job.objects.none()
    if may_view_administration(user):
        return Job.objects.all()
    own = Q(owner=user.pk)
    return Job.objects.filter(own | Q(kind=JobKind.RESEND) if may_resend(user) else own)


def open_jobs_for(user: User) -> list[tuple[str, int]]:
    """Return state and owner of the user's unfinished jobs, and of those that await the user's approval."""
    return (visible.JOBS_TO_APPROVE if may_resend(user) else visible.JOBS).tuples(user.pk)


def may_steer_job(user: Person, job: Job) -> bool:
    """Return whether the user may pause, resume and cancel the job."""
    return job.owner_id == user.pk or may_manage_administration(user)


def may_approve_job(user: Person, job: Job) -> bool:
    """Return whether the user is a second person who may do what the job does."""
    return job.kind == JobKind.RESEND and job.owner_id != user.pk and may_resend(user)
