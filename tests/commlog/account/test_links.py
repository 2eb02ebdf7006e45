"""Choosing a password by a link of an e-mail: who forgot theirs, and who is invited."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from time_machine import TimeMachineFixture

from commlog.account import links
from commlog.models import AuditEntry, User, UserSession
from notifications import outbox
from notifications.models import Message, SealedValues
from notifications.outbox import NotResendable
from notifications.secrets import hidden
from tests.factories import PASSWORD, admin, make_key, make_user, viewer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mail_is_on")]
NEW_PASSWORD = "three quiet green rivers"
CHOSEN = {"password": NEW_PASSWORD, "again": NEW_PASSWORD}


@pytest.fixture
def clock(time_machine: TimeMachineFixture) -> TimeMachineFixture:
    """A clock that stands still until it is moved."""
    time_machine.move_to(datetime.now(UTC), tick=False)
    return time_machine


@pytest.fixture
def ada() -> User:
    """An administrator."""
    return admin()


@pytest.fixture
def vera() -> User:
    return viewer(username="vera", email="vera@bank.example")


def _ask(username: str = "vera", address: str = "192.0.2.7") -> Any:
    return Client(REMOTE_ADDR=address).post("/sign-in/forgotten/", {"username": username}, follow=True)


def _links() -> list[str]:
    return [hidden.read(each.values)["body"][0] for each in SealedValues.objects.order_by("message")]


def _given(link: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}


def _choose(link: str, **values: str) -> Any:
    return Client().post("/sign-in/password/", _given(link) | CHOSEN | values)


def test_a_forgotten_password_is_reset_once_and_the_second_factor_stays(vera: User) -> None:
    Authenticator.objects.create(user=vera, type="totp", data={"secret": ""})
    here = Client()
    here.force_login(vera)
    page = _ask()
    assert "If a user with that name has an e-mail address here" in page.text
    (link,) = _links()
    assert link.startswith("http://127.0.0.1:8000/sign-in/password/?user=")
    shown = Client().get(link)
    assert shown["Cache-Control"] == "no-store, no-transform"
    assert "You sign in as" in shown.text
    assert "too common" in _choose(link, password="password1234", again="password1234").text
    assert "do not match" in _choose(link, again="another one").text

    assert _choose(link)["Location"] == "/sign-in/"
    assert _choose(link, password="x" * 20, again="x" * 20).status_code == 410
    assert Client().get(link).status_code == 410
    vera.refresh_from_db()
    assert vera.check_password(NEW_PASSWORD)
    assert here.get("/account/").status_code == 302
    assert not UserSession.objects.filter(user=vera).exists()
    second = Client().post("/sign-in/", {"username": "vera", "password": NEW_PASSWORD})
    assert second["Location"] == "/sign-in/code/"
    asked, changed = AuditEntry.objects.filter(target_key=vera.key.hex).exclude(
        action__in=["SIGNED_IN", "SESSION_ENDED"]
    )
    assert (asked.action, asked.actor, changed.action, changed.actor, changed.after) == (
        "PASSWORD_FORGOTTEN",
        None,
        "PASSWORD_CHANGED",
        vera,
        {"by": "link of an e-mail"},
    )
    assert [each.subject for each in Message.objects.order_by("pk")] == [
        "Choose a new password",
        "Your password was set",
    ]


def test_no_reader_sees_a_link(vera: User, pages: Client) -> None:
    _ask()
    (token,) = [_given(link)["token"] for link in _links()]
    message = Message.objects.get()
    seen = pages.get(f"/communications/{message.key.hex}/").text
    body, key = {"filterCriteria": []}, {"apiKey": make_key()}
    found = (
        Client()
        .post("/api/communications/messages:search", body, content_type="application/json", headers=key)
        .text
    )
    export = b"".join(pages.post("/communications/export/", {"format": "csv"})).decode()
    for text in (seen, found, export):
        assert hidden.MARK in text
    listed = (pages.get(path).text for path in ("/communications/", "/administration/audit/"))
    for text in (seen, found, export, *listed):
        assert token not in text


def test_known_and_unknown_names_get_the_same_answer_by_the_same_statements(vera: User) -> None:
    make_user("gone", email="gone@bank.example", is_active=False)
    make_user("mute", email="")
    _ask()  # what every process asks the database once
    seen = {}
    for number, name in enumerate(("vera", "nobody", "gone", "mute", "v" * 150)):
        with CaptureQueriesContext(connection) as ran:
            page = _ask(name, f"192.0.2.{number}")
        words = re.sub(r'csrfmiddlewaretoken" value="\w+', "", page.text)
        kinds = [" ".join(each["sql"].split()[:3]) for each in ran.captured_queries]
        # Whether e-mail is switched on is asked once a second, whoever asks.
        others = ("SAVEPOINT", "channelswitch")
        seen[name] = (words, [kind for kind in kinds if not any(other in kind for other in others)])
    assert len({str(each) for each in seen.values()}) == 1
    assert "INSERT INTO" in str(seen["nobody"])
    assert Message.objects.count() == 2


def test_three_links_an_hour_and_no_flood(vera: User, clock: TimeMachineFixture, settings: Any) -> None:
    settings.SIGN_IN_MOST_WRONG_OF_ADDRESS = 5
    assert [_ask().status_code for _ in range(4)] == [200] * 4
    assert Message.objects.count() == 3
    assert [_ask("nobody").status_code for _ in range(2)] == [200, 429]
    clock.shift(timedelta(minutes=61))
    _ask()
    assert Message.objects.count() == 4


def test_links_end_in_time_and_with_what_they_are_about(vera: User, clock: TimeMachineFixture) -> None:
    vera.set_unusable_password()
    vera.save()
    invitation = links.send(vera, by=None) and _links()[0]
    clock.shift(timedelta(days=2, hours=23))
    assert links.owner(vera.key, _given(str(invitation))["token"]) == vera
    clock.shift(timedelta(hours=2))
    assert links.owner(vera.key, _given(str(invitation))["token"]) is None

    vera.set_password(PASSWORD)
    vera.save()
    links.send(vera, by=None)
    token = _given(_links()[-1])["token"]
    clock.shift(timedelta(minutes=29))
    assert links.owner(vera.key, token) == vera
    for change in ({"is_active": False}, {"email": "other@bank.example"}, {"password": "!"}):
        User.objects.filter(pk=vera.pk).update(**change)
        assert links.owner(vera.key, token) is None
        vera.save()
    assert links.owner(vera.key, token) == vera
    for wrong in ("", "x", "1-2-3", f"{token}0", "\0", "💶-💶", token.upper()):
        assert Client().get("/sign-in/password/", {"user": vera.key.hex, "token": wrong}).status_code == 410
    clock.shift(timedelta(minutes=2))
    assert links.owner(vera.key, token) is None


@pytest.mark.parametrize("ended_by", ["choosing", "signing in", "another address"])
def test_what_failed_is_resent_only_while_its_link_opens_something(
    vera: User, ada: User, pages: Client, ended_by: str
) -> None:
    _ask()
    (link,), failed = _links(), Message.objects.get()
    Message.objects.update(state="FAILED", due_at=None, failure_reason="MESSAGING_EXCEPTION")
    shown = pages.get(f"/communications/{failed.key.hex}/").text
    assert "it can be resent, unchanged and to the same destination" in shown
    vera.mobile_phone = "+46700000003"
    vera.save()
    assert _links() == [link]
    if ended_by == "choosing":
        _choose(link)
    elif ended_by == "signing in":
        Client().post("/sign-in/", {"username": "vera", "password": PASSWORD})
    else:
        vera.email = "vera@elsewhere.example"
        vera.save()
    assert _links() == []
    with pytest.raises(NotResendable, match="its secret value was deleted once it was sent, used or expired"):
        outbox.resend(failed, by=ada)
    assert "It had a secret value, which was deleted." in pages.get(f"/communications/{failed.key.hex}/").text


def test_a_new_user_is_invited_and_chooses_the_password(pages: Client, ada: User) -> None:
    users = "/administration/users/"
    assert 'name="password"' not in pages.get(f"{users}new/").text
    form = {"username": "nora", "first_name": "Nora", "last_name": "New", "password": PASSWORD}
    assert "This field is required." in pages.post(f"{users}new/", form).text
    pages.post(f"{users}new/", form | {"email": "nora@bank.example"})
    nora = User.objects.get(username="nora")
    assert not nora.has_usable_password()
    (link,) = _links()
    assert _ask("nora").status_code == 200
    assert "none yet: invited" in pages.get(f"{users}{nora.key.hex}/").text
    pages.post(f"{users}{nora.key.hex}/link/")
    assert Message.objects.filter(user=nora, subject="Your account on Commlog").count() == 2
    assert "Welcome" in Client().get(link).text
    both = _links()
    assert _choose(link).status_code == 302
    assert [_choose(each).status_code for each in both] == [410, 410]
    assert Client().post("/sign-in/", {"username": "nora", "password": NEW_PASSWORD}).status_code == 302
    invited = AuditEntry.objects.filter(action="INVITED", target_key=nora.key.hex)
    assert [each.actor for each in invited] == [ada, ada]


def test_without_a_mail_server_pages_say_so(pages: Client, settings: Any, vera: User) -> None:
    settings.EMAIL_HOST = ""
    assert "This installation sends no e-mail" in pages.get("/administration/users/new/").text
    assert 'name="password"' in pages.get("/administration/users/new/").text
    assert "sends no e-mail" in _ask().text
    pages.post(f"/administration/users/{vera.key.hex}/link/")
    assert not Message.objects.exists()
