"""Custom views: saved from the screen, opened, changed, shared, ordered, counted; and whose nobody else
sees.
"""

import importlib
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from commlog.log import custom_views
from commlog.models import AuditEntry, CustomView, MenuItem, User
from notifications.models import Message
from notifications.states import MessageState, MessageType
from tests.factories import admin, make_message, officer, outsider, viewer
from tests.forms import seen_at

pytestmark = pytest.mark.django_db
URL = "/communications/"
VIEWS = "/communications/views/"


@pytest.fixture
def pages(client: Client, ada: User) -> Client:
    CustomView.objects.all().delete()  # those that every installation starts with
    client.force_login(ada)
    return client


def _save(pages: Client, query: str, **form: Any) -> CustomView:
    response = pages.post(f"{VIEWS}new/", {"name": "Mine", "for_whom": "me", "next": f"{URL}?{query}"} | form)
    assert response.status_code == 302, response.context["form"].errors
    view = CustomView.objects.latest("pk")
    assert response["Location"] == f"{URL}?view={view.key.hex}"
    return view


def _names(pages: Client) -> list[str]:
    return [view.name for view in pages.get(URL).context["views"]]


def _listed(pages: Client, query: str) -> list[Message]:
    response = pages.get(f"{URL}?{query}")
    assert response.status_code == 200
    return [row.message for row in response.context["log"].rows]


def test_what_is_on_the_screen_is_saved_and_opened_again(pages: Client) -> None:
    wanted = make_message(MessageState.FAILED, MessageType.SMS, attempt_count=6)
    make_message(MessageState.FAILED, MessageType.SMS)
    make_message(MessageState.SENT, MessageType.SMS, attempt_count=6)
    query = (
        "type=SMS&sort=-attempts&c=state.in.FAILED,WAITING&c=attempts.more_than.5"
        "&columns=key,attempts&timestamps=0"
    )
    view = _save(pages, query, favourite="1")
    assert (view.conditions, view.sorting, view.match) == ({"type": "SMS"}, "-attempts", "ALL")
    assert view.criteria == [["state", "IN", ["FAILED", "WAITING"]], ["attempts", "MORE_THAN", ["5"]]]
    assert (view.columns, view.timestamps) == (["key", "attempts"], False)
    response = pages.get(f"{URL}?view={view.key.hex}")
    log = response.context["log"]
    assert [row.message for row in log.rows] == [wanted]
    assert [column.header for column in log.table.columns] == ["Key", "Attempts"]
    assert (log.changed, log.days_only, log.sorting.alias) == (False, True, "-attempts")
    assert log.address == f"?view={view.key.hex}"
    assert len(log.chips) == 3
    assert "changed since saved" not in response.text


def test_what_differs_from_the_view_is_said_and_can_be_saved(pages: Client) -> None:
    make_message(MessageState.FAILED)
    make_message(MessageState.SENT)
    view = _save(pages, "state=FAILED")
    first = pages.get(f"{URL}?view={view.key.hex}").context["log"]
    # The only condition is removed: everything is listed, though the view is still open.
    without = first.chips[0].url
    response = pages.get(URL + without)
    assert len(response.context["log"].rows) == 2
    assert response.context["log"].changed
    assert "changed since saved" in response.text
    pages.post(
        f"{VIEWS}{view.key.hex}/save/",
        {
            "next": URL + without.replace("edited=1", "edited=1&state=SENT"),
            "seen": response.context["view_seen"],
        },
    )
    view.refresh_from_db()
    assert view.conditions == {"state": "SENT"}
    assert [message.state for message in _listed(pages, f"view={view.key.hex}")] == ["SENT"]
    assert [message.state for message in _listed(pages, f"view={view.key.hex}&state=FAILED")] == ["FAILED"]


def test_the_filter_form_of_a_view_holds_its_whole_state(pages: Client) -> None:
    make_message(MessageState.FAILED)
    make_message(MessageState.SENT)
    view = _save(pages, "state=FAILED")
    carried = dict(pages.get(f"{URL}?view={view.key.hex}").context["log"].carried)
    assert carried["view"] == view.key.hex
    assert carried["edited"] == "1"
    query = "&".join(f"{name}={value}" for name, value in carried.items())
    assert len(_listed(pages, f"{query}&state=")) == 2
    unchanged = pages.get(f"{URL}?{query}&state=FAILED").context["log"]
    assert (unchanged.changed, unchanged.address) == (False, f"?view={view.key.hex}")


def test_a_view_with_a_condition_that_exists_no_more_says_so_and_lists_nothing(
    pages: Client, ada: User
) -> None:
    make_message()
    view = CustomView.objects.create(
        name="Old", owner=ada, criteria=[["fax", "EQUALS", ["1"]]], conditions={"mood": "good"}
    )
    response = pages.get(f"{URL}?view={view.key.hex}")
    assert response.context["log"].rows == []
    assert "Unknown field." in response.text
    assert "Unknown filter “mood”." in response.text
    assert ">!</span>" in _counts(pages)


def test_a_wrong_state_is_not_saved(pages: Client) -> None:
    response = pages.post(
        f"{VIEWS}new/", {"name": "X", "for_whom": "everyone", "next": f"{URL}?c=nope.equals.1"}, follow=True
    )
    assert not CustomView.objects.exists()
    assert "A filter is not valid." in response.text


@pytest.mark.parametrize(("whom", "label"), [("me", "Only me"), ("everyone", "Everyone")])
def test_roles_beside_another_choice_are_refused_and_stay_ticked(
    pages: Client, whom: str, label: str
) -> None:
    role = Group.objects.get(name="Viewer")
    response = pages.post(
        f"{VIEWS}new/", {"name": "Ours", "for_whom": whom, "roles": [role.pk], "favourite": "on", "next": URL}
    )
    assert not CustomView.objects.exists()
    form = response.context["form"]
    assert form.errors == {
        "roles": [
            f"Choose “These roles or people” above, or clear the roles: they do not apply to “{label}”."
        ]
    }
    assert (form["name"].value(), form["roles"].value(), form["favourite"].value()) == (
        "Ours",
        [str(role.pk)],
        True,
    )
    view = CustomView.objects.create(owner=officer(username="bo"), name="Ours", for_everyone=False)
    view.roles.set([role])
    pages.force_login(view.owner)
    refused = pages.post(
        f"{VIEWS}{view.key.hex}/", {"name": "Ours", "for_whom": whom, "roles": [role.pk], "next": URL}
    )
    assert refused.context["form"].has_error("roles")
    assert list(view.roles.all()) == [role]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"name": ""}, "Enter a name for the view."),
        ({"name": "   "}, "Enter a name for the view."),
        ({"name": "x" * 257}, "at most 256 characters"),
        ({"for_whom": ""}, "Choose who can see the view."),
        ({"for_whom": "world"}, "Choose who can see the view."),
        ({"for_whom": "roles"}, "Choose at least one role."),
        ({"for_whom": "roles", "roles": "999"}, "Role not found."),
        ({"for_whom": "roles", "roles": "x"}, "Role not found."),
        ({"menu_item": "999"}, "Menu item not found."),
    ],
)
def test_a_bad_form_is_said_at_its_field(pages: Client, form: dict[str, str], said: str) -> None:
    response = pages.post(f"{VIEWS}new/", {"name": "X", "for_whom": "me", "next": URL} | form)
    assert response.status_code == 200
    assert said in response.text
    assert not CustomView.objects.exists()


# --- Who sees it --------------------------------------------------------------------------------------------


@pytest.fixture
def shared(ada: User) -> dict[str, CustomView]:
    """Ada's views: her own, one for everyone, one for viewers."""
    CustomView.objects.all().delete()
    views = {
        "mine": CustomView.objects.create(name="mine", owner=ada),
        "everyone": CustomView.objects.create(name="everyone", owner=ada, for_everyone=True),
        "viewers": CustomView.objects.create(name="viewers", owner=ada),
    }
    views["viewers"].roles.set([Group.objects.get(name="Viewer")])
    return views


def test_a_view_is_seen_by_its_owner_by_everyone_or_by_roles(
    client: Client, ada: User, shared: dict[str, CustomView]
) -> None:
    for person, names in (
        (ada, ["mine", "everyone", "viewers"]),
        (viewer(), ["everyone", "viewers"]),
        (officer(), ["everyone"]),
        (admin(), ["everyone"]),  # nobody's private views
    ):
        client.force_login(person)
        assert _names(client) == names
        for name, view in shared.items():
            status = 200 if name in names else 404
            assert client.get(f"{URL}?view={view.key.hex}").status_code == status
            assert client.post(f"{VIEWS}{view.key.hex}/favourite/").status_code == (
                302 if name in names else 404
            )
    client.force_login(outsider())
    assert client.get(f"{URL}?view={shared['everyone'].key.hex}").status_code == 403
    assert client.get(VIEWS).status_code == 403


def test_only_its_owner_and_administrators_change_a_view(
    client: Client, ada: User, shared: dict[str, CustomView]
) -> None:
    view = shared["everyone"]
    for person, status in ((viewer(), 403), (admin(), 302), (ada, 302)):
        client.force_login(person)
        assert client.post(f"{VIEWS}{view.key.hex}/save/", {"next": URL}).status_code == status
        assert client.get(f"{VIEWS}{view.key.hex}/").status_code == (200 if status == 302 else 403)
    client.force_login(admin())
    assert client.post(f"{VIEWS}{view.key.hex}/delete/").status_code == 302
    assert client.post(f"{VIEWS}{shared['mine'].key.hex}/delete/").status_code == 404
    assert client.post(f"{VIEWS}{uuid4().hex}/delete/").status_code == 404
    assert client.post(f"{VIEWS}{view.key.hex}/burn/").status_code == 404
    assert client.get(f"{VIEWS}{shared['viewers'].key.hex}/copy/").status_code == 405


def test_a_view_under_a_menu_item_is_seen_with_the_item(
    client: Client, shared: dict[str, CustomView]
) -> None:
    hidden = MenuItem.objects.create(name="Secret", type="COMMUNICATIONS", for_everyone=False)
    CustomView.objects.filter(name="everyone").update(menu_item=hidden)
    client.force_login(viewer())
    assert _names(client) == ["viewers"]
    hidden.roles.set([Group.objects.get(name="Viewer")])
    assert _names(client) == ["everyone", "viewers"]
    MenuItem.objects.filter(pk=hidden.pk).update(active=False)
    assert _names(client) == ["viewers"]


def test_views_of_one_kind_of_log_are_not_those_of_another(pages: Client, ada: User) -> None:
    view = CustomView.objects.create(name="clients", owner=ada, kind="CLIENT")
    assert _names(pages) == []
    assert pages.get(f"{URL}?view={view.key.hex}").status_code == 404
    assert "clients" in pages.get(f"{VIEWS}?kind=CLIENT").text


def _may(person: User, *codenames: str) -> None:
    person.user_permissions.add(*Permission.objects.filter(codename__in=codenames))


def test_only_with_the_permission_a_view_is_shared(client: Client) -> None:
    CustomView.objects.all().delete()
    vera, role = viewer(), Group.objects.get(name="Viewer")
    client.force_login(vera)
    form = client.get(f"{VIEWS}new/")
    assert [value for value, _ in form.context["form"]["for_whom"].field.choices] == ["me"]
    assert "Sharing a view needs the permission “Publish views”." in form.text
    assert "Officer" not in form.text
    for shared in (
        {"for_whom": "everyone"},
        {"for_whom": "roles", "roles": [role.pk]},
        {"for_whom": "me", "roles": [role.pk]},
    ):
        answer = client.post(f"{VIEWS}new/", {"name": "X", "next": URL} | shared)
        assert answer.status_code == 200
        assert "Sharing a view needs the permission “Publish views”." in str(answer.context["form"].errors)
    assert not CustomView.objects.exists()
    _save(client, "state=FAILED")
    _may(vera, "publish_views")
    assert _save(client, "state=FAILED", for_whom="everyone").for_everyone
    assert list(_save(client, "state=FAILED", for_whom="roles", roles=[role.pk]).roles.all()) == [role]


def test_a_private_view_is_not_shared_later_without_the_permission(client: Client) -> None:
    vera = viewer()
    client.force_login(vera)
    view = CustomView.objects.create(name="Mine", owner=vera)
    answer = client.post(f"{VIEWS}{view.key.hex}/", {"name": "Mine", "for_whom": "everyone", "next": URL})
    assert "Sharing a view needs the permission “Publish views”." in answer.text
    view.refresh_from_db()
    assert not view.for_everyone


@pytest.mark.parametrize("roles", [[], ["Viewer"]])
def test_a_shared_view_stays_and_is_changed_only_with_the_permission(
    client: Client, roles: list[str]
) -> None:
    vera = viewer()
    view = CustomView.objects.create(
        name="Ours", owner=vera, for_everyone=not roles, conditions={"state": "FAILED"}
    )
    view.roles.set(Group.objects.filter(name__in=roles))
    address = f"{VIEWS}{view.key.hex}/"
    client.force_login(vera)
    assert "Ours" in _names(client)
    assert "Publish views" in client.get(address).text
    changes = [
        (address, {"name": "X", "for_whom": "me"}),
        (f"{address}save/", {"next": URL}),
        (f"{address}delete/", {}),
    ]
    assert [client.post(*change).status_code for change in changes] == [403] * 3
    assert f"{address}?next" not in client.get(VIEWS).text
    _may(vera, "publish_views")
    assert [client.post(*change).status_code for change in changes[1:]] == [302] * 2
    assert not CustomView.objects.filter(pk=view.pk).exists()


def test_who_could_share_views_until_now_still_can() -> None:
    grant = importlib.import_module("commlog.migrations.0010_publish_views").grant
    Permission.objects.filter(codename="publish_views").delete()
    roles = {name: Group.objects.create(name=name) for name in ("Readers", "Writers")}
    roles["Readers"].permissions.add(Permission.objects.get(codename="view_communication_history"))
    reader, other = outsider(), outsider()
    _may(reader, "view_communication_history")
    for _ in range(2):
        grant(apps, None)
    publishing = Permission.objects.get(codename="publish_views")
    assert set(publishing.group_set.values_list("name", flat=True)) == {
        "Administrator",
        "Officer",
        "Viewer",
        "Readers",
    }
    assert (reader.has_perm("commlog.publish_views"), other.has_perm("commlog.publish_views")) == (
        True,
        False,
    )


# --- What is done with it -----------------------------------------------------------------------------------


def test_edit_copy_delete_and_their_audit_trail(pages: Client, ada: User) -> None:
    view = _save(pages, "state=FAILED")
    role = Group.objects.get(name="Viewer")
    address = f"{VIEWS}{view.key.hex}/"
    pages.post(
        address,
        {"name": "Ours", "for_whom": "roles", "roles": [role.pk], "next": URL} | seen_at(pages, address),
    )
    view.refresh_from_db()
    assert (view.name, list(view.roles.all()), view.conditions) == ("Ours", [role], {"state": "FAILED"})
    pages.post(f"{VIEWS}{view.key.hex}/copy/", {"next": URL})
    copy = CustomView.objects.latest("pk")
    assert (copy.name, copy.owner, copy.for_everyone, list(copy.roles.all())) == (
        "Copy of Ours",
        ada,
        False,
        [],
    )
    assert copy.conditions == {"state": "FAILED"}
    question = pages.get(f"{VIEWS}{view.key.hex}/delete/").text
    assert "It disappears for everyone with the role <bdi>Viewer</bdi>" in question
    assert "Only you see it." in pages.get(f"{VIEWS}{copy.key.hex}/delete/").text
    response = pages.post(f"{VIEWS}{view.key.hex}/delete/", {"next": f"{URL}?view={view.key.hex}"})
    assert response["Location"] == URL
    assert list(CustomView.objects.all()) == [copy]
    trail = AuditEntry.objects.filter(target_kind="view").order_by("pk")
    assert [(entry.action, entry.target_label) for entry in trail] == [
        ("CREATED", "Mine"),
        ("CHANGED", "Ours"),
        ("CREATED", "Copy of Ours"),
        ("DELETED", "Ours"),
    ]
    assert trail[1].before == {"name": "Mine", "roles": []}


def test_favourites_come_first_and_the_order_is_the_users_own(
    client: Client, ada: User, shared: dict[str, CustomView]
) -> None:
    vera = viewer()
    client.force_login(vera)
    client.post(f"{VIEWS}{shared['viewers'].key.hex}/up/")
    assert _names(client) == ["viewers", "everyone"]
    client.post(f"{VIEWS}{shared['viewers'].key.hex}/up/")  # the first stays the first
    client.post(f"{VIEWS}{shared['viewers'].key.hex}/down/")
    assert _names(client) == ["everyone", "viewers"]
    client.post(f"{VIEWS}{shared['viewers'].key.hex}/favourite/")
    assert _names(client) == ["viewers", "everyone"]
    client.post(f"{VIEWS}{shared['viewers'].key.hex}/favourite/")
    assert _names(client) == ["everyone", "viewers"]
    client.force_login(ada)
    assert _names(client) == ["mine", "everyone", "viewers"]


def _counts(pages: Client) -> str:
    """The tabs with their counts, for which an open page asks by itself."""
    return pages.get(URL, {"newest": "0"}, headers={"Commlog-Seen": "views=0"}).text


def test_counts_stop_at_the_cap(pages: Client, monkeypatch: pytest.MonkeyPatch, ada: User) -> None:
    monkeypatch.setattr(custom_views, "CAP", 2)
    for _ in range(3):
        make_message(MessageState.FAILED)
    make_message(MessageState.SENT)
    failed, sent = _save(pages, "state=FAILED"), _save(pages, "state=SENT")
    text = _counts(pages)
    assert f'<span id="count-{failed.key.hex}" class="number">2+</span>' in text
    assert f'<span id="count-{sent.key.hex}" class="number">1</span>' in text


@pytest.mark.parametrize("number", [1, 3])
def test_the_page_costs_the_same_for_one_view_and_for_three(
    pages: Client, ada: User, number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_message()
    for _ in range(number):
        CustomView.objects.create(name="x", owner=ada)
    pages.get(URL)
    with django_assert_num_queries(11):
        pages.get(URL)
    with django_assert_num_queries(6):
        pages.get(VIEWS)


@pytest.mark.parametrize("key", ["x", "\0", "0" * 32, "💶", "1" * 5_000])
def test_a_strange_view_is_not_found(pages: Client, key: str) -> None:
    assert pages.get(f"{URL}?view={quote(key)}").status_code == 404


def test_the_menu_lists_what_hangs_under_an_item(pages: Client, ada: User) -> None:
    item, other = (
        MenuItem.objects.get(type="COMMUNICATIONS"),
        MenuItem.objects.create(name="Other", type="COMMUNICATIONS", position=9),
    )
    for name, under in (("Everywhere", None), ("Here", item), ("There", other)):
        CustomView.objects.create(name=name, owner=ada, menu_item=under, conditions={"state": "FAILED"})
    make_message(MessageState.FAILED)
    answer = pages.get(f"/communications/views/?item={item.key.hex}", headers={"HX-Request": "true"})
    assert [(found.view.name, found.number) for found in answer.context["counts"]] == [
        ("Everywhere", "1"),
        ("Here", "1"),
    ]
    assert "There" not in answer.text
    assert "<h1>" not in answer.text


@pytest.mark.parametrize("item", ["", "x", "0" * 32, "a\0b"])
def test_an_item_that_is_not_there_has_what_hangs_everywhere(pages: Client, item: str, ada: User) -> None:
    CustomView.objects.create(name="Everywhere", owner=ada)
    answer = pages.get("/communications/views/", {"item": item}, headers={"HX-Request": "true"})
    assert [found.view.name for found in answer.context["counts"]] == ["Everywhere"]
