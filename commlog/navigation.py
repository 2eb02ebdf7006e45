"""The frame of every page: the menu that the user sees, and the banner when nothing is being sent."""

from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from commlog import permissions
from commlog.models import MenuItem
from commlog.models.menu_item import MenuItemType
from notifications import health

NOTHING_IS_SENT = "Nothing is being sent: start manage.py sender"
_PAGES = {MenuItemType.COMMUNICATIONS: "log"}


class Frame:
    """What surrounds a page. Each part is looked up when a template asks for it: partial pages never do."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def menu(self) -> list[tuple[MenuItem, str]]:
        """The user's menu items and their addresses."""
        return [(item, reverse(_PAGES[MenuItemType(item.type)])) for item in permissions.menu_items_for(self._request.user)]

    @cached_property
    def home(self) -> str:
        """Where the name of the product leads: the first page that the user may see."""
        return self.menu[0][1] if self.menu else reverse("home")

    @cached_property
    def banner(self) -> str:
        """What everybody has to know now; "" where nothing is wrong."""
        return NOTHING_IS_SENT if health.stalled(timezone.now()) else ""


def frame(request: HttpRequest) -> dict[str, Any]:
    """What the frame of every page shows (a template context processor)."""
    return {"frame": Frame(request)}
