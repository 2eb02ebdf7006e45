"""What belongs to a log opens and closes with it: its events, its views, its columns."""

from typing import Any

import pytest
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from commlog.models import CustomView, MenuItem, User
from notifications import events
from notifications.events import Happening, Raised
from notifications.models import Message
from tests.factories import make_client, make_template, officer, viewer

pytestmark = pytest.mark.django_db


@pytest.fixture
def told() -> Raised:
    make_template(event="CLIENT_CREATED", text="Welcome", subject="Hello")
    return events.raise_one(Happening("CLIENT_CREATED", client=make_client()))


def _signed_in(person: User) -> Client:
    browser = Client()
    browser.force_login(person)
    return browser


def _withdraw() -> None:
    MenuItem.objects.filter(type__in=["COMMUNICATIONS", "EVENTS"]).update(active=False)


def test_the_events_and_views_of_the_log_close_with_its_menu_item(told: Raised) -> None:
    ada = officer()
    browser = _signed_in(ada)
    view = CustomView.objects.create(name="Mine", owner=ada)
    pages = [reverse(name) for name in ("log", "events", "views", "view-new", "columns")]
    pages += [
        reverse("event", args=[told.event.key]),
        *(reverse(name, args=[view.key]) for name in ("view-edit", "view-delete")),
    ]
    assert [browser.get(each).status_code for each in pages] == [200] * 8
    _withdraw()
    assert [browser.get(each).status_code for each in pages] == [403] * 8
    writes: list[tuple[str, dict[str, Any]]] = [
        (reverse("columns"), {"shown": ["state"], "order": ["state"]}),
        (reverse("view-new"), {"name": "New", "for_whom": "me"}),
        (reverse("view-edit", args=[view.key]), {"name": "New", "for_whom": "me"}),
        (reverse("view-delete", args=[view.key]), {}),
        *(
            (reverse("view-act", args=[view.key, action]), {})
            for action in ("save", "copy", "favourite", "up", "down")
        ),
    ]
    assert [browser.post(*each).status_code for each in writes] == [403] * 9
    assert (
        browser.get(
            reverse("views"), {"item": MenuItem.objects.get(type="COMMUNICATIONS").key.hex}
        ).status_code
        == 403
    )
    assert list(CustomView.objects.filter(owner=ada).values_list("name", flat=True)) == ["Mine"]


@pytest.mark.parametrize("kind", ["client", "group", "user"])
def test_views_and_columns_of_a_tab_open_and_close_with_the_tab(kind: str) -> None:
    browser = _signed_in(viewer())
    _withdraw()
    view = CustomView.objects.create(name="Tab", owner=officer(), for_everyone=True, kind=kind.upper())
    pages = [f"{reverse(name)}?kind={kind.upper()}" for name in ("views", "view-new", "columns")]
    copy = reverse("view-act", args=[view.key, "copy"])
    assert [browser.get(each).status_code for each in pages] == [200] * 3
    assert browser.post(copy).status_code == 302
    Role.objects.get(name="Viewer").permissions.remove(
        *Permission.objects.filter(codename=f"view_{kind}_details")
    )
    assert [browser.get(each).status_code for each in pages] == [403] * 3
    assert browser.post(copy).status_code == 403


def test_no_page_leads_to_the_events_where_they_are_closed(told: Raised) -> None:
    browser = _signed_in(officer())
    (message,) = Message.objects.all()
    pages = [
        reverse("client-communications", args=[message.client.key]),
        reverse("message", args=[message.key]),
    ]  # type: ignore[union-attr]
    pages.append(f"{pages[0]}?state=FAILED")
    assert [reverse("events") in browser.get(each).text for each in pages] == [True] * 3
    _withdraw()
    assert [reverse("events") in browser.get(each).text for each in pages] == [False] * 3
