"""Sending by hand through the API."""

from typing import Any
from uuid import uuid4

import pytest

from commlog.models import AuditEntry
from notifications.models import Message
from tests.commlog.api.conftest import Program, refusal
from tests.commlog.api.test_auth import _basic
from tests.factories import PASSWORD, make_client, make_group, officer

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
        f"{prefix}/communications/messages", EMAIL | {"clientKey": client.key.hex, "senderKey": None, "event": "MANUAL"}
    )
    assert response.status_code == 201
    answer, stored = response.json(), Message.objects.get()
    assert answer["encodedKey"] == stored.key.hex
    assert {name: answer[name] for name in ("type", "state", "destination", "event", "clientKey", "numRetries")} == {
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
    response = client.post(SEND, body, content_type="application/json", headers={"Authorization": _basic("ada", PASSWORD)})
    assert (response.status_code, response.json()["senderKey"]) == (201, ada.key.hex)
    assert (Message.objects.get().sender, Message.objects.get().sender_user) == ("Ada Officer", ada)


def test_a_recipient_without_an_address_is_a_failed_entry_not_an_error(program: Program) -> None:
    response = program.post(SEND, SMS | {"clientKey": make_client(mobile_phone="").key.hex})
    assert (response.status_code, response.json()["state"], response.json()["failureReason"]) == (201, "FAILED", "MISSING_SMS_RECIPIENT")


_NOBODY = uuid4().hex


@pytest.mark.parametrize(
    ("body", "status", "code", "said"),
    [
        ([], 400, 4, "the body: must be an object"),
        ({}, 400, 31, "type: is missing"),
        ({"type": "WEB_HOOK", "body": "x"}, 400, 4, "type: only EMAIL and SMS can be sent by hand"),
        ({"type": ["EMAIL"]}, 400, 4, "type: only EMAIL and SMS"),
        ({"type": "SMS"}, 400, 31, "body: is missing"),
        ({"type": "SMS", "body": "", "destination": "+4915112345678"}, 400, 31, "body: is missing"),
        ({"type": "EMAIL", "body": "x"}, 400, 2503, "subject: is missing"),
        (SMS | {"subject": "x"}, 400, 27, "subject: is for e-mails only"),
        (EMAIL | {"state": "SENT"}, 400, 27, "state: cannot be given"),
        (EMAIL | {"templateKey": _NOBODY}, 400, 27, "subject: must be empty"),
        (EMAIL | {"clientKey": _NOBODY}, 404, 29, "clientKey: there is no such client"),
        (EMAIL | {"clientKey": "x"}, 400, 4, "clientKey: must be a key of 32 hexadecimal characters"),
        (EMAIL, 400, 4, "destination: is missing, and so is a recipient"),
        (EMAIL | {"destination": "nobody"}, 400, 4, "destination: "),
        (EMAIL | {"destination": "a@example.org", "subject": "a\nb"}, 400, 2503, "subject: "),
        (EMAIL | {"destination": "a@example.org", "subject": 5}, 400, 4, "subject: must be text"),
        (EMAIL | {"destination": "a@example.org", "body": "a\0b"}, 400, 4, "body: holds a NUL character"),
        (EMAIL | {"destination": "a@example.org", "body": "\ud800"}, 400, 4, "body: holds half of a surrogate pair"),
        (EMAIL | {"destination": "a@example.org", "senderKey": _NOBODY}, 400, 4, "senderKey: must be the key of the user who calls"),
        (EMAIL | {"destination": "a@example.org", "event": "LOAN_CREATED"}, 400, 4, "event: must be MANUAL"),
    ],
)
def test_messages_that_are_refused(program: Program, body: Any, status: int, code: int, said: str) -> None:
    given, number, _, source = refusal(program.post(SEND, body))
    assert (given, number) == (status, code)
    assert source.startswith(said)
    assert Message.objects.count() == 0


def test_more_than_one_recipient_is_refused(program: Program) -> None:
    body = EMAIL | {"clientKey": make_client().key.hex, "groupKey": make_group().key.hex}
    assert "more than one recipient" in refusal(program.post(SEND, body))[3]
