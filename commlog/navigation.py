"""The frame of every page: the menu that the user sees, and the banner when nothing is being sent."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from commlog import permissions
from commlog.administration.channels import health as channel_health
from commlog.kit.stamps import latest
from commlog.models import MenuItem
from commlog.models.job import JobState
from commlog.models.menu_item import MenuItemType
from commlog.permissions import Person
from notifications import channels
from notifications.channels import SendingMode
from notifications.cluster import health
from notifications.database import availability
from notifications.restored import holding

MOST_JOBS = 100  # counted no further
HELD_AFTER_RESTORE = "Nothing is being sent: the database was restored from a backup."
UNDECIDED_AFTER_RESTORE = (
    "The database was restored from a backup: messages that may have been sent wait for a decision."
)
NOTHING_IS_SENT = "Nothing is being sent: start manage.py sender"
_PAGES = {
    MenuItemType.COMMUNICATIONS: "log",
    MenuItemType.CLIENTS: "clients",
    MenuItemType.GROUPS: "groups",
    MenuItemType.USERS: "users",
}


@dataclass(frozen=True, slots=True)
class Section:
    """A page of the administration: its entry in the menu there, and what it is for."""

    name: str
    label: str
    about: str = ""
    seen_by: Callable[[Person], bool] = permissions.may_view_administration

    @property
    def url(self) -> str:
        """Its address; "" while the page does not exist."""
        return _existing(self.name)


SECTIONS = (
    Section("administration", "Overview"),
    Section("menu-items", "Menu items", "The entries of the navigation bar, their order, and who sees them."),
    Section("roles", "Roles", "What the people of a role may see and do."),
    Section(
        "api-consumers",
        "API consumers",
        "Programs that use the API: their roles, their keys, and when they called last.",
    ),
    Section("administration-users", "Users", "Who may sign in, with which roles; passwords and sessions."),
    Section(
        "templates",
        "Templates",
        "What is said to whom when something happens.",
        permissions.may_view_templates,
    ),
    Section("channels", "Channels", "Status of each channel, pauses and limits."),
    Section("administration-streams", "Streams", "Topics, and how far programs have read them."),
    Section("retry-policy", "Retry policy", "When a failed message is tried again by itself."),
    Section("audit", "Audit trail", "Who did what and when, sign-ins included."),
)


class Frame:
    """What surrounds a page. Each part is looked up when a template asks for it: partial pages never do."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def menu(self) -> list[tuple[MenuItem, str]]:
        """The user's menu items and their addresses, in the user's order."""
        return [
            (item, url)
            for item in permissions.menu_items_for(self._request.user)
            if (url := address_of(MenuItemType(item.type)))
        ]

    @property
    def reads_log(self) -> bool:
        """Whether the user may open the log of the whole organisation, and what belongs to it: its events and
        views.
        """
        return any(item.type == MenuItemType.COMMUNICATIONS for item, _ in self.menu)

    @property
    def section(self) -> str:
        """The address of the menu item that this page belongs to: a client's page to Clients. "" where it
        belongs to none.
        """
        return next((url for _, url in self.menu if self._request.path.startswith(url)), "")

    @property
    def administration(self) -> bool:
        """Whether the entry Administration is shown; it is fixed, no menu item."""
        return bool(self.sections)

    @cached_property
    def sections(self) -> list[Section]:
        """The pages of the administration that exist and that the user may read."""
        return [section for section in SECTIONS if section.url and section.seen_by(self._request.user)]

    @property
    def home(self) -> str:
        """Where the name of the product leads: the dashboard, which is fixed and open to everybody."""
        return reverse("home")

    @property
    def idle(self) -> int:
        """After how many seconds without a sign of the user the session lapses."""
        return settings.SESSION_COOKIE_AGE

    @cached_property
    def jobs(self) -> str:
        """The user's jobs under way, and those of others that wait for the user's approval; "" where there
        are none.
        """
        user = self._request.user
        if not permissions.may_read_messages(user):
            return ""
        states = list(permissions.open_jobs_for(user).values_list("state", "owner")[:MOST_JOBS])
        waiting = sum(state == JobState.AWAITING_APPROVAL and owner != user.pk for state, owner in states)
        own = len(states) - waiting
        said = [f"{own} job{'' if own == 1 else 's'}"] if own else []
        return ", ".join([*said, *([f"{waiting} to approve"] if waiting else [])])

    @property
    def after_restore(self) -> str:
        """Where it is decided what a restored database sends; "" while there is nothing to decide, or for who
        may not see it.
        """
        restored_lately = not {HELD_AFTER_RESTORE, UNDECIDED_AFTER_RESTORE}.isdisjoint(self.banners)
        return reverse("after-restore") if restored_lately and self.administration else ""

    @cached_property
    def banners(self) -> list[str]:
        """What everybody has to know now."""
        found = (
            list(latest(self._request, "troubles", _troubles)) if self._request.user.is_authenticated else []
        )
        if channels.mode() != SendingMode.LIVE:
            found.append(channels.mode().label)
        return found


def _troubles() -> list[str]:
    """What stands still, fails, or is held back. One query while all is well."""
    now = timezone.now()
    seen = health.survey(now)
    found = [_why_nothing_is_sent()] if health.stalled(now, seen=seen) else []
    if seen.held and (backup := holding.standing()):
        found.append(HELD_AFTER_RESTORE if backup.held else UNDECIDED_AFTER_RESTORE)
    return found + channel_health.sentences(now) if seen.held or seen.failing else found


def _why_nothing_is_sent() -> str:
    trouble = availability.trouble()
    return (
        f"{trouble.sentence} Nothing is sent or saved until it is repaired." if trouble else NOTHING_IS_SENT
    )


def address_of(type: MenuItemType) -> str:
    """The address of the type's page; "" while that page does not exist."""
    return _existing(_PAGES[type])


def _existing(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def frame(request: HttpRequest) -> dict[str, Any]:
    """What the frame of every page shows (a template context processor)."""
    return {"frame": Frame(request)}
