"""The second factor: setting it up, the second step, who needs one, and how it is lost and reset."""

import base64
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import call_command
from django.test import Client
from time_machine import TimeMachineFixture

from commlog.account import factors
from commlog.models import AuditEntry, User
from notifications.models import Message
from notifications.secrets.sealed import is_sealed
from tests.commlog.account.totp import code_of
from tests.factories import PASSWORD, admin, make_consumer, officer, viewer
from tests.test_permissions_matrix import one_of_everything

pytestmark = pytest.mark.django_db
WRONG = "000 000 000"


@pytest.fixture(autouse=True)
def _the_same_half_minute(time_machine: TimeMachineFixture) -> None:
    """A code holds while a test lasts, however slow the machine."""
    time_machine.move_to(datetime.now(UTC), tick=False)


@pytest.fixture
def vera() -> User:
    return viewer(username="vera", email="vera@bank.example")


UNCOMPRESSED = "no-store, no-transform"


def _first_step(user: User) -> tuple[Client, Any]:
    browser = Client()
    return browser, browser.post("/sign-in/?next=/jobs/", {"username": user.username, "password": PASSWORD})


def _signed_in(user: User) -> Client:
    browser, response = _first_step(user)
    assert response["Location"] == "/jobs/"
    return browser


def _set_up(browser: Client) -> str:
    page = browser.get("/account/security/app/")
    assert page["Cache-Control"] == UNCOMPRESSED
    secret = re.findall("Key: <code>(.+?)</code>", page.text)[0]
    done = browser.post("/account/security/app/", {"code": code_of(secret, steps=-1)})
    assert done["Location"] == "/account/security/codes/"
    return str(secret)


def test_from_setting_up_an_app_to_signing_in_with_it(vera: User) -> None:
    here = _signed_in(vera)
    page = here.get("/account/security/app/").text
    assert "data:image/svg+xml" in page
    secret = re.findall("Key: <code>(.+?)</code>", page)[0]
    assert "This code is wrong" in here.post("/account/security/app/", {"code": "1"}).text
    here.post("/account/security/app/", {"code": code_of(secret, steps=-1)})
    stored = Authenticator.objects.get(user=vera, type="totp").data["secret"]
    assert is_sealed(stored)

    browser, first = _first_step(vera)
    assert first["Location"] == "/sign-in/code/"
    assert browser.get("/jobs/").status_code == 302
    assert "is wrong or was used before" in browser.post("/sign-in/code/", {"code": WRONG}).text
    right = code_of(secret)
    assert browser.post("/sign-in/code/", {"code": f"{right[:3]} {right[3:]}"})["Location"] == "/jobs/"
    assert browser.get("/jobs/").status_code == 200

    again, _ = _first_step(vera)
    assert "was used before" in again.post("/sign-in/code/", {"code": right}).text
    actions = list(AuditEntry.objects.filter(target_key=vera.key.hex).values_list("action", flat=True))
    assert [actions.count(each) for each in ("CODE_WRONG", "FACTOR_ADDED", "SIGNED_IN")] == [3, 1, 2]
    assert Message.objects.filter(subject="A second factor was added").count() == 1


def test_the_second_step_needs_the_first(vera: User) -> None:
    _set_up(_signed_in(vera))
    assert Client().get("/sign-in/code/")["Location"] == "/sign-in/"
    browser, _ = _first_step(vera)
    User.objects.filter(pk=vera.pk).update(is_active=False)
    assert browser.post("/sign-in/code/", {"code": "1"})["Location"] == "/sign-in/"


def test_recovery_codes_are_shown_once_and_each_opens_once(vera: User) -> None:
    here = _signed_in(vera)
    _set_up(here)
    page = here.get("/account/security/codes/")
    codes = re.findall("<li><code>(.+?)</code>", page.text)
    assert (len(set(codes)), page["Cache-Control"]) == (10, UNCOMPRESSED)
    assert codes[0] not in here.get("/account/security/codes/").text

    browser, _ = _first_step(vera)
    assert browser.post("/sign-in/code/", {"code": codes[0]})["Location"] == "/jobs/"
    assert "9 of 10 are left" in browser.get("/account/security/").text
    again, _ = _first_step(vera)
    assert again.post("/sign-in/code/", {"code": codes[0]}).status_code == 200
    here.post("/account/security/codes/")
    assert again.post("/sign-in/code/", {"code": codes[1]}).status_code == 200
    fresh = re.findall("<li><code>(.+?)</code>", here.get("/account/security/codes/").text)
    assert again.post("/sign-in/code/", {"code": fresh[0]}).status_code == 302


def test_codes_and_passkeys_are_not_guessed_neither_from_here_nor_from_everywhere(vera: User) -> None:
    secret = _set_up(_signed_in(vera))
    browser, _ = _first_step(vera)
    wrong = [{"code": WRONG}, {"credential": "{}"}, {"credential": "x"}, {"code": WRONG}, {"code": WRONG}]
    answers = [browser.post("/sign-in/code/", given).status_code for given in wrong]
    assert answers == [200, 200, 200, 200, 429]
    locked = browser.post("/sign-in/code/", {"code": code_of(secret)})
    assert (locked.status_code, "Too many wrong codes. Wait 15 minutes." in locked.text) == (429, True)
    assert int(locked["Retry-After"]) > 0
    _first_step(vera)  # the right password, again, opens it no sooner
    assert browser.post("/sign-in/code/", {"code": code_of(secret)}).status_code == 429

    for number in range(15):
        browser.post("/sign-in/code/", {"code": WRONG}, REMOTE_ADDR=f"192.0.2.{number}")
    elsewhere = browser.post("/sign-in/code/", {"code": code_of(secret)}, REMOTE_ADDR="198.51.100.1")
    assert elsewhere.status_code == 429


def test_who_has_one_uses_the_api_by_key(vera: User) -> None:
    User.objects.filter(pk=vera.pk).update(api_access=True)
    basic = {"Authorization": "Basic " + base64.b64encode(f"vera:{PASSWORD}".encode()).decode()}
    assert Client().get("/api/setup/organization", headers=basic).status_code == 200
    _set_up(_signed_in(vera))
    for _ in range(2):
        refused = Client().get("/api/setup/organization", headers=basic)
        assert (refused.status_code, "use an API key" in refused.text) == (403, True)


def test_a_role_asks_for_one_after_days_of_grace(vera: User, settings: Any) -> None:
    settings.SECOND_FACTOR_ROLES, settings.SECOND_FACTOR_GRACE_DAYS = [vera.groups.get().name], 3
    here = _signed_in(vera)
    assert here.get("/jobs/").status_code == 200
    assert "Your role requires a second factor. Set one up by" in here.get("/account/security/").text
    _signed_in(vera)
    due = User.objects.get(pk=vera.pk).factor_due_at
    assert due is not None

    User.objects.filter(pk=vera.pk).update(factor_due_at="2020-01-01T00:00Z")
    late = _signed_in(vera)
    assert late.get("/jobs/")["Location"] == "/account/security/"
    assert late.get("/jobs/", headers={"HX-Request": "true"})["HX-Redirect"] == "/account/security/"
    assert "Set one up to continue" in late.get("/account/security/").text.replace("\n", " ")
    _set_up(late)
    assert late.get("/jobs/").status_code == 200
    only = factors.of(vera).get()
    answer = late.post(f"/account/security/{only.pk}/remove/", follow=True)
    assert "Set up another one first" in answer.text
    assert factors.has(vera)


def test_one_is_removed_by_its_owner_alone(vera: User) -> None:
    here = _signed_in(vera)
    _set_up(here)
    only = factors.of(vera).get()
    stranger = Client()
    stranger.force_login(officer())
    stranger.post(f"/account/security/{only.pk}/remove/")
    assert factors.has(vera)
    here.post(f"/account/security/{only.pk}/remove/")
    assert not Authenticator.objects.filter(user=vera).exists()
    assert here.get("/account/security/codes/")["Location"] == "/account/security/"
    assert _first_step(vera)[1]["Location"] == "/jobs/"


def test_an_administrator_resets_it_and_the_person_is_told(vera: User, settings: Any) -> None:
    settings.SECOND_FACTOR_ROLES = [vera.groups.get().name]
    here = _signed_in(vera)
    _set_up(here)
    boss = Client()
    boss.force_login(admin())
    assert "Reset second factor" in boss.get(f"/administration/users/{vera.key.hex}/").text
    boss.post(f"/administration/users/{vera.key.hex}/factor/")
    assert here.get("/jobs/").status_code == 302
    assert not Authenticator.objects.filter(user=vera).exists()
    assert _signed_in(vera).get("/jobs/")["Location"] == "/account/security/"
    entry = AuditEntry.objects.get(action="FACTOR_RESET")
    assert (entry.target_key, entry.before) == (vera.key.hex, {"factors": ["authenticator app"]})
    assert Message.objects.filter(subject="Your second factor was removed", user_id=vera.pk).count() == 1


def test_it_is_asked_again_before_what_matters_most(settings: Any) -> None:
    settings.CONFIRM_MINUTES = 5
    boss = admin(username="boss")
    consumer, here = make_consumer(), Client()
    here.force_login(boss)
    address = f"/administration/api-consumers/{consumer.key.hex}/keys/"
    asked = here.post(address, {"days": "<30>"})
    assert "Confirm it’s you" in asked.text
    assert asked["Cache-Control"] == UNCOMPRESSED  # what was sent may hold a password
    assert '<input type="hidden" name="days" value="&lt;30&gt;">' in asked.text
    wrong = here.post(address, {"days": "", "confirm_password": "wrong"})
    assert "That is not correct" in wrong.text
    assert not consumer.keys.exists()
    before = here.session.session_key
    made = here.post(address, {"days": "", "confirm_password": PASSWORD})
    assert here.session.session_key != before
    assert "this session" in here.get("/account/").text
    assert (made.status_code, consumer.keys.count()) == (200, 1)
    here.post(address, {"days": ""})
    assert consumer.keys.count() == 2

    secret = _set_up(here)  # from now on the password does not suffice
    assert here.get("/account/security/codes/").text.count("<li><code>") == 10
    session = here.session
    session["account_authentication_methods"] = session["account_authentication_methods"][:-1]
    session.save()
    assert "Code from your app" in here.post(address, {"days": ""}).text
    assert here.get("/account/security/passkey/").text.count("confirm_get") == 1
    code = {"confirm_code": code_of(secret), "confirm_get": "1"}
    assert here.post("/account/security/passkey/", code)["Location"] == "/account/security/passkey/"
    assert "Add a passkey" in here.get("/account/security/passkey/").text


_ASKED = (
    *("role-new", "role", "role-delete", "company-groups", "company-group-remove"),
    *("administration-user-new", "administration-user-edit", "administration-user-password"),
    *("administration-user-company", "administration-user-link", "administration-user-factor"),
    *("api-consumer-new", "api-consumer-edit", "api-consumer-key", "api-key-rotate"),
    *("erasure-new", "erasure-decide", "retention-edit", "retention-exception-new", "retention-exception"),
    *("retention-exception-end", "legal-hold-lift", "account-sessions"),
)


def test_nothing_of_these_is_done_by_a_sign_in_that_is_long_ago(settings: Any) -> None:
    settings.CONFIRM_MINUTES = 5
    world, here = one_of_everything(), Client()
    here.force_login(admin())
    entries = AuditEntry.objects.count()
    for name in _ASKED:
        asked = here.post(world.address(name), {"name": "x"})
        assert "Confirm it’s you" in asked.text, name
        assert '<input type="hidden" name="name" value="x">' in asked.text, name
    assert AuditEntry.objects.count() == entries


def test_a_large_export_asks_again(settings: Any) -> None:
    settings.CONFIRM_MINUTES, settings.CONFIRM_MESSAGES = 5, -1
    here = Client()
    here.force_login(officer())
    assert here.post("/communications/export/", {"brief": "1"})["Location"] == "/communications/export/"
    assert "Confirm it’s you" in here.post("/communications/export/").text
    answer = here.post("/communications/export/", {"confirm_password": PASSWORD})
    assert answer["Content-Disposition"].startswith("attachment")


def test_stored_secrets_move_to_a_new_key(vera: User, settings: Any) -> None:
    settings.SECRETS_KEY, settings.SECRETS_PREVIOUS_KEYS = "first key, 32 characters or more", []
    secret = _set_up(_signed_in(vera))
    settings.SECRETS_KEY, settings.SECRETS_PREVIOUS_KEYS = (
        "second key, 32 characters or more",
        [settings.SECRETS_KEY],
    )
    call_command("rotate_secrets")
    settings.SECRETS_PREVIOUS_KEYS = []
    browser, _ = _first_step(vera)
    assert browser.post("/sign-in/code/", {"code": code_of(secret)})["Location"] == "/jobs/"
