"""Menu items: made, changed, deleted, put in order, seen by whom; and what is hidden is refused."""

import pytest
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from commlog import navigation
from commlog.administration.menu import changes
from commlog.models import AuditEntry, CustomView, MenuItem, User
from commlog.models.menu_item import MenuItemType
from notifications import events
from notifications.events import Happening
from tests.factories import make_client, make_template, make_user, officer, viewer
from tests.forms import seen_at

pytestmark = pytest.mark.django_db
PAGE = "/administration/menu-items/"


def _item(**fields: object) -> MenuItem:
    return MenuItem.objects.create(
        **({"name": "Mine", "type": MenuItemType.COMMUNICATIONS, "position": 9} | fields)
    )


def _menu(client: Client) -> list[str]:
    return [item.name for item, _ in client.get("/account/").context["frame"].menu]


def _form(**values: object) -> dict[str, object]:
    return {"name": "Failures", "type": "COMMUNICATIONS", "active": "on", "seen_by": "everyone"} | values


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_costs_the_same_for_one_row_and_for_three(
    pages: Client, ada: User, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    MenuItem.objects.all().delete()
    for _ in range(rows):
        role = Role.objects.create(name=f"Role {_}")
        make_user().groups.add(role)
        _item(creator=make_user(), for_everyone=False).roles.add(role)
    # Session, user with permissions; four for who has which permission, who has which role, items, their
    # roles; menu, banner.
    with django_assert_num_queries(12):
        pages.get(PAGE)


def test_a_new_installation_has_one_of_each_type() -> None:
    assert list(MenuItem.objects.values_list("name", flat=True)) == [
        "Communications",
        "Clients",
        "Groups",
        "Users",
        "Not sent?",
    ]


def test_a_new_item_is_active_unless_told_otherwise(pages: Client) -> None:
    assert pages.get(f"{PAGE}new/").context["form"]["active"].value() is True
    assert pages.get(f"{PAGE}{_item(active=False).key.hex}/").context["form"]["active"].value() is False


def test_an_item_is_made_last_and_recorded(pages: Client, ada: User) -> None:
    assert pages.get(f"{PAGE}new/").status_code == 200
    officers = Role.objects.get(name="Officer")
    response = pages.post(f"{PAGE}new/", _form(seen_by="roles", roles=[officers.pk]))
    assert response["Location"] == PAGE
    item = MenuItem.objects.get(name="Failures")
    assert (item.creator, item.position, item.for_everyone, list(item.roles.all())) == (
        ada,
        5,
        False,
        [officers],
    )
    entry = AuditEntry.objects.get(action="CREATED")
    assert entry.after == {
        "name": "Failures",
        "type": "Communications",
        "active": True,
        "seen by": ["Officer"],
    }
    assert "Failures" in pages.get(PAGE).text


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "   "}, "This field is required."),
        ({"name": "x" * 33}, "at most 32 characters"),
        ({"name": "a\0b"}, "Null characters are not allowed."),
        ({"type": "DASHBOARD"}, "not one of the available choices"),
        ({"seen_by": "roles"}, "Choose at least one role"),
        ({"seen_by": "nobody"}, "not one of the available choices"),
        ({"seen_by": "roles", "roles": ["99999"]}, "not one of the available choices"),
        ({"seen_by": "roles", "roles": ["💶"]}, "is not a valid value"),
    ],
)
def test_a_wrong_item_is_refused_at_its_field(pages: Client, values: dict[str, object], said: str) -> None:
    response = pages.post(f"{PAGE}new/", _form(**values))
    assert response.status_code == 200
    assert said in response.text
    assert MenuItem.objects.count() == 5


def test_roles_beside_all_users_are_refused_and_stay_ticked(pages: Client) -> None:
    officers, before = Role.objects.get(name="Officer"), MenuItem.objects.count()
    item = _item(for_everyone=False)
    item.roles.add(officers)
    for path in (f"{PAGE}new/", f"{PAGE}{item.key.hex}/"):
        response = pages.post(path, _form(seen_by="everyone", roles=[officers.pk]))
        form = response.context["form"]
        assert form.errors == {
            "roles": ["Choose “These roles” above, or clear the roles: they do not apply to “All users”."]
        }
        assert (form["name"].value(), form["roles"].value()) == ("Failures", [str(officers.pk)])
    item.refresh_from_db()
    assert (item.for_everyone, list(item.roles.all()), MenuItem.objects.count()) == (
        False,
        [officers],
        before + 1,
    )


def test_an_item_for_all_users_opens_without_ticks(pages: Client) -> None:
    item = _item()
    item.roles.add(Role.objects.get(name="Officer"))
    assert list(pages.get(f"{PAGE}{item.key.hex}/").context["form"]["roles"].value()) == []


def test_an_item_is_changed_but_for_its_type(pages: Client) -> None:
    item = MenuItem.objects.get(type="CLIENTS")
    address = f"{PAGE}{item.key.hex}/"
    response = pages.post(
        address, {"name": "People", "type": "COMMUNICATIONS", "seen_by": "everyone"} | seen_at(pages, address)
    )
    assert response["Location"] == PAGE
    item.refresh_from_db()
    assert (item.name, item.type, item.active) == ("People", "CLIENTS", False)
    entry = AuditEntry.objects.get(action="CHANGED")
    assert (entry.before, entry.after) == (
        {"name": "Clients", "active": True},
        {"name": "People", "active": False},
    )


def test_deleting_says_first_what_will_happen(pages: Client, ada: User) -> None:
    item = MenuItem.objects.get(type="COMMUNICATIONS")
    view = CustomView.objects.create(name="Mine", owner=ada, menu_item=item)
    shown = pages.get(f"{PAGE}{item.key.hex}/delete/").text
    assert "It is the last active item of the type Communications." in shown
    assert "Its 1 view stays, visible to its owner only." in shown
    assert MenuItem.objects.count() == 5
    assert pages.post(f"{PAGE}{item.key.hex}/delete/")["Location"] == PAGE
    assert not MenuItem.objects.filter(pk=item.pk).exists()
    view.refresh_from_db()
    assert view.menu_item is None
    assert AuditEntry.objects.get(action="DELETED").target_label == "Communications"


def test_deleting_an_item_shows_its_views_to_nobody_else(pages: Client, ada: User, client: Client) -> None:
    hidden = _item(for_everyone=False, name="Board")
    hidden.roles.add(Role.objects.get(name="Administrator"))
    CustomView.objects.all().delete()
    owner = officer(first_name="Olga", last_name="Owner")
    CustomView.objects.create(name="For all", owner=owner, menu_item=hidden, for_everyone=True)
    CustomView.objects.create(name="For viewers", owner=owner, menu_item=hidden).roles.add(
        Role.objects.get(name="Viewer")
    )
    CustomView.objects.create(name="Of nobody", menu_item=hidden, for_everyone=True)
    CustomView.objects.create(name="Private", owner=owner, menu_item=hidden)
    shown = pages.get(f"{PAGE}{hidden.key.hex}/delete/").text
    assert (
        "Its 4 views stay, visible to their owners only. These are shared now and will become private:"
        in shown
    )
    assert "<li><bdi>For viewers</bdi>, owned by <bdi>Olga Owner</bdi></li>" in shown
    assert "<li><bdi>Of nobody</bdi>, owned by no one; it becomes yours</li>" in shown
    pages.post(f"{PAGE}{hidden.key.hex}/delete/")
    names = {}
    for person in (viewer(), owner, ada):
        client.force_login(person)
        names[person.name] = [view.name for view in client.get("/communications/").context["views"]]
    assert names == {
        "Vera Viewer": [],
        "Olga Owner": ["For all", "For viewers", "Private"],
        ada.name: ["Of nobody"],
    }
    assert AuditEntry.objects.filter(target_kind="view", action="CHANGED").count() == 4


def test_an_item_with_views_cannot_be_deleted_around_that() -> None:
    item = _item()
    CustomView.objects.create(name="Hers", menu_item=item, for_everyone=True)
    with pytest.raises(ProtectedError):
        item.delete()


def test_the_order_for_everybody(pages: Client) -> None:
    groups = MenuItem.objects.get(type="GROUPS")
    moved = ["COMMUNICATIONS", "GROUPS", "CLIENTS", "USERS", "EVENTS"]
    pages.post(f"{PAGE}{groups.key.hex}/order/", {"direction": "up"})
    assert [row.item.type for row in changes.rows()] == moved
    assert AuditEntry.objects.filter(action="REORDERED").count() == 1
    first = MenuItem.objects.get(type="COMMUNICATIONS")
    for key, direction in ((first.key.hex, "up"), ("0" * 32, "down")):
        assert pages.post(f"{PAGE}{key}/order/", {"direction": direction}).status_code == 302
    assert [row.item.type for row in changes.rows()] == moved
    assert AuditEntry.objects.filter(action="REORDERED").count() == 1


def test_an_order_of_ones_own(client: Client) -> None:
    MenuItem.objects.all().delete()
    items = [_item(name=name, position=number) for number, name in enumerate("ABC")]
    vera, other = viewer(), viewer()
    client.force_login(vera)
    client.post("/account/menu/", {"item": items[2].key.hex, "direction": "up"})
    assert _menu(client) == ["A", "C", "B"]
    _item(name="D", position=0)
    assert _menu(client) == ["A", "C", "B", "D"]
    client.force_login(other)
    assert _menu(client) == ["A", "D", "B", "C"]
    client.force_login(vera)
    client.post("/account/menu/", {"reset": "1"})
    assert _menu(client) == ["A", "D", "B", "C"]
    for values in ({"item": "x", "direction": "up"}, {"item": items[0].key.hex, "direction": "sideways"}, {}):
        assert client.post("/account/menu/", values).status_code == 302
    assert _menu(client) == ["A", "D", "B", "C"]


def test_an_item_that_leads_nobody_anywhere_is_marked(pages: Client) -> None:
    nobodies = Role.objects.create(name="Nobodies")
    item = _item(for_everyone=False)
    item.roles.add(nobodies)
    make_user().groups.add(nobodies)
    warned = "No one it is visible to has this permission"
    assert warned in pages.get(PAGE).text
    nobodies.permissions.add(Permission.objects.get(codename="view_communication_history"))
    assert warned not in pages.get(PAGE).text


def test_the_menu_leads_to_pages_that_exist_only(pages: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = _menu(pages)
    assert "Communications" in shown
    monkeypatch.setitem(navigation._PAGES, MenuItemType.COMMUNICATIONS, "no-such-page")
    assert _menu(pages) == [name for name in shown if name != "Communications"]


@pytest.mark.parametrize(
    ("path", "marked"),
    [
        ("/clients/", 'href="/clients/" aria-current="page"'),
        ("/clients/new/", 'href="/clients/" aria-current="true"'),
        ("/communications/views/", 'href="/communications/" aria-current="true"'),
        ("/communications/events/", 'href="/communications/events/" aria-current="page"'),
        ("/administration/users/", 'href="/administration/" aria-current="true"'),
        ("/", 'href="/" aria-current="page"'),
    ],
)
def test_the_menu_marks_where_one_is(pages: Client, path: str, marked: str) -> None:
    menu = pages.get(path).text.partition("</nav>")[0]
    assert marked in menu
    assert menu.count("aria-current") == 1


def test_two_items_of_one_type_have_two_addresses(pages: Client) -> None:
    log = MenuItem.objects.get(type="COMMUNICATIONS")
    cards = MenuItem.objects.create(name="Cards", type="COMMUNICATIONS", position=9)
    CustomView.objects.create(name="Card letters", for_everyone=True, menu_item=cards)
    CustomView.objects.create(name="Loan letters", for_everyone=True, menu_item=log)
    address = f"/communications/?item={cards.key.hex}"
    answer = pages.get(address)
    menu = answer.text.split('aria-label="Main"')[1].split("</nav>")[0]
    assert f'href="{address}" aria-current="page">Cards<' in menu
    assert menu.count("aria-current") == 1
    assert f'href="/communications/?item={log.key.hex}">{log.name}<' in menu
    names = [view.name for view in answer.context["views"]]
    assert "Card letters" in names
    assert "Loan letters" not in names
    log_shown = answer.context["log"]
    assert log_shown.carried == [("item", cards.key.hex)]
    assert f"item={cards.key.hex}" in log_shown.table.columns["created"].column.url
    second = MenuItem.objects.create(name="Payees", type="CLIENTS", position=9)
    listed = pages.get(f"/clients/?item={second.key.hex}&sort=-name")
    assert f'href="/clients/?item={second.key.hex}" aria-current="page">Payees<' in listed.text
    assert listed.context["listing"].heads["name"].url == f"?item={second.key.hex}&sort=name"


@pytest.mark.parametrize("change", [{"active": False}, {"for_everyone": False}])
def test_what_the_menu_hides_is_refused_by_address(client: Client, change: dict[str, bool]) -> None:
    client.force_login(officer())
    shown = [url for _, url in client.get("/account/").context["frame"].menu]
    assert "/communications/" in shown
    assert [client.get(url).status_code for url in shown] == [200] * len(shown)
    MenuItem.objects.update(**change)
    assert _menu(client) == []
    assert [client.get(url).status_code for url in shown] == [403] * len(shown)


def test_why_nothing_was_sent_is_opened_without_the_log(client: Client) -> None:
    ana = make_client(email="")
    make_template(event="CLIENT_CREATED", name="Welcome")
    told = events.raise_one(Happening("CLIENT_CREATED", client=ana)).event
    client.force_login(viewer())
    event = f"/communications/events/{told.key.hex}/"
    MenuItem.objects.filter(type=MenuItemType.COMMUNICATIONS).update(active=False)
    for path in ("/communications/events/", event, f"/find/?q={told.key.hex}"):
        assert client.get(path, follow=True).status_code == 200
    assert 'href="/communications/events/"' in client.get(event).text
    assert 'Not sent</span> <bdi class="what">Welcome' in client.get(f"/clients/{ana.key.hex}/").text
    assert client.get("/communications/").status_code == 403
    for said in ("nothing sent", "not sent"):
        found = client.get("/find/", {"q": said}, headers={"HX-Request": "true"}).text
        assert found.count('href="/communications/events/"') == 1
    MenuItem.objects.filter(type=MenuItemType.EVENTS).update(active=False)
    refused = client.get(event)
    assert (refused.status_code, "of that type, or of the type Communications" in refused.text) == (403, True)
    assert event not in client.get(f"/clients/{ana.key.hex}/").text


def test_the_database_refuses_what_no_item_may_be() -> None:
    for wrong in ({"name": ""}, {"type": "DASHBOARD"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            _item(**wrong)


def test_reading_changes_nothing(pages: Client) -> None:
    item = MenuItem.objects.get(type="CLIENTS")
    before = list(MenuItem.objects.values())
    for path in ("", "new/", f"{item.key.hex}/", f"{item.key.hex}/delete/"):
        assert pages.get(PAGE + path).status_code == 200
    assert pages.get(f"{PAGE}{item.key.hex}/order/?direction=down").status_code == 405
    assert list(MenuItem.objects.values()) == before
