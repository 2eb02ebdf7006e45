"""What holds for every page: headers, hostile content, signing in and out, errors."""

import re

import pytest
from django.test import Client, RequestFactory

from commlog.views import errors
from notifications.models import Message
from notifications.states import MessageState, MessageType
from tests.factories import (
    PASSWORD,
    make_attempt,
    make_client,
    make_message,
    make_resend,
    make_user,
    officer,
    viewer,
)

pytestmark = pytest.mark.django_db

# Two of a kind in each: every page is asked for with each of them. What matters at a beginning begins one.
CORPUS = [
    "javascript:alert(1) <script>alert(1)</script>",
    '"><img src=x onerror=alert(1)> \u202egnp.exe',
    "' onmouseover='alert(1) &lt;b&gt; &amp;",
    "{{ 7|add:7 }}{% csrf_token %} </title></textarea></pre><svg onload=alert(1)>",
]


@pytest.mark.parametrize("evil", CORPUS)
def test_hostile_content_is_text_everywhere(client: Client, evil: str) -> None:
    sender = make_user(first_name=evil[:150])
    client.force_login(officer(first_name=evil[:150]))
    person = make_client(first_names=evil, client_id=evil[:32])
    failed = make_message(
        MessageState.FAILED,
        MessageType.WEB_HOOK,
        destination=evil,
        subject=evil,
        content=evil,
        html=evil,
        sender=evil,
        sender_user=sender,
        recipient_name=evil,
        client=person,
        event=evil[:64],
        failure_cause=evil,
        provider_id=evil,
        headers={evil: evil},
        auth_username=evil,
    )
    make_attempt(failed, detail=evil, late_outcome="ACCEPTED", late_detail=evil, late_at=failed.created_at)
    make_resend(failed, MessageState.FAILED, resent_by=evil)
    for path in (
        "/communications/",
        f"/communications/?q={evil[:20]}",
        f"/communications/{failed.key.hex}/",
        "/nowhere/",
    ):
        for headers in ({}, {"HX-Request": "true"}):
            shown = client.get(path, headers=headers).text
            tags = re.findall(r"<[a-zA-Z][^>]*>", shown)
            assert not [tag for tag in tags if re.search(r"\son\w+=", tag.split('"')[0])], path
            assert "<script>" not in shown
            assert "<img" not in shown
            assert "<svg onload" not in shown
            assert "14{%" not in shown
            assert not re.search(r'(href|src|action)="javascript:', shown)
    assert evil in failed.subject  # it was really there


@pytest.mark.parametrize(
    "path",
    [
        "/sign-in/",
        "/communications/",
        "/communications/{key}/",
        "/nowhere/",
        "/healthz",
        "/readyz",
        "/healthz/sender",
    ],
)
def test_every_page_carries_the_protective_headers(client: Client, path: str) -> None:
    message = make_message()
    if path != "/sign-in/":
        client.force_login(viewer())
    response = client.get(path.format(key=message.key.hex))
    directives = dict(part.strip().split(" ", 1) for part in response["Content-Security-Policy"].split(";"))
    assert (directives["script-src"], directives["style-src"], directives["default-src"]) == (
        "'self'",
        "'self'",
        "'none'",
    )
    assert "no-store" in response["Cache-Control"]
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", response.text)


def test_signing_in_and_out(client: Client) -> None:
    viewer(username="vera")
    client.post("/sign-in/", {"username": "vera", "password": "wrong"})
    assert client.get("/communications/").status_code == 302
    wrong = client.post("/sign-in/", {"username": "vera", "password": "wrong"})
    assert "The user name or password is wrong." in wrong.text
    response = client.post(
        "/sign-in/", {"username": "vera", "password": PASSWORD, "next": "/communications/?state=FAILED"}
    )
    assert response["Location"] == "/communications/?state=FAILED"
    assert "Vera Viewer" in client.get("/communications/").text
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
    assert "You are signed out." in client.get("/sign-in/").text
    assert client.get("/communications/").status_code == 302


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_signing_in_leads_nowhere_else(client: Client, target: str) -> None:
    viewer(username="vera")
    response = client.post("/sign-in/", {"username": "vera", "password": PASSWORD, "next": target})
    assert response["Location"] == "/"


@pytest.mark.parametrize("name", ["vera\0", "x" * 10_000, "💶"])
def test_a_strange_user_name_is_only_wrong(client: Client, name: str) -> None:
    assert client.post("/sign-in/", {"username": name, "password": "x"}).status_code == 200


@pytest.mark.parametrize("query", ["next=%00", "a%00=%00", "a=" + "x" * 5_000])
def test_a_strange_address_is_no_reason_to_fail(client: Client, query: str) -> None:
    odd = {"HTTP_USER_AGENT": "x" * 5_000, "HTTP_ACCEPT": "\x01" * 2_000}
    assert (
        client.post(
            f"/sign-in/?{query}", {"username": "vera", "password": "x\0", "next": "\0"}, **odd
        ).status_code
        == 200
    )


def test_five_wrong_passwords_lock_the_sign_in(client: Client) -> None:
    viewer(username="vera")
    for _ in range(5):
        response = client.post("/sign-in/", {"username": "vera", "password": "wrong"})
    assert response.status_code == 429
    assert "Sign-in is temporarily locked" in response.text
    assert client.post("/sign-in/", {"username": "vera", "password": PASSWORD}).status_code == 429


def test_a_part_whose_session_has_ended_reloads_the_page(client: Client) -> None:
    message = make_message()
    response = client.get(f"/communications/{message.key.hex}/", headers={"HX-Request": "true"}, follow=True)
    assert response["HX-Refresh"] == "true"
    assert "password" not in response.text


def test_error_pages_need_nothing_that_may_be_broken(rf: RequestFactory) -> None:
    for view, status in (
        (errors.server_error(rf.get("/")), 500),
        (errors.bad_request(rf.get("/"), Exception("secret")), 400),
    ):
        assert view.status_code == status
        assert "secret" not in view.text
        assert "<h1>" in view.text


def test_no_permission_is_said_in_words(client: Client) -> None:
    client.force_login(make_user())
    response = client.get("/communications/")
    assert response.status_code == 403
    assert "You do not have access to this page" in response.text
    assert "View communication history" in response.text


def test_posting_to_the_log_changes_nothing(client: Client) -> None:
    client.force_login(officer())
    make_message()
    assert client.post("/communications/", {"state": "FAILED"}).status_code == 405
    assert Message.objects.get().state == MessageState.QUEUED


def test_help_explains_every_state_and_is_linked_from_every_page(client: Client) -> None:
    client.force_login(make_user())
    assert '<a href="/help/">Help</a>' in client.get("/").text
    shown = client.get("/help/").text
    assert all(f"</i>{label}</span>" in shown for label in MessageState.labels)
    assert all(word in shown for word in ("Marks", "Resend anyway", "Edit and resend…", "O’Leary", "<kbd>"))
