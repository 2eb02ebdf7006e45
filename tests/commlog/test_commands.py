"""The commands that a shell sees: enqueue, message, log, create_user, createsuperuser."""

import io
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.test import Client, override_settings

from commlog.models import AuditEntry, User
from notifications.models import Message
from notifications.secrets.sealed import opened
from notifications.states import MessageState, MessageType, Outcome
from tests.factories import (
    PASSWORD,
    make_attempt,
    make_client,
    make_group,
    make_message,
    make_resend,
    officer,
    viewer,
)

pytestmark = pytest.mark.django_db

EMAIL = {"type": "EMAIL", "destination": "ana@example.org", "subject": "Hello", "body": "Dear Ana"}


@pytest.fixture(autouse=True)
def _configured(settings: Any) -> None:
    settings.EMAIL_HOST = "127.0.0.1"
    settings.TWILIO_ACCOUNT_SID = settings.TWILIO_AUTH_TOKEN = "x"
    settings.TWILIO_FROM = "+15005550006"
    settings.WEBHOOK_ALLOW_HTTP = True


def enqueue(tmp_path: Path, *lines: Any) -> list[str]:
    file = tmp_path / "messages.jsonl"
    file.write_bytes(
        b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    )
    out = io.StringIO()
    call_command("enqueue", str(file), stdout=out)
    return out.getvalue().split()


def refusal(tmp_path: Path, *lines: Any) -> str:
    err = io.StringIO()
    file = tmp_path / "messages.jsonl"
    file.write_bytes(
        b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    )
    with pytest.raises(CommandError, match="nothing was stored"):
        call_command("enqueue", str(file), stderr=err)
    assert Message.objects.count() == 0
    return err.getvalue().strip()


def test_enqueue_prints_a_key_a_line_in_order(tmp_path: Path) -> None:
    client, group, sender = make_client(), make_group(), officer(username="ada")
    keys = enqueue(
        tmp_path,
        EMAIL
        | {
            "html": "<p>Dear Ana</p>",
            "event": "LOAN_REPAYMENT",
            "clientId": client.client_id,
            "senderUsername": "ada",
        },
        {"type": "SMS", "body": "Your code", "clientKey": client.key.hex},
        b"",
        {
            "type": "WEB_HOOK",
            "destination": "http://example.org/in",
            "body": "<a/>",
            "method": "PUT",
            "contentType": "APPLICATION_XML",
            "headers": {"X-A": "1"},
            "authUsername": "u",
            "authPassword": "p",
            "groupId": group.group_id,
        },
        {"type": "EVENT_STREAM", "destination": "accounts", "body": "{}", "recipientUsername": "ada"},
    )

    messages = [Message.objects.get(key=UUID(key)) for key in keys]
    assert [message.type for message in messages] == ["EMAIL", "SMS", "WEB_HOOK", "EVENT_STREAM"]
    email, sms, web_hook, stream = messages
    assert (email.html, email.event, email.client, email.sender, email.sender_user) == (
        "<p>Dear Ana</p>",
        "LOAN_REPAYMENT",
        client,
        "Ada Officer",
        sender,
    )
    assert (sms.destination, sms.sender, sms.client) == (client.mobile_phone, "Mambu", client)
    assert (
        web_hook.method,
        web_hook.content_type,
        web_hook.headers,
        web_hook.auth_username,
        opened(web_hook.auth_password),
    ) == (
        "PUT",
        "application/xml",
        {"X-A": "1"},
        "u",
        "p",
    )
    assert (web_hook.group, stream.user) == (group, sender)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (b"{", "JSON: "),
        (b"[1]", "JSON: must be an object"),
        (b'{"type":"EMAIL","type":"SMS"}', "JSON: names a field twice"),
        (b'{"type": NaN}', "JSON: NaN is not JSON"),
        (b"\xff", "JSON: is not UTF-8"),
        (b"[" * 100_000, "JSON: is nested too deeply"),
        (b'{"type": ' + b"1" * 5000 + b"}", "JSON: contains a number with too many digits"),
        ({}, "type: is missing"),
        ({"type": "FAX"}, "type: must be one of"),
        ({"type": ["EMAIL"]}, "type: must be one of"),
        (EMAIL | {"colour": "red"}, "colour: is not a field"),
        (EMAIL | {"body": 1}, "body: must be text"),
        (EMAIL | {"body": None}, "body: must be text"),
        (EMAIL | {"body": "a\0b"}, "body: contains a NUL character"),
        (EMAIL | {"body": "\ud800"}, "body: contains half of a surrogate pair"),
        (EMAIL | {"destination": "nonsense"}, "destination: "),
        ({"type": "EMAIL", "destination": "a@example.org", "body": "b"}, "subject: is missing"),
        ({"type": "EMAIL", "subject": "s", "body": "b"}, "destination: is missing"),
        ({"type": "SMS", "destination": "12345", "body": "b"}, "destination: "),
        (EMAIL | {"clientId": "none"}, "clientId: client not found"),
        (EMAIL | {"clientKey": "xyz"}, "clientKey: must be a key"),
        (EMAIL | {"senderUsername": "nobody"}, "senderUsername: sender not found"),
        (
            {"type": "WEB_HOOK", "destination": "http://example.org/", "body": "", "headers": [1]},
            "headers: must be an object",
        ),
        (
            {"type": "WEB_HOOK", "destination": "http://example.org/", "body": "", "headers": {"A": 1}},
            "headers: must be text",
        ),
    ],
)
def test_a_malformed_line_is_named_and_nothing_is_stored(tmp_path: Path, line: Any, named: str) -> None:
    said = refusal(tmp_path, EMAIL, line, EMAIL)

    assert said.startswith(f"line 2: {named}")
    assert len(said.splitlines()) == 1


def test_every_malformed_line_is_named_up_to_a_number(tmp_path: Path) -> None:
    assert len(refusal(tmp_path, *[{}] * 25).splitlines()) == 20


def test_two_recipients_are_one_too_many(tmp_path: Path) -> None:
    client, group = make_client(), make_group()

    assert "more than one recipient" in refusal(
        tmp_path, EMAIL | {"clientId": client.client_id, "groupId": group.group_id}
    )


def test_what_depends_on_settings_becomes_a_failed_row(tmp_path: Path, settings: Any) -> None:
    settings.EMAIL_HOST = ""

    enqueue(tmp_path, EMAIL)

    assert Message.objects.get().failure_reason == "EMAIL_SERVICE_NOT_ENABLED"


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("enqueue", "/nowhere/messages.jsonl")


def shown(key: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("message", key, "--json", stdout=out)
    return json.loads(out.getvalue())


@override_settings(TIME_ZONE="Europe/Berlin")
def test_a_message_in_the_api_s_names() -> None:
    client, sender = make_client(), officer()
    first = make_message(MessageState.FAILED)
    message = make_resend(
        first,
        MessageState.FAILED,
        html="<p>x</p>",
        event="LOAN_REPAYMENT",
        client=client,
        sender_user=sender,
        outcome=Outcome.UNKNOWN,
        possible_duplicate=True,
        failures=2,
        attempt_count=2,
    )
    make_attempt(message, Outcome.UNKNOWN, failure_reason="OTHER", detail="no answer")
    make_attempt(message, Outcome.REFUSED)

    fields = shown(message.key.hex)

    attempts = fields.pop("attempts")
    created = fields.pop("creationDate")
    assert fields == {
        "encodedKey": message.key.hex,
        "type": "EMAIL",
        "state": "FAILED",
        "destination": "ana@example.org",
        "subject": "Payment due",
        "body": "Dear Ana, your payment is due.",
        "html": "<p>x</p>",
        "event": "LOAN_REPAYMENT",
        "senderKey": sender.key.hex,
        "clientKey": client.key.hex,
        "failureReason": "MESSAGING_EXCEPTION",
        "failureCause": "550 5.1.1 no such user",
        "numRetries": 1,
        "outcome": "UNKNOWN",
        "possibleDuplicate": True,
        "resendOf": first.key.hex,
    }
    assert len(created) == len("2026-11-24T09:00:00.000000+01:00")
    assert created[-6:] in ("+01:00", "+02:00")
    assert [sorted(attempt) for attempt in attempts] == [
        ["failureCause", "failureReason", "finishedAt", "number", "outcome", "startedAt"]
    ] * 2


def test_absent_values_are_omitted() -> None:
    fields = shown(make_message(MessageState.QUEUED, subject="").key.hex)

    assert sorted(fields) == [
        "attempts",
        "body",
        "creationDate",
        "destination",
        "encodedKey",
        "numRetries",
        "state",
        "type",
    ]
    assert fields["attempts"] == []


@pytest.mark.parametrize(("key", "said"), [("xyz", "32 hexadecimal"), ("0" * 32, "no message")])
def test_no_such_message(key: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("message", key)


def test_the_log_newest_first_filtered_and_limited() -> None:
    made = [
        make_message(MessageState.SENT, type)
        for type in (MessageType.EMAIL, MessageType.SMS, MessageType.EMAIL)
    ]
    make_message(MessageState.FAILED)

    def keys(*options: str) -> list[str]:
        out = io.StringIO()
        call_command("log", "--json", *options, stdout=out)
        return [json.loads(line)["encodedKey"] for line in out.getvalue().splitlines()]

    assert keys("--state", "SENT") == [message.key.hex for message in reversed(made)]
    assert keys("--state", "SENT", "--type", "EMAIL", "--limit", "1") == [made[2].key.hex]
    assert len(keys()) == 4


def test_a_user_with_a_role(monkeypatch: Any) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))

    call_command(
        "create_user", "ada", "--role", "Officer", "--api", "--full-name", "Ada Officer", stdout=io.StringIO()
    )

    user = User.objects.get(username="ada")
    assert (user.name, user.api_access, user.is_superuser) == ("Ada Officer", True, False)
    assert user.check_password("correct horse battery")
    assert user.has_perm("commlog.resend_failed_messages")
    assert not user.has_perm("commlog.manage_administration")


@pytest.mark.parametrize(
    ("name", "role", "password", "said"),
    [
        (
            "ada",
            "Boss",
            "correct horse battery",
            "Role Boss not found. Roles: Administrator, Officer, Viewer",
        ),
        ("ada", "Officer", "short", "too short"),
        ("a b", "Officer", "correct horse battery", "valid username"),
    ],
)
def test_a_user_that_cannot_be(monkeypatch: Any, name: str, role: str, password: str, said: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(password))

    with pytest.raises(CommandError, match=said):
        call_command("create_user", name, "--role", role)

    assert User.objects.count() == 0


def test_createsuperuser_makes_an_administrator(monkeypatch: Any) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct horse battery")

    call_command(
        "createsuperuser",
        "--noinput",
        "--username",
        "root",
        "--email",
        "root@example.org",
        stdout=io.StringIO(),
    )

    assert [role.name for role in User.objects.get().groups.all()] == ["Administrator"]
    assert _recorded() == [("createsuperuser (command line)", "CREATED", "root")]


def test_changepassword_ends_the_sessions_and_is_recorded(monkeypatch: Any) -> None:
    vera = viewer(username="vera", must_change_password=True)
    browser = Client()
    browser.post("/sign-in/", {"username": "vera", "password": PASSWORD})
    monkeypatch.setattr("getpass.getpass", lambda prompt="": "three quiet green rivers")

    call_command("changepassword", "vera", stdout=io.StringIO())

    vera.refresh_from_db()
    assert vera.check_password("three quiet green rivers")
    assert not vera.must_change_password
    assert browser.get("/account/").status_code == 302
    assert ("changepassword (command line)", "PASSWORD_CHANGED", "Vera Viewer (vera)") in _recorded()


@pytest.mark.parametrize(
    ("name", "answers", "said"),
    [
        ("vera", ["three quiet green rivers", "another one altogether"], "The two passwords do not match."),
        ("vera", ["short", "short"], "too short"),
        ("nobody", [], "User nobody not found."),
    ],
)
def test_changepassword_that_is_refused_changes_nothing(
    monkeypatch: Any, name: str, answers: list[str], said: str
) -> None:
    vera = viewer(username="vera")
    monkeypatch.setattr("getpass.getpass", lambda prompt="": answers.pop(0))

    with pytest.raises(CommandError, match=said):
        call_command("changepassword", name)

    vera.refresh_from_db()
    assert vera.check_password(PASSWORD)
    assert _recorded() == []


def _recorded() -> list[tuple[str, str, str]]:
    entries = AuditEntry.objects.order_by("id")
    return [(entry.actor_name, entry.action, entry.target_label) for entry in entries]
