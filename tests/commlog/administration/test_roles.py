"""Roles: made, changed, deleted, and the one rule that an administrator must be left."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from commlog.administration.roles.defaults import PERMISSION_GROUPS
from commlog.administration.users import staff
from commlog.models import AuditEntry, MenuItem, User
from tests.factories import admin, make_user, officer
from tests.forms import seen_at

pytestmark = pytest.mark.django_db
PAGE = "/administration/roles/"


def _codenames(role: Role) -> list[str]:
    return sorted(role.permissions.values_list("codename", flat=True))


def test_every_permission_is_explained() -> None:
    explained = [codename for _, meanings in PERMISSION_GROUPS for codename in meanings]
    assert sorted(explained) == sorted(codename for codename, _ in User._meta.permissions)


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_costs_the_same_for_one_row_and_for_three(
    pages: Client, ada: User, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    Role.objects.exclude(name="Administrator").delete()
    for number in range(rows - 1):
        make_user().groups.add(Role.objects.create(name=f"Role {number}"))
    # Session, user with permissions; roles, their permissions; menu, banner.
    with django_assert_num_queries(7):
        pages.get(PAGE)


def test_the_matrix_says_who_may_do_what(pages: Client) -> None:
    response = pages.get(PAGE)
    roles, matrix = response.context["roles"], response.context["matrix"]
    assert [(role.name, role.people) for role in roles] == [
        ("Administrator", 1),
        ("Officer", 0),
        ("Viewer", 0),
    ]
    held = {line.label: list(line.held) for _, lines in matrix for line in lines}
    assert held["View communication history"] == [True, True, True]
    assert held["Resend failed messages"] == [True, True, False]
    assert held["Manage administration"] == [True, False, False]
    assert "Resend a failed message as a new entry." in response.text


def test_a_role_is_made_changed_and_deleted(pages: Client) -> None:
    assert pages.get(f"{PAGE}new/").status_code == 200
    assert (
        pages.post(f"{PAGE}new/", {"name": "Auditor", "permissions": ["view_administration_details"]})[
            "Location"
        ]
        == PAGE
    )
    role = Role.objects.get(name="Auditor")
    assert _codenames(role) == ["view_administration_details"]
    assert "Auditor" in pages.get(f"{PAGE}{role.pk}/").text
    seen = seen_at(pages, f"{PAGE}{role.pk}/")
    pages.post(f"{PAGE}{role.pk}/", {"name": "Reader", "permissions": ["view_communication_history"]} | seen)
    role.refresh_from_db()
    assert (role.name, _codenames(role)) == ("Reader", ["view_communication_history"])
    changed = AuditEntry.objects.get(action="CHANGED")
    assert changed.before == {"name": "Auditor", "permissions": ["View administration"]}
    assert changed.after == {"name": "Reader", "permissions": ["View communication history"]}
    assert "No user has this role" in pages.get(f"{PAGE}{role.pk}/delete/").text
    pages.post(f"{PAGE}{role.pk}/delete/")
    assert not Role.objects.filter(pk=role.pk).exists()
    assert AuditEntry.objects.get(action="DELETED").target_label == "Reader"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "officer"}, "A role with this name already exists."),
        ({"name": "x" * 151}, "at most 150 characters"),
        ({"name": "a\0"}, "Null characters are not allowed."),
        ({"name": "New", "permissions": ["add_user"]}, "not one of the available choices"),
    ],
)
def test_a_wrong_role_is_refused(pages: Client, values: dict[str, object], said: str) -> None:
    response = pages.post(f"{PAGE}new/", values)
    assert response.status_code == 200
    assert said in response.text
    assert Role.objects.count() == 3


def test_a_new_permission_holds_at_once(client: Client) -> None:
    role = Role.objects.create(name="Empty")
    person = make_user()
    person.groups.add(role)
    client.force_login(person)
    assert client.get("/communications/").status_code == 403
    staff.change_role(
        role, "Full", list(Permission.objects.filter(codename="view_communication_history")), by=admin()
    )
    assert client.get("/communications/").status_code == 200


def test_a_role_in_use_is_not_deleted(pages: Client) -> None:
    role = Role.objects.get(name="Officer")
    people = [officer(username=f"officer{number:02}") for number in range(12)]
    item = MenuItem.objects.get(type="CLIENTS")
    item.roles.add(role)
    shown = pages.get(f"{PAGE}{role.pk}/delete/").text
    assert "Remove it from these users first" in shown
    assert shown.count("Ada Officer</bdi>") == 10
    assert "and more" in shown
    assert "The role is in use." in pages.post(f"{PAGE}{role.pk}/delete/").text
    assert Role.objects.filter(pk=role.pk).exists()
    for person in people:
        person.groups.clear()
    assert (
        "The menu item <bdi>Clients</bdi> will no longer be visible to this role."
        in pages.get(f"{PAGE}{role.pk}/delete/").text
    )
    assert pages.post(f"{PAGE}{role.pk}/delete/").status_code == 302


def test_the_role_administrator_stays_as_it_is(pages: Client) -> None:
    role = Role.objects.get(name="Administrator")
    before = _codenames(role)
    assert "always has every permission" in pages.get(f"{PAGE}{role.pk}/").text
    assert "always has every permission" in pages.post(f"{PAGE}{role.pk}/", {"name": "Boss"}).text
    assert "cannot be deleted" in pages.get(f"{PAGE}{role.pk}/delete/").text
    assert "cannot be deleted" in pages.post(f"{PAGE}{role.pk}/delete/").text
    role.refresh_from_db()
    assert (role.name, _codenames(role)) == ("Administrator", before)


def _manager() -> tuple[User, Role]:
    """Somebody who manages the administration by a role that is not Administrator."""
    role = Role.objects.create(name="Managers")
    role.permissions.add(Permission.objects.get(codename="manage_administration"))
    person = make_user(username="mona")
    person.groups.add(role)
    return person, role


@pytest.mark.parametrize(
    "change",
    [
        lambda person, role: staff.change_user(person, [], by=person),
        lambda person, role: staff.set_active(person, False, by=make_user()),
        lambda person, role: staff.change_role(role, "Managers", [], by=person),
    ],
)
def test_the_last_administrator_cannot_be_locked_out(change: Callable[[User, Role], None]) -> None:
    person, role = _manager()
    # Cannot sign in, so does not count.
    make_user(is_active=False).groups.add(Role.objects.get(name="Administrator"))
    unusable = make_user()
    unusable.groups.add(Role.objects.get(name="Administrator"))
    unusable.set_unusable_password()
    unusable.save()
    with pytest.raises(staff.Refused, match="no one to manage the administration"):
        change(person, role)
    person = User.objects.get(pk=person.pk)
    assert person.has_perm("commlog.manage_administration")
    assert AuditEntry.objects.exclude(action="SIGNED_IN").count() == 0
    admin()
    change(person, role)
    assert AuditEntry.objects.exclude(action="SIGNED_IN").count() > 0


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_deactivate_each_other_at_once_leave_one() -> None:
    ada, bo = admin(username="ada"), admin(username="bo")
    ready = Barrier(2)

    def deactivate(pair: tuple[User, User]) -> str:
        person, by = pair
        ready.wait(timeout=10)
        try:
            staff.set_active(person, False, by=by)
        except staff.Refused:
            return "refused"
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(2) as both:
        assert sorted(both.map(deactivate, [(ada, bo), (bo, ada)])) == ["done", "refused"]
    assert User.objects.filter(is_active=True).count() == 1
