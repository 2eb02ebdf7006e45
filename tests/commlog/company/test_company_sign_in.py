"""Signing in with the account of the company: who it is, what they may, and what is not believed."""

import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group as Role
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from commlog.company import people
from commlog.models import AuditEntry, CompanyGroup, User, UserSession
from notifications.models import Message
from notifications.process import this_process
from tests.commlog.company.provider import CLIENT, LOGOUT, SECRET, Provider, running
from tests.factories import PASSWORD, admin, viewer
from tests.forms import seen_at

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def _running() -> Iterator[Provider]:
    with running() as provider:
        yield provider


@pytest.fixture
def provider(_running: Provider, settings: Any) -> Provider:
    """The provider, set up in Commlog; the group "staff" gives the role Viewer, people are made."""
    _running.__dict__ |= {"spoil": {}, "clock": 0}
    _running.person = {"sub": "s-1", "sid": "session-1", "groups": ["staff"], "preferred_username": "vera"}
    settings.COMPANY_SIGN_IN_ISSUER = _running.issuer
    settings.COMPANY_SIGN_IN_CLIENT, settings.COMPANY_SIGN_IN_SECRET = CLIENT, SECRET
    settings.COMPANY_SIGN_IN_CREATES = True
    CompanyGroup.objects.create(name="staff", role=Role.objects.get(name="Viewer"))
    this_process.forget()
    return _running


def _path(address: str) -> str:
    return address.partition("8000")[2]


def _come(provider: Provider, browser: Client, way: str = "") -> Any:
    """There and back: what the callback answers."""
    left = browser.get(f"/sign-in/company/{way}")
    assert left.status_code == 302, left.text
    return browser.get(_path(provider.authorize(left["Location"])))


def _sign_in(provider: Provider) -> Client:
    browser = Client()
    assert _come(provider, browser, "?next=/jobs/")["Location"] == "/jobs/"
    return browser


def _linked(username: str, subject: str = "s-1", **fields: Any) -> User:
    user = viewer(username=username, **fields)
    people.link(user, subject, by=user)
    return user


def test_the_first_sign_in_makes_a_user_with_the_roles_of_the_groups(provider: Provider) -> None:
    other = viewer(username="vera", email="vera@bank.example")
    provider.person |= {"email": "vera@bank.example", "given_name": "Vera", "family_name": "Staff\0"}
    assert "Sign in with your company account" in Client().get("/sign-in/").text
    browser = _sign_in(provider)
    assert browser.get("/communications/").status_code == 200
    made = User.objects.exclude(pk=other.pk).get()
    assert (made.username, made.name, made.email) == ("vera-2", "Vera Staff", "vera@bank.example")
    assert [role.name for role in made.groups.all()] == ["Viewer"]
    assert not made.has_usable_password()
    account = SocialAccount.objects.get()
    assert (account.provider, account.uid, account.extra_data) == (provider.issuer, "s-1", {})
    assert {"scope", "nonce", "state", "code_challenge"} <= set(provider.asked[-1])
    assert UserSession.objects.get().company_session == "session-1"
    entry = AuditEntry.objects.get(action="SIGNED_IN")
    assert (entry.actor, entry.after) == (made, {"by": "company account"})
    _sign_in(provider)
    assert User.objects.count() == 2


def test_a_withdrawn_group_takes_the_role_and_with_the_last_one_access(provider: Provider) -> None:
    admin()
    officer = Role.objects.get(name="Officer")
    CompanyGroup.objects.create(name="/bank/officers", role=officer)
    own = Role.objects.create(name="By hand")
    provider.person["groups"] = ["staff", "/bank/officers", "unknown", 7]
    browser = _sign_in(provider)
    user = User.objects.get(username="vera")
    user.groups.add(own)
    provider.person["groups"] = "staff"
    _sign_in(provider)
    assert {role.name for role in user.groups.all()} == {"Viewer", "By hand"}
    changed = AuditEntry.objects.filter(action="CHANGED", target_key=user.key.hex).get()
    assert (changed.before["roles"], changed.after["roles"]) == (
        ["By hand", "Officer", "Viewer"],
        ["By hand", "Viewer"],
    )
    user.groups.remove(own)
    provider.person["groups"] = []
    refused = _come(provider, Client())
    assert (refused.status_code, "No group of your company account" in refused.text) == (403, True)
    assert not user.groups.exists()
    assert browser.get("/communications/").status_code == 403


def test_the_last_administrator_is_refused_but_keeps_the_installation(provider: Provider) -> None:
    CompanyGroup.objects.create(name="admins", role=Role.objects.get(name="Administrator"))
    provider.person["groups"] = ["admins"]
    _sign_in(provider)
    provider.person["groups"] = ["staff"]
    assert "the last administrator" in _come(provider, Client()).text
    assert User.objects.get().groups.get().name == "Administrator"


@pytest.mark.parametrize("settings_say", [True, False])
def test_nobody_comes_in_unknown_or_without_a_group(
    provider: Provider, settings: Any, settings_say: bool
) -> None:
    settings.COMPANY_SIGN_IN_CREATES = settings_say
    provider.person["groups"] = [] if settings_say else ["staff"]
    viewer(username="vera")
    refused = _come(provider, Client())
    assert refused.status_code == 403
    assert "the provider calls you <code>s-1</code>" in refused.text
    assert User.objects.count() == 1
    assert AuditEntry.objects.get(action="COMPANY_REFUSED").after["subject"] == "s-1"


def test_a_user_links_the_own_account_once_signed_in(provider: Provider, settings: Any) -> None:
    settings.COMPANY_SIGN_IN_CREATES, settings.CONFIRM_MINUTES = False, 5
    vera, browser = viewer(username="vera", email="vera@bank.example"), Client()
    browser.post("/sign-in/", {"username": "vera", "password": PASSWORD})
    assert "Link company account" in browser.get("/account/security/").text
    assert browser.get("/account/security/company/").status_code == 200
    assert _come(provider, browser, "?for=link")["Location"] == "/account/security/"
    assert people.user_of("s-1") == vera
    assert Message.objects.get(user=vera).subject == "A company account was linked"
    _sign_in(provider)
    other = Client()
    other.force_login(admin())
    settings.CONFIRM_MINUTES = 0
    assert "is already linked to Vera Viewer" in _come(provider, other, "?for=link").text
    assert browser.post("/account/security/company/").status_code == 302
    assert people.user_of("s-1") is None
    assert Client().get("/sign-in/company/?for=link")["Location"] == "/sign-in/"


def test_an_administrator_links_and_unlinks(provider: Provider) -> None:
    vera, pages = viewer(username="vera"), Client()
    pages.force_login(admin())
    page = f"/administration/users/{vera.key.hex}/company/"
    assert pages.get(page).status_code == 200
    pages.post(page, {"subject": "s-1"} | seen_at(pages, page))
    assert people.user_of("s-1") == vera
    assert "<code>s-1</code>" in pages.get(f"/administration/users/{vera.key.hex}/").text
    _sign_in(provider)
    other = f"/administration/users/{User.objects.exclude(pk=vera.pk).get().key.hex}/company/"
    assert (
        "already linked to Vera Viewer" in pages.post(other, {"subject": "s-1"} | seen_at(pages, other)).text
    )
    assert "at most 191 characters" in pages.post(page, {"subject": "x" * 192}).text
    pages.post(page, {"subject": ""} | seen_at(pages, page))
    assert people.user_of("s-1") is None
    actions = AuditEntry.objects.filter(target_key=vera.key.hex, action__startswith="COMPANY").order_by("pk")
    assert [each.action for each in actions] == ["COMPANY_LINKED", "COMPANY_UNLINKED"]


def test_administrators_keep_the_table_of_groups(provider: Provider) -> None:
    pages = Client()
    pages.force_login(admin())
    page, role = "/administration/company/", Role.objects.get(name="Officer")
    assert "<bdi>staff</bdi>" in pages.get(page).text
    pages.post(page, {"name": "officers", "role": role.pk})
    assert "already gives this role" in pages.post(page, {"name": "officers", "role": role.pk}).text
    assert "valid choice" in pages.post(page, {"name": "x", "role": "999"}).text
    group = CompanyGroup.objects.get(name="officers")
    assert (
        "A company group gives this role"
        in pages.post(f"/administration/roles/{role.pk}/delete/", follow=True).text
    )
    pages.post(f"{page}{group.pk}/remove/")
    pages.post(f"{page}{group.pk}/remove/")
    assert not CompanyGroup.objects.filter(name="officers").exists()
    kept = AuditEntry.objects.filter(target_kind="company group").order_by("pk")
    assert [each.action for each in kept] == ["CREATED", "DELETED"]


def test_a_second_factor_is_asked_for_behind_the_company(provider: Provider) -> None:
    Authenticator.objects.create(user=_linked("vera"), type="totp", data={"secret": ""})
    browser = Client()
    assert _come(provider, browser)["Location"] == "/sign-in/code/"
    assert browser.get("/account/").status_code == 302


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"spoil": {"iss": "https://other.example"}}, "InvalidIssuerError"),
        ({"spoil": {"aud": "another"}}, "InvalidAudienceError"),
        ({"spoil": {"aud": [CLIENT, "another"]}}, "the token was made for another program"),
        ({"spoil": {"azp": "another"}}, "the token was made for another program"),
        ({"spoil": {"nonce": "another"}}, "the nonce is not the one that was sent"),
        ({"spoil": {"sub": "s-2"}}, "the provider told of somebody else"),
        ({"spoil": {"exp": None}}, "MissingRequiredClaimError"),
        ({"clock": 600}, "ImmatureSignatureError"),
        ({"clock": -600}, "ExpiredSignatureError"),
    ],
)
def test_a_token_that_is_not_right_signs_nobody_in(
    provider: Provider, wrong: dict[str, Any], why: str
) -> None:
    provider.__dict__ |= wrong
    browser = Client()
    refused = _come(provider, browser)
    assert refused.status_code == 403
    assert ("clocks" in refused.text) is ("clock" in wrong)
    assert AuditEntry.objects.get(action="COMPANY_REFUSED").after == {"reason": why}
    assert browser.get("/account/").status_code == 302
    assert not User.objects.exists()


def test_a_clock_that_is_a_little_wrong_does_no_harm(provider: Provider) -> None:
    provider.clock = 50
    _sign_in(provider)


def test_a_forged_or_unsigned_token_signs_nobody_in(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = provider.key
    provider.forge()
    assert _come(provider, Client()).status_code == 403
    provider.key = right
    for made in (
        jwt.encode({"sub": "s-1"}, None, algorithm="none"),
        jwt.encode({"sub": "s-1"}, "x" * 64, algorithm="HS256", headers={"kid": "k1"}),
        jwt.encode({"sub": "s-1"}, right, algorithm="RS256", headers={"kid": "k2"}),
        "no token",
    ):
        monkeypatch.setattr(provider, "_signed", lambda _, made=made: made)
        assert _come(provider, Client()).status_code == 403
    assert not User.objects.exists()


def test_codes_states_and_answers_are_of_one_sign_in(provider: Provider) -> None:
    browser, thief = Client(), Client()
    back = _path(provider.authorize(browser.get("/sign-in/company/")["Location"]))
    assert thief.get(back).status_code == 403  # the state is of another session
    assert browser.get(f"{back.partition('&iss')[0]}&iss=https://other.example").status_code == 403
    assert browser.get(back).status_code == 403  # its state was used up
    done = _path(provider.authorize(browser.get("/sign-in/company/")["Location"]))
    assert browser.get(done).status_code == 302
    # The code is replayed with a state of its own.
    left = thief.get("/sign-in/company/")["Location"]
    state = provider.authorize(left).partition("state=")[2]
    code = urlsplit(done).query.partition("code=")[2].partition("&")[0]
    assert "did not accept" in thief.get(f"/sign-in/company/callback/?code={code}&state={state}").text
    for query in ("", "?state=x&code=y", "?error=access_denied", "?code=%00&state=%00"):
        assert Client().get(f"/sign-in/company/callback/{query}").status_code == 403
    left = browser.get("/sign-in/company/?next=https://other.example/")["Location"]
    assert browser.get(_path(provider.authorize(left)))["Location"] == "/"


@pytest.mark.parametrize("local", [True, False])
def test_the_first_button_of_the_sign_in_page_is_that_of_the_password(
    provider: Provider, settings: Any, local: bool
) -> None:
    settings.LOCAL_PASSWORDS = local
    page = Client().get("/sign-in/").text
    form = page[page.index("<form") : page.index('type="submit"')]
    assert 'action="/sign-in/"' in form
    assert 'name="username"' in form
    assert 'name="password"' in form
    assert 'href="/sign-in/company/' in page


def test_the_page_of_somebody_else_begins_no_sign_in(provider: Provider) -> None:
    left = Client().get("/sign-in/company/", headers={"Sec-Fetch-Site": "cross-site"})
    assert left["Location"] == "/sign-in/"


def test_given_up_at_the_provider(provider: Provider) -> None:
    browser = Client()
    state = provider.authorize(browser.get("/sign-in/company/")["Location"]).partition("state=")[2]
    page = browser.get(f"/sign-in/company/callback/?error=access_denied&state={state}")
    assert "The sign-in was cancelled." in page.text


def test_a_logout_at_the_provider_ends_the_sessions_at_once(provider: Provider) -> None:
    for token in (lambda: provider.logout_token(), lambda: provider.logout_token(sub=None, sid="session-1")):
        here, there = _sign_in(provider), _sign_in(provider)
        sent = token()
        assert (
            Client(enforce_csrf_checks=True)
            .post("/sign-in/company/ended/", {"logout_token": sent})
            .status_code
            == 200
        )
        assert [each.get("/account/").status_code for each in (here, there)] == [302, 302]
        again = _sign_in(provider)
        assert Client().post("/sign-in/company/ended/", {"logout_token": sent}).json() == {
            "error": "invalid_request"
        }
        assert again.get("/account/").status_code == 200
        again.post("/sign-out/")
    assert User.objects.get().is_active
    assert AuditEntry.objects.filter(action="SESSION_ENDED").count() == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.example"},
        {"aud": "another"},
        {"nonce": "x"},
        {"jti": None},
        {"typ": "JWT"},
        {"events": None},
        {"events": {"other": {}}},
        {"events": [LOGOUT]},
        {"sub": None},
        {"iat": int(time.time()) + 600},
        {"iat": int(time.time()) - 3_600},
        {"exp": int(time.time()) - 600},
    ],
)
def test_a_logout_that_is_not_right_ends_nothing(provider: Provider, changes: dict[str, Any]) -> None:
    browser = _sign_in(provider)
    sent = {"logout_token": provider.logout_token(**changes)}
    assert Client().post("/sign-in/company/ended/", sent).status_code == 400
    assert browser.get("/account/").status_code == 200


def test_signing_out_here_offers_to_sign_out_there(provider: Provider) -> None:
    browser = _sign_in(provider)
    page = browser.post("/sign-out/", follow=True)
    assert 'href="/sign-in/company/out/"' in page.text
    way = browser.get("/sign-in/company/out/")["Location"]
    assert way.startswith(f"{provider.issuer}/end_session?client_id=commlog&post_logout_redirect_uri=http")


def test_a_provider_that_is_down_is_said_kindly_and_break_glass_works(
    provider: Provider, settings: Any
) -> None:
    settings.LOCAL_PASSWORDS, settings.BREAK_GLASS_USERS = False, ["ada"]
    settings.EMAIL_HOST, settings.ALERT_EMAIL = "localhost", "operations@bank.example"
    settings.COMPANY_SIGN_IN_ISSUER = "http://127.0.0.1:9/staff"
    admin(username="ada")
    viewer(username="vera")
    page = Client().get("/sign-in/company/")
    assert (page.status_code, page["Retry-After"]) == (503, "60")
    assert "does not answer" in page.text
    assert (
        Client().post("/sign-in/company/ended/", {"logout_token": provider.logout_token()}).status_code == 503
    )
    assert "Passwords are for emergencies only." in Client().get("/sign-in/").text
    assert Client().post("/sign-in/", {"username": "vera", "password": PASSWORD}).status_code == 200
    assert Client().post("/sign-in/", {"username": "ada", "password": PASSWORD}).status_code == 302
    basic = {"Authorization": f"Basic {b64encode(f'ada:{PASSWORD}'.encode()).decode()}"}
    User.objects.update(api_access=True)
    assert Client().get("/api/setup/organization", headers=basic).status_code == 401
    settings.LOCAL_PASSWORDS = True
    assert Client().get("/api/setup/organization", headers=basic).status_code == 200
    assert AuditEntry.objects.filter(action="BREAK_GLASS").count() == 1
    assert [each.subject for each in Message.objects.all()] == ["Emergency sign-in of ada"]


def test_who_has_no_password_confirms_at_the_provider(provider: Provider, settings: Any) -> None:
    browser = _sign_in(provider)
    settings.CONFIRM_MINUTES = 5
    assert browser.get("/account/security/app/").status_code == 200  # just signed in
    session = browser.session
    session["account_authentication_methods"] = []
    session.save()
    asked = browser.get("/account/security/app/").text
    assert "Confirm with company account" in asked
    way = "?for=again&next=/account/security/app/"
    assert _come(provider, browser, way)["Location"] == "/account/security/app/"
    assert (provider.asked[-1]["prompt"], provider.asked[-1]["max_age"]) == ("login", "0")
    assert "Confirm with" not in browser.get("/account/security/app/").text
    provider.spoil = {"auth_time": int(time.time()) - 900}
    assert "did not ask you again" in _come(provider, browser, way).text
    provider.spoil = {}
    provider.person["sub"] = "s-2"
    assert "another person" in _come(provider, browser, way).text


def test_without_a_provider_there_are_no_such_pages(client: Client) -> None:
    for path in ("", "callback/", "out/"):
        assert client.get(f"/sign-in/company/{path}").status_code == 404
    assert client.post("/sign-in/company/ended/").status_code == 404
    assert "company" not in client.get("/sign-in/").text


@pytest.mark.parametrize("rows", [0, 2])
def test_the_table_costs_the_same_for_one_row_and_for_three(
    provider: Provider, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(rows):
        CompanyGroup.objects.create(name=f"g{number}", role=Role.objects.get(name="Officer"))
    pages = Client()
    pages.force_login(admin())
    # Session, user with permissions; groups, the roles of the form; menu, banner.
    with django_assert_num_queries(7):
        pages.get("/administration/company/")
