"""Sending by hand through the API."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission

from commlog.models import AuditEntry
from notifications.models import Message
from notifications.states import MessageState
from tests.commlog.api.conftest import Program, refusal
from tests.commlog.api.test_auth import _basic
from tests.factories import PASSWORD, make_client, make_group, make_key, make_message, make_template, officer

pytestmark = pytest.mark.django_db
SEND = "/api/communications/messages"
EMAIL = {"type": "EMAIL", "subject": "Hello", "body": "Dear Ana"}
SMS = {"type": "SMS", "body": "Your code"}


@pytest.fixture(autouse=True)
def _configured(settings: Any) -> None:
    settings.EMAIL_HOST = "127.0.0.1"
    settings.TWILIO_ACCOUNT_SID = settings.TWILIO_AUTH_TOKEN = "x"
    settings.TWILIO_FROM = "+15005550006"


@pytest.mark.parametrize("prefix", ["/api", ""])
def test_an_email_to_a_client_goes_to_the_address_on_file(program: Program, prefix: str) -> None:
    client = make_client()
    response = program.post(
        f"{prefix}/communications/messages",
        EMAIL | {"clientKey": client.key.hex, "senderKey": None, "event": "MANUAL"},
    )
    assert response.status_code == 201
    answer, stored = response.json(), Message.objects.get()
    assert answer["encodedKey"] == stored.key.hex
    assert {
        name: answer[name] for name in ("type", "state", "destination", "event", "clientKey", "numRetries")
    } == {
        "type": "EMAIL",
        "state": "QUEUED",
        "destination": "ana@example.org",
        "event": "MANUAL",
        "clientKey": client.key.hex,
        "numRetries": 0,
    }
    assert stored.sender.startswith("Program ")
    assert (stored.recipient_name, stored.sender_user) == ("Ana Silva", None)
    assert AuditEntry.objects.get(action="SENT").target_key == stored.key.hex


def test_a_user_sends_in_the_own_name(client: Any) -> None:
    ada = officer(username="ada", api_access=True)
    group = make_group(mobile_phone="+4917012345678")
    body = SMS | {"groupKey": group.key.hex, "senderKey": ada.key.hex, "subject": ""}
    response = client.post(
        SEND, body, content_type="application/json", headers={"Authorization": _basic("ada", PASSWORD)}
    )
    assert (response.status_code, response.json()["senderKey"]) == (201, ada.key.hex)
    assert (Message.objects.get().sender, Message.objects.get().sender_user) == ("Ada Officer", ada)


def test_a_recipient_without_an_address_is_a_failed_entry_not_an_error(program: Program) -> None:
    response = program.post(SEND, SMS | {"clientKey": make_client(mobile_phone="").key.hex})
    assert (response.status_code, response.json()["state"], response.json()["failureReason"]) == (
        201,
        "FAILED",
        "MISSING_SMS_RECIPIENT",
    )


def _sender_only(*more: str) -> Program:
    role = Role.objects.create(name="Sender")
    role.permissions.set(
        Permission.objects.filter(
            codename__in=["send_manual_email", "send_manual_sms", "resend_failed_messages", *more]
        )
    )
    return Program(make_key(role="Sender"))


OWN = {"encodedKey", "type", "state", "creationDate", "numRetries", "event"}


def test_a_program_that_only_sends_learns_nothing_of_a_client() -> None:
    program, ana = _sender_only(), make_client(email="secret@example.org", mobile_phone="+4917099999999")
    template = make_template(trigger="MANUAL", text="Dear {CLIENT_NAME}, {CLIENT_EMAIL}")
    for body, own in (
        (EMAIL | {"clientKey": ana.key.hex}, {"clientKey", "subject", "body"}),
        (SMS | {"clientKey": ana.key.hex}, {"clientKey", "body"}),
        (
            {"type": "EMAIL", "templateKey": template.key.hex, "clientKey": ana.key.hex},
            {"clientKey", "templateKey"},
        ),
        (EMAIL | {"destination": "bo@example.org"}, {"destination", "subject", "body"}),
        (
            EMAIL | {"clientKey": ana.key.hex, "destination": "bo@example.org"},
            {"clientKey", "destination", "subject", "body"},
        ),
    ):
        for key in ({}, {"Idempotency_Key": uuid4().hex}):
            answers = [program.post(SEND, body, **key) for _ in range(2)]
            assert [answer.status_code for answer in answers] == [201, 201]
            assert [set(answer.json()) for answer in answers] == [OWN | own] * 2
            assert not [
                answer
                for answer in answers
                if "secret@" in answer.text or "4917099999999" in answer.text or "Silva" in answer.text
            ]
            assert (answers[0].content == answers[1].content) == bool(key)
    assert set(Message.objects.values_list("destination", flat=True)) == {
        "secret@example.org",
        "+4917099999999",
        "bo@example.org",
    }


def test_a_failure_tells_a_program_that_only_sends_its_reason_and_no_more() -> None:
    program, ana = _sender_only(), make_client(email="secret address", mobile_phone="")
    sms = program.post(SEND, SMS | {"clientKey": ana.key.hex}).json()
    mail = program.post(SEND, EMAIL | {"clientKey": ana.key.hex}).json()
    assert (sms["state"], sms["failureReason"], mail["state"]) == (
        "FAILED",
        "MISSING_SMS_RECIPIENT",
        "FAILED",
    )
    assert (
        "secret"
        in Message.objects.get(type="EMAIL").failure_cause + Message.objects.get(type="EMAIL").destination
    )
    assert "secret" not in str(mail)
    assert not {"failureCause", "destination"} & {*sms, *mail}


def test_what_is_remembered_is_shown_as_the_caller_may_read_now() -> None:
    program = _sender_only("view_communication_history", "read_message_content")
    body = EMAIL | {"clientKey": make_client(email="secret@example.org").key.hex}
    assert program.post(SEND, body, Idempotency_Key="k").json()["destination"] == "secret@example.org"
    Role.objects.get(name="Sender").permissions.remove(
        Permission.objects.get(codename="view_communication_history")
    )
    assert "secret" not in program.post(SEND, body, Idempotency_Key="k").text


def test_a_program_that_only_resends_is_not_told_a_state() -> None:
    sent, failed = make_message(MessageState.SENT), make_message(MessageState.FAILED)
    program = _sender_only()
    assert (
        refusal(program.post(f"{SEND}:resend", [failed.key.hex, sent.key.hex]))[3]
        == f"{sent.key.hex}: is not FAILED"
    )
    assert "SENT" not in program.post(f"{SEND}:resend", [sent.key.hex]).text
    answer = program.post(f"{SEND}:resend", [failed.key.hex])
    assert (answer.status_code, answer.content) == (202, b"")


_NOBODY = uuid4().hex


@pytest.mark.parametrize(
    ("body", "status", "code", "said"),
    [
        ("x", 400, 4, "the body: must be an object, or a list of objects"),
        ([], 400, 4, "the body: has 0 messages; 1 to 1,000 can be sent at once"),
        ({}, 400, 31, "type: is missing"),
        ({"type": "WEB_HOOK", "body": "x"}, 400, 4, "type: only EMAIL and SMS can be sent by hand"),
        ({"type": ["EMAIL"]}, 400, 4, "type: only EMAIL and SMS"),
        ({"type": "SMS"}, 400, 31, "body: is missing"),
        ({"type": "SMS", "body": "", "destination": "+4915112345678"}, 400, 31, "body: is missing"),
        ({"type": "EMAIL", "body": "x"}, 400, 2503, "subject: is missing"),
        (SMS | {"subject": "x"}, 400, 27, "subject: is for e-mails only"),
        (EMAIL | {"content": "x"}, 400, 27, "content: cannot be given"),
        (EMAIL | {"templateKey": _NOBODY}, 400, 27, "subject: must be empty"),
        (EMAIL | {"clientKey": _NOBODY}, 404, 29, "clientKey: client not found"),
        (EMAIL | {"clientKey": "x"}, 400, 4, "clientKey: must be a key of 32 hexadecimal characters"),
        (EMAIL, 400, 4, "destination: is missing, and so is a recipient"),
        (EMAIL | {"destination": "nobody"}, 400, 4, "destination: "),
        (EMAIL | {"destination": "a@example.org", "subject": "a\nb"}, 400, 2503, "subject: "),
        (EMAIL | {"destination": "a@example.org", "subject": 5}, 400, 4, "subject: must be text"),
        (EMAIL | {"destination": "a@example.org", "body": "a\0b"}, 400, 4, "body: contains a NUL character"),
        (
            EMAIL | {"destination": "a@example.org", "body": "\ud800"},
            400,
            4,
            "body: contains half of a surrogate pair",
        ),
        (
            EMAIL | {"destination": "a@example.org", "senderKey": _NOBODY},
            400,
            4,
            "senderKey: must be the key of the user who calls",
        ),
        (EMAIL | {"destination": "a@example.org", "event": "LOAN_CREATED"}, 400, 4, "event: must be MANUAL"),
    ],
)
def test_messages_that_are_refused(program: Program, body: Any, status: int, code: int, said: str) -> None:
    given, number, _, source = refusal(program.post(SEND, json.dumps(body)))
    assert (given, number) == (status, code)
    assert source.startswith(said)
    assert Message.objects.count() == 0


def test_more_than_one_recipient_is_refused(program: Program) -> None:
    body = EMAIL | {"clientKey": make_client().key.hex, "groupKey": make_group().key.hex}
    assert "more than one recipient" in refusal(program.post(SEND, body))[3]
