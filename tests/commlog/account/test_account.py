"""A user's own account: password and sessions."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from commlog.models import AuditEntry, User, UserSession
from notifications.models import Message
from tests.factories import PASSWORD, outsider, viewer

pytestmark = pytest.mark.django_db
NEW_PASSWORD = "three quiet green rivers"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
    "Safari/537.36"
)
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.0 Safari/604.1"
)


@pytest.fixture
def vera() -> User:
    return viewer(username="vera")


def _signed_in(agent: str = FIREFOX, address: str = "192.0.2.7") -> Client:
    browser = Client(HTTP_USER_AGENT=agent, REMOTE_ADDR=address)
    assert browser.post("/sign-in/", {"username": "vera", "password": PASSWORD}).status_code == 302
    return browser


def _password(
    present: str = PASSWORD, password: str = NEW_PASSWORD, again: str = NEW_PASSWORD
) -> dict[str, str]:
    return {"present": present, "password": password, "again": again}


def test_everybody_has_an_account_page(client: Client) -> None:
    client.force_login(outsider())
    shown = client.get("/account/").text
    assert "Otto Outsider" in shown
    assert 'href="/account/"' in shown


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (FIREFOX, "Firefox on Linux"),
        (CHROME, "Chrome on Windows"),
        (SAFARI, "Safari on iPhone or iPad"),
        (f"{CHROME} Edg/140.0", "Edge on Windows"),
        ("curl/8", ""),
        ("<script>" * 900, ""),
    ],
)
def test_a_sign_in_is_listed_with_its_browser(vera: User, agent: str, said: str) -> None:
    browser = _signed_in(agent)
    (session,) = UserSession.objects.filter(user=vera)
    assert (session.browser, session.address) == (said, "192.0.2.7")
    shown = browser.get("/account/").text
    assert "192.0.2.7" in shown
    assert "this session" in shown


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_costs_the_same_with_one_session_and_with_three(
    vera: User, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    here = [_signed_in() for _ in range(rows)][-1]
    here.get("/account/")
    # Session, user with permissions; roles, sessions, menu items in the user's order; menu, banner.
    with django_assert_num_queries(8):
        assert len(here.get("/account/").context["sessions"]) == rows


def test_one_session_is_ended(vera: User) -> None:
    here, there, third = _signed_in(), _signed_in(CHROME, "192.0.2.8"), _signed_in(SAFARI)
    chosen = UserSession.objects.get(user=vera, address="192.0.2.8")
    here.post("/account/sessions/", {"session": chosen.pk})
    assert [browser.get("/account/").status_code for browser in (here, there, third)] == [200, 302, 200]
    here.post("/account/sessions/")
    assert [browser.get("/account/").status_code for browser in (here, there, third)] == [200, 302, 302]
    assert AuditEntry.objects.filter(action="SESSION_ENDED", actor=vera).count() == 2


def test_the_sessions_of_others_are_out_of_reach(vera: User) -> None:
    here = _signed_in()
    stranger = Client()
    stranger.force_login(outsider())
    theirs = UserSession.objects.exclude(user=vera).get()
    for value in (str(theirs.pk), "0", "-1", "x", str(2**70)):
        assert here.post("/account/sessions/", {"session": value}).status_code == 302
    assert stranger.get("/account/").status_code == 200
    assert here.get("/account/").status_code == 200


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(vera: User) -> None:
    here, there = _signed_in(), _signed_in(CHROME)
    assert here.get("/account/password/").status_code == 200
    assert here.post("/account/password/", _password())["Location"] == "/account/"
    assert [browser.get("/account/").status_code for browser in (here, there)] == [200, 302]
    assert "this session" in here.get("/account/").text
    assert UserSession.objects.filter(user=vera).count() == 1
    vera.refresh_from_db()
    assert vera.check_password(NEW_PASSWORD)
    assert AuditEntry.objects.get(action="PASSWORD_CHANGED").actor == vera


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (_password(present="wrong"), "The current password is wrong."),
        (_password(again="another password"), "The two new passwords do not match."),
        (_password(password="short", again="short"), "too short"),
        (_password(password="password1234", again="password1234"), "too common"),
        (_password(password="x" * 129), "at most 128 characters"),
        ({}, "This field is required."),
    ],
)
def test_a_wrong_new_password_changes_nothing(vera: User, values: dict[str, str], said: str) -> None:
    here = _signed_in()
    response = here.post("/account/password/", values or {"x": "y"})
    assert response.status_code == 200
    assert said.replace("'", "&#x27;") in response.text
    assert "another password" not in response.text
    vera.refresh_from_db()
    assert vera.check_password(PASSWORD)


def test_signing_out_and_lapsing_leave_no_session_behind(vera: User) -> None:
    here, there = _signed_in(), _signed_in(CHROME)
    here.post("/sign-out/")
    assert UserSession.objects.filter(user=vera).count() == 1
    there.session.flush()
    _signed_in()
    assert UserSession.objects.filter(user=vera).count() == 1


def test_the_present_password_cannot_be_guessed(vera: User) -> None:
    here = _signed_in()
    for _ in range(5):
        here.post("/account/password/", _password(present="wrong"))
    assert "Too many wrong passwords." in here.post("/account/password/", _password()).text
    vera.refresh_from_db()
    assert vera.check_password(PASSWORD)


def test_a_sign_in_with_a_new_browser_is_told(vera: User) -> None:
    User.objects.filter(pk=vera.pk).update(email="vera@bank.example")
    known = _signed_in()  # the first of all
    known.post("/sign-out/")
    for _ in range(2):
        known.post("/sign-in/", {"username": "vera", "password": PASSWORD})
        known.post("/sign-out/")
    assert not Message.objects.exists()
    _signed_in(CHROME, "192.0.2.8")
    (told,) = Message.objects.all()
    assert (told.subject, told.user_id) == ("Sign-in with a new device", vera.pk)
    assert "from 192.0.2.8 with Chrome on Windows." in told.content

    known.cookies["device"] = "made up"
    known.post("/sign-in/", {"username": "vera", "password": PASSWORD})
    assert Message.objects.count() == 2
