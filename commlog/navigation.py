"""The frame of every page: the user's menu, and the banner about sending problems."""

from collections import Counter
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
from commlog.company import discovery
from commlog.incidents import report
from commlog.kit.stamps import latest
from commlog.models import MenuItem
from commlog.models.job import JobState
from commlog.models.menu_item import MenuItemType
from commlog.permissions import Person
from notifications import channels
from notifications.channels import SendingMode
from notifications.cluster import health
from notifications.database import availability
from notifications.models import Incident
from notifications.restored import holding

ITEM = "item"  # in an address: by which of several menu items of one type it was opened
HELD_AFTER_RESTORE = "Nothing is being sent: the database was restored from a backup."
UNDECIDED_AFTER_RESTORE = (
    "The database was restored from a backup: messages that may have been sent are waiting for a decision."
)
NOTHING_IS_SENT = "Nothing is being sent: start manage.py sender"
_PAGES = {
    MenuItemType.COMMUNICATIONS: "log",
    MenuItemType.CLIENTS: "clients",
    MenuItemType.GROUPS: "groups",
    MenuItemType.USERS: "users",
    MenuItemType.EVENTS: "events",
}


@dataclass(frozen=True, slots=True)
class Section:
    """A page of the administration: its menu entry, and its purpose."""

    name: str
    label: str
    about: str = ""
    seen_by: Callable[[Person], bool] = permissions.may_view_administration

    @property
    def url(self) -> str:
        return _existing(self.name)


SECTIONS = (
    Section("administration", "Overview"),
    Section("menu-items", "Menu items", "The items of the navigation bar: order and visibility."),
    Section("roles", "Roles", "The permissions of each role."),
    Section(
        "api-consumers",
        "API consumers",
        "Programs that use the API: roles, keys and last use.",
    ),
    Section("administration-users", "Users", "People who can sign in: roles, passwords and sessions."),
    Section(
        "company-groups",
        "Company sign-in",
        "Which groups of your company give which roles.",
        lambda person: discovery.is_on() and permissions.may_manage_administration(person),
    ),
    Section(
        "templates",
        "Templates",
        "What is sent to whom when an event happens.",
        permissions.may_view_templates,
    ),
    Section("channels", "Channels", "Status of each channel, pauses and limits."),
    Section("administration-streams", "Streams", "Topics, subscriptions and how far programs have read."),
    Section("retry-policy", "Retry policy", "When failed messages are retried automatically."),
    Section(
        "retention", "Retention", "How long everything is kept, what is due for deletion, and legal holds."
    ),
    Section("erasures", "Erasures", "People who were erased, by pseudonym, and the certificates."),
    Section("audit", "Audit trail", "Who did what and when, including sign-ins."),
)


class Frame:
    """The frame of a page. Each part is evaluated on use: partial pages use none."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def menu(self) -> list[tuple[MenuItem, str]]:
        items = permissions.menu_of(self._request.user)
        of_a_type = Counter(item.type for item in items)
        return [
            (item, f"{url}?{ITEM}={item.key.hex}" if of_a_type[item.type] > 1 else url)
            for item in items
            if (url := address_of(MenuItemType(item.type)))
        ]

    @property
    def reads_log(self) -> bool:
        """Whether the user may open the organisation's log and its views."""
        return any(item.type == MenuItemType.COMMUNICATIONS for item, _ in self.menu)

    @property
    def reads_events(self) -> bool:
        """Whether the user may look up why something was not sent."""
        return any(item.type in {MenuItemType.COMMUNICATIONS, MenuItemType.EVENTS} for item, _ in self.menu)

    @property
    def section(self) -> str:
        """The URL of the menu item that this page belongs to (a client's: Clients), or ""."""
        here, asked = self._request.path, self._request.GET.get(ITEM, "")
        found = [(item, url) for item, url in self.menu if here.startswith(_path(url))]
        nearest = max((url for _, url in found), key=lambda url: len(_path(url)), default="")
        return next((url for item, url in found if item.key.hex == asked), nearest)

    @property
    def at_section(self) -> bool:
        """Whether this is the page that the menu item opens."""
        return self._request.path == _path(self.section)

    @property
    def administration(self) -> bool:
        """Whether the entry Administration is shown; it is fixed, not a menu item."""
        return bool(self.sections)

    @cached_property
    def sections(self) -> list[Section]:
        return [section for section in SECTIONS if section.url and section.seen_by(self._request.user)]

    @property
    def pages(self) -> list[tuple[str, str]]:
        """Labels and URLs of the pages that the user may open."""
        user = self._request.user
        fixed = [("Dashboard", "home", True), ("Your account", "account", True)]
        fixed += [
            (MenuItemType.EVENTS.label, "events", self.reads_events),
            ("Views", "views", self.reads_log),
        ]
        fixed += [("Jobs", "jobs", permissions.may_read_messages(user))]
        return [
            *((item.name, url) for item, url in self.menu),
            *((label, reverse(name)) for label, name, open_to in fixed if open_to),
            *((f"Administration: {each.label}", each.url) for each in self.sections),
        ]

    @property
    def home(self) -> str:
        """The link of the product name: the dashboard, which is open to everybody."""
        return reverse("home")

    @property
    def idle(self) -> int:
        """Seconds without activity until the session expires."""
        return settings.SESSION_COOKIE_AGE

    @cached_property
    def jobs(self) -> str:
        """The user's running jobs, and those awaiting the user's approval; or ""."""
        user = self._request.user
        if not permissions.may_read_messages(user):
            return ""
        states = permissions.open_jobs_for(permissions.staff(self._request))
        waiting = sum(state == JobState.AWAITING_APPROVAL and owner != user.pk for state, owner in states)
        own = len(states) - waiting
        said = [f"{own} job{'' if own == 1 else 's'}"] if own else []
        return ", ".join([*said, *([f"{waiting} to approve"] if waiting else [])])

    @cached_property
    def incidents(self) -> list[Incident]:
        """The open incidents, for users who may read the log. Queried only if something is wrong."""
        return report.open_now() if self.banners and self.reads_log else []

    @property
    def after_restore(self) -> str:
        """The page of decisions about a restored database; "" if none is due, or the user may not see it."""
        restored_lately = not {HELD_AFTER_RESTORE, UNDECIDED_AFTER_RESTORE}.isdisjoint(self.banners)
        return reverse("after-restore") if restored_lately and self.administration else ""

    @cached_property
    def banners(self) -> list[str]:
        found = (
            list(latest(self._request, "troubles", _troubles)) if self._request.user.is_authenticated else []
        )
        if channels.mode() != SendingMode.LIVE:
            found.append(channels.mode().label)
        return found


def _troubles() -> list[str]:
    """Return what is stopped, failing or held back, by one query while all is well."""
    now = timezone.now()
    seen = health.survey(now)
    found = [_why_nothing_is_sent()] if health.stalled(now, seen=seen) else []
    if seen.held and (backup := holding.standing()):
        found.append(HELD_AFTER_RESTORE if backup.held else UNDECIDED_AFTER_RESTORE)
    return found + channel_health.sentences(now) if seen.held or seen.failing else found


def _why_nothing_is_sent() -> str:
    trouble = availability.trouble()
    return f"{trouble.sentence} Nothing is sent or saved until this is fixed." if trouble else NOTHING_IS_SENT


def address_of(type: MenuItemType) -> str:
    """Return the URL of the type's page; "" while it does not exist."""
    return _existing(_PAGES[type])


def _path(url: str) -> str:
    return url.partition("?")[0]


def _existing(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return the frame of every page (a template context processor)."""
    return {"frame": Frame(request)}
