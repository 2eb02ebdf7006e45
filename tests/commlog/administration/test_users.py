"""Users of the administration: made, changed, deactivated, given passwords, signed out."""

from typing import Any

import pytest
from django.contrib.auth.models import Group as Role
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from commlog.models import AuditEntry, User, UserSession
from tests.factories import PASSWORD, admin, make_message, make_user, officer, viewer
from tests.forms import seen_at

pytestmark = pytest.mark.django_db
PAGE = "/administration/users/"
NEW_PASSWORD = "three quiet green rivers"


def _signed_in(person: User, **extra: Any) -> Client:
    browser = Client(**extra)
    browser.post("/sign-in/", {"username": person.username, "password": PASSWORD})
    assert browser.get("/account/").status_code == 200
    return browser


def _form(**values: object) -> dict[str, object]:
    return {"username": "nora", "first_name": "Nora", "last_name": "New", "password": NEW_PASSWORD} | values


def _listed(pages: Client, **params: str) -> list[str]:
    response = pages.get(PAGE, params)
    assert response.status_code == 200
    return [person.username for person in response.context["listing"].rows]


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_costs_the_same_for_one_row_and_for_three(
    pages: Client, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(rows):
        viewer(username=f"vera{number}")
    # Session, user with permissions; users, their roles, the roles of the filter; menu, banner.
    with django_assert_num_queries(8):
        assert len(pages.get(PAGE, {"q": "vera"}).context["listing"].rows) == rows


@pytest.mark.parametrize("rows", [1, 3])
def test_a_user_costs_the_same_with_one_session_and_with_three(
    pages: Client, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    vera = viewer(username="vera")
    for _ in range(rows):
        _signed_in(vera)
    # Session, user with permissions; the user, the roles; second factor, sessions; menu, banner.
    with django_assert_num_queries(9):
        assert len(pages.get(f"{PAGE}{vera.key.hex}/").context["sessions"]) == rows


def test_by_name_state_and_role(pages: Client) -> None:
    viewer(username="vera")
    officer(username="olaf", first_name="Olaf", email="olaf@example.org")
    make_user("gone", is_active=False)
    assert _listed(pages) == ["ada", "gone", "olaf", "vera"]
    assert _listed(pages, q="olaf EXAMPLE.org") == ["olaf"]
    assert _listed(pages, state="inactive") == ["gone"]
    assert _listed(pages, role=str(Role.objects.get(name="Viewer").pk)) == ["vera"]


@pytest.mark.parametrize(
    "params",
    [{"q": "x\0"}, {"q": "x" * 10_000}, {"state": "NOPE"}, {"role": "999"}, {"role": "💶"}, {"after": "x"}],
)
def test_a_wrong_condition_lists_nothing(pages: Client, params: dict[str, str]) -> None:
    assert _listed(pages, **params) == []


def test_a_user_is_made(pages: Client, ada: User) -> None:
    assert pages.get(f"{PAGE}new/").status_code == 200
    role = Role.objects.get(name="Officer")
    response = pages.post(f"{PAGE}new/", _form(roles=[role.pk], api_access="on", email="nora@example.org"))
    nora = User.objects.get(username="nora")
    assert response["Location"] == f"{PAGE}{nora.key.hex}/"
    assert (nora.name, list(nora.groups.all()), nora.api_access) == ("Nora New", [role], True)
    assert (nora.is_superuser, nora.is_staff, nora.must_change_password) == (False, False, True)
    entry = AuditEntry.objects.get(action="CREATED")
    assert (entry.actor, entry.target_label) == (ada, "Nora New (nora)")
    assert NEW_PASSWORD not in str(entry.after)
    assert Client().post("/sign-in/", {"username": "nora", "password": NEW_PASSWORD}).status_code == 302


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"username": ""}, "This field is required."),
        ({"username": "ADA"}, "A user with this name already exists: "),
        ({"username": "a b"}, "Enter a valid username."),
        ({"username": "x" * 151}, "at most 150 characters"),
        ({"username": "a\0"}, "Null characters are not allowed."),
        ({"email": "nowhere"}, "Enter a valid e-mail address"),
        ({"password": "short"}, "too short"),
        ({"password": "password1234"}, "too common"),
        ({"password": "x" * 129}, "at most 128 characters"),
        ({"username": "quietgreenrivers", "password": "quietgreenrivers"}, "too similar to the username"),
        ({"roles": ["999"]}, "not one of the available choices"),
    ],
)
def test_a_wrong_user_is_refused_at_its_field(pages: Client, values: dict[str, object], said: str) -> None:
    response = pages.post(f"{PAGE}new/", _form(**values))
    assert response.status_code == 200
    assert said in response.text
    assert NEW_PASSWORD not in response.text
    assert User.objects.count() == 1


def test_rights_that_no_field_offers_cannot_be_taken(pages: Client) -> None:
    vera = viewer(username="vera")
    pages.post(
        f"{PAGE}{vera.key.hex}/edit/",
        {"username": "vera", "is_superuser": "on", "is_staff": "on", "is_active": "", "password": "x"}
        | seen_at(pages, f"{PAGE}{vera.key.hex}/edit/"),
    )
    vera.refresh_from_db()
    assert (vera.is_superuser, vera.is_staff, vera.is_active, vera.check_password(PASSWORD)) == (
        False,
        False,
        True,
        True,
    )


def test_a_user_is_changed_and_stays_signed_in(pages: Client) -> None:
    vera = viewer(username="vera")
    browser = _signed_in(vera)
    role = Role.objects.get(name="Officer")
    assert pages.get(f"{PAGE}{vera.key.hex}/edit/").status_code == 200
    address = f"{PAGE}{vera.key.hex}/edit/"
    changed = {"username": "vera", "first_name": "Vera", "last_name": "Married", "roles": [role.pk]}
    pages.post(address, changed | seen_at(pages, address))
    vera.refresh_from_db()
    assert (vera.name, list(vera.groups.all())) == ("Vera Married", [role])
    entry = AuditEntry.objects.get(action="CHANGED")
    assert entry.before == {"last name": "Viewer", "roles": ["Viewer"]}
    assert entry.after == {"last name": "Married", "roles": ["Officer"]}
    assert browser.get("/account/").status_code == 200


def test_the_last_administrator_keeps_the_role(pages: Client, ada: User) -> None:
    address = f"{PAGE}{ada.key.hex}/edit/"
    response = pages.post(address, {"username": "ada"} | seen_at(pages, address))
    assert response.status_code == 200
    assert "no one to manage the administration" in response.text
    ada.refresh_from_db()
    assert (ada.name, ada.groups.count()) == ("Adam Administrator", 1)


def test_deactivating_ends_the_sessions_and_activating_does_not_revive_them(pages: Client) -> None:
    vera = viewer(username="vera")
    browser = _signed_in(vera)
    pages.post(f"{PAGE}{vera.key.hex}/activity/", {"active": "0"})
    assert browser.get("/account/").status_code == 302
    assert browser.post("/sign-in/", {"username": "vera", "password": PASSWORD}).status_code == 200
    pages.post(f"{PAGE}{vera.key.hex}/activity/", {"active": "1"})
    assert browser.get("/account/").status_code == 302
    assert [
        entry.action
        for entry in AuditEntry.objects.filter(actor__username="ada", target_kind="user").order_by("id")
    ] == [
        "SIGNED_IN",
        "SESSION_ENDED",
        "DEACTIVATED",
        "ACTIVATED",
    ]
    pages.post(f"{PAGE}{vera.key.hex}/activity/", {"active": "1"})
    assert AuditEntry.objects.filter(action="ACTIVATED").count() == 1


def test_nobody_deactivates_themselves(pages: Client, ada: User) -> None:
    admin()
    pages.post(f"{PAGE}{ada.key.hex}/activity/", {"active": "0"})
    assert "You cannot deactivate yourself." in pages.get(f"{PAGE}{ada.key.hex}/").text


def test_a_new_password_signs_the_user_out(pages: Client, ada: User) -> None:
    vera = viewer(username="vera")
    browser = _signed_in(vera)
    assert pages.get(f"{PAGE}{vera.key.hex}/password/").status_code == 200
    assert "too short" in pages.post(f"{PAGE}{vera.key.hex}/password/", {"password": "short"}).text
    assert browser.get("/account/").status_code == 200
    pages.post(f"{PAGE}{vera.key.hex}/password/", {"password": NEW_PASSWORD})
    assert browser.get("/account/").status_code == 302
    assert UserSession.objects.filter(user=vera).count() == 0
    assert browser.post("/sign-in/", {"username": "vera", "password": NEW_PASSWORD}).status_code == 302
    entry = AuditEntry.objects.get(action="PASSWORD_CHANGED")
    assert (entry.actor, entry.target_label, entry.after) == (ada, "Vera Viewer (vera)", None)
    assert pages.get(f"{PAGE}{ada.key.hex}/password/")["Location"] == "/account/password/"


@pytest.mark.usefixtures("mail_is_on")
def test_nobody_types_a_password_for_whom_a_link_reaches(pages: Client) -> None:
    vera, mute = viewer(username="vera", email="vera@bank.example"), viewer(username="mute", email="")
    shown = pages.get(f"{PAGE}{vera.key.hex}/").text
    assert "Send password link" in shown
    assert "New password" not in shown
    refused = pages.post(f"{PAGE}{vera.key.hex}/password/", {"password": NEW_PASSWORD}, follow=True)
    assert "No password was set: Vera Viewer chooses" in refused.text
    vera.refresh_from_db()
    assert vera.check_password(PASSWORD)
    assert "New password" in pages.get(f"{PAGE}{mute.key.hex}/").text
    pages.post(f"{PAGE}{mute.key.hex}/password/", {"password": NEW_PASSWORD})
    mute.refresh_from_db()
    assert mute.check_password(NEW_PASSWORD)


def test_a_password_that_somebody_else_chose_is_changed_before_anything_opens(pages: Client) -> None:
    vera = viewer(username="vera")
    assert pages.post(f"{PAGE}{vera.key.hex}/password/", {"password": NEW_PASSWORD}).status_code == 302
    browser = Client()
    browser.post("/sign-in/", {"username": "vera", "password": NEW_PASSWORD})
    for path in ("/", "/communications/", f"/communications/{make_message().key.hex}/", "/account/"):
        assert browser.get(path)["Location"] == "/account/password/"
    assert (
        browser.get("/communications/", headers={"HX-Request": "true"})["HX-Redirect"] == "/account/password/"
    )
    assert browser.get("/healthz").status_code == 200
    # The page itself asks, and is left if nobody is signed in.
    assert browser.get("/sign-in/left/").status_code == 200
    assert "An administrator set your password." in browser.get("/account/password/").text
    own = {"present": NEW_PASSWORD, "password": NEW_PASSWORD, "again": NEW_PASSWORD}
    assert "This is your current password." in browser.post("/account/password/", own).text
    own |= {"password": "five loud red mountains", "again": "five loud red mountains"}
    assert browser.post("/account/password/", own).status_code == 302
    assert browser.get("/communications/").status_code == 200
    vera.refresh_from_db()
    assert vera.must_change_password is False


def test_an_administrator_ends_sessions(pages: Client, ada: User) -> None:
    vera = viewer(username="vera")
    browsers = [_signed_in(vera) for _ in range(2)]
    pages.post(f"{PAGE}{vera.key.hex}/sessions/")
    assert [browser.get("/account/").status_code for browser in browsers] == [302, 302]
    other = _signed_in(ada)
    pages.post(f"{PAGE}{ada.key.hex}/sessions/")
    assert (other.get("/account/").status_code, pages.get("/account/").status_code) == (302, 200)


def test_who_may_only_read_sees_no_buttons(client: Client) -> None:
    role = Role.objects.create(name="Auditor")
    role.permissions.set(
        Role.objects.get(name="Administrator").permissions.filter(codename="view_administration_details")
    )
    auditor, vera = make_user(), viewer()
    auditor.groups.add(role)
    client.force_login(auditor)
    for path in (PAGE, f"{PAGE}{vera.key.hex}/", "/administration/roles/", "/administration/menu-items/"):
        shown = client.get(path)
        assert shown.status_code == 200
        assert "New " not in shown.text
        assert "/edit/" not in shown.text
        assert shown.text.count('method="post"') == 1  # Sign out
