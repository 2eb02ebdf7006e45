"""Lists of messages in one call: as a whole or each by itself, in order, once, and at what cost."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission
from django.db import connection

from commlog.models import AuditEntry
from notifications.database import clock
from notifications.lanes import switches
from notifications.models import Message
from tests.commlog.api.conftest import Program, refusal
from tests.commlog.api.test_auth import _basic
from tests.factories import PASSWORD, make_client, make_group, make_key, make_template, officer

pytestmark = pytest.mark.django_db
SEND = "/api/communications/messages"
EMAIL = {"type": "EMAIL", "subject": "Hello", "body": "Dear Ana", "destination": "ana@example.org"}
SMS = {"type": "SMS", "body": "Your code", "destination": "+4915112345678"}


@pytest.fixture(autouse=True)
def _configured(settings: Any) -> None:
    settings.EMAIL_HOST = "127.0.0.1"
    settings.TWILIO_ACCOUNT_SID = settings.TWILIO_AUTH_TOKEN = "x"
    settings.TWILIO_FROM = "+15005550006"


def _errors(response: Any) -> list[tuple[int, str]]:
    return [(error["errorCode"], error["errorSource"]) for error in json.loads(response.content)["errors"]]


def _sender(*codenames: str) -> Program:
    role = Role.objects.create(name="Sender")
    role.permissions.set(Permission.objects.filter(codename__in=codenames))
    return Program(make_key(role="Sender"))


def test_a_list_is_answered_by_its_messages_in_order(program: Program) -> None:
    ana, women = make_client(), make_group(mobile_phone="+4917012345678")
    template = make_template(trigger="MANUAL", text="Dear {CLIENT_NAME}")
    sent = [
        EMAIL | {"subject": "First"},
        SMS,
        {"type": "EMAIL", "templateKey": template.key.hex, "clientKey": ana.key.hex},
        SMS | {"groupKey": women.key.hex, "destination": None},
    ]
    response = program.post(SEND, sent)
    assert (response.status_code, "Location" in response) == (201, False)
    answer = response.json()
    stored = {message.key.hex: message for message in Message.objects.all()}
    assert [(one["type"], one["body"]) for one in answer] == [
        ("EMAIL", "Dear Ana"),
        ("SMS", "Your code"),
        ("EMAIL", "Dear Ana Silva"),
        ("SMS", "Your code"),
    ]
    assert [stored[one["encodedKey"]].destination for one in answer] == [
        "ana@example.org", "+4915112345678", "ana@example.org", "+4917012345678",
    ]  # fmt: skip
    assert [one.get("clientKey", one.get("groupKey")) for one in answer] == [
        None,
        None,
        ana.key.hex,
        women.key.hex,
    ]
    assert {message.sender for message in stored.values()} == {
        AuditEntry.objects.get().actor_name.removesuffix(" (API)")
    }


def test_a_message_is_answered_as_it_is_read(program: Program) -> None:
    officer(username="ada", api_access=True)
    ada = {"Authorization": _basic("ada", PASSWORD), "apiKey": ""}
    bo = officer(username="bo")
    for headers in ({"apiKey": program.key}, {"Authorization": ada["Authorization"]}):
        body = json.dumps(
            [
                EMAIL,
                EMAIL | {"userKey": bo.key.hex},
                SMS | {"clientKey": make_client(mobile_phone="").key.hex, "destination": ""},
            ]
        )
        for one in program.client.generic(
            "POST", SEND, body, content_type="application/json", headers=headers
        ).json():
            assert one == program.get(f"{SEND}/{one['encodedKey']}").json()


def test_the_trail_has_an_entry_for_a_list(program: Program) -> None:
    keys = [one["encodedKey"] for one in program.post(SEND, [EMAIL, SMS, EMAIL]).json()]
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target_label, entry.target_key) == ("SENT", "3 by the API", "")
    assert entry.after == {"messages": 3, "first": keys[0], "last": keys[2]}


def test_one_bad_message_refuses_the_list_and_each_error_names_its_message(program: Program) -> None:
    nobody = uuid4().hex
    response = program.post(SEND, [EMAIL, EMAIL | {"subject": ""}, "x", SMS | {"stage": "SENT"}])
    assert response.status_code == 400
    assert _errors(response) == [
        (2503, "[1].subject: is missing; an e-mail needs one"),
        (4, "[2]: must be an object"),
        (27, f"[3].stage: cannot be given; these can: {', '.join(sorted(_TAKEN))}"),
    ]
    response = program.post(
        SEND, [EMAIL, EMAIL | {"destination": "", "clientKey": nobody}, EMAIL | {"destination": "nobody"}]
    )
    assert response.status_code == 404
    assert [source.partition(":")[0] for _, source in _errors(response)] == [
        "[1].clientKey",
        "[2].destination",
    ]
    assert (Message.objects.count(), AuditEntry.objects.count()) == (0, 0)


_TAKEN = {
    "type",
    "subject",
    "body",
    "html",
    "destination",
    "event",
    "senderKey",
    "templateKey",
    "clientKey",
    "groupKey",
    "userKey",
}
_TAKEN |= {"loanAccountKey", "depositAccountKey", "repaymentKey", "referenceId"}


def test_twenty_errors_are_named_and_the_others_counted(program: Program) -> None:
    errors = _errors(program.post(SEND, [EMAIL, *[EMAIL | {"body": ""}] * 37]))
    assert [source for _, source in errors[:20]] == [f"[{place}].body: is missing" for place in range(1, 21)]
    assert errors[20:] == [(4, "the body: 17 more of its messages are refused")]


@pytest.mark.parametrize(
    ("query", "body", "said"),
    [
        ("", [], "the body: has 0 messages; 1 to 1,000 can be sent at once"),
        ("", [{}] * 1_001, "the body: has 1,001 messages; 1 to 1,000 can be sent at once"),
        ("?partial=yes", [EMAIL], "partial: must be true or false"),
        ("?partial=true&partial=true", [EMAIL], "partial: is given more than once"),
    ],
)
def test_lists_that_are_refused_as_such(program: Program, query: str, body: Any, said: str) -> None:
    assert refusal(program.post(SEND + query, body))[::3] == (400, said)
    assert Message.objects.count() == 0


def test_partly_each_message_that_can_be_stored_is(program: Program) -> None:
    nobody = uuid4().hex
    sent = [
        EMAIL,
        5,
        EMAIL | {"destination": "", "clientKey": nobody},
        SMS,
        EMAIL | {"destination": "nobody"},
    ]
    response = program.post(f"{SEND}?partial=true", sent)
    assert response.status_code == 207
    answer = response.json()
    assert [one.get("type") for one in answer] == ["EMAIL", None, None, "SMS", None]
    said = [one["errors"][0]["errorSource"].partition(":")[0] for one in answer if "errors" in one]
    assert said == ["[1]", "[2].clientKey", "[4].destination"]
    assert sorted(Message.objects.values_list("type", flat=True)) == ["EMAIL", "SMS"]
    assert program.post(f"{SEND}?partial=true", [EMAIL, SMS]).status_code == 201
    assert program.post(f"{SEND}?partial=false", sent).status_code == 400
    none = program.post(f"{SEND}?partial=true", [5, 5])
    assert (none.status_code, [set(one) for one in none.json()]) == (207, [{"errors"}, {"errors"}])
    assert Message.objects.count() == 4


def test_of_a_list_a_program_that_only_sends_learns_what_it_gave() -> None:
    program, ana = _sender("send_manual_email"), make_client(email="secret@example.org")
    sent = [EMAIL | {"destination": "", "clientKey": ana.key.hex}, EMAIL, SMS]
    for headers in ({}, {"Idempotency_Key": "k"}, {"Idempotency_Key": "k"}):
        response = program.post(f"{SEND}?partial=true", sent, **headers)
        assert response.status_code == 207
        assert "secret" not in response.text
        first, second, third = response.json()
        assert ("destination" in first, second["destination"]) == (False, "ana@example.org")
        assert third["errors"][0]["errorSource"] == "[2]: sending needs the permission “Send manual SMS”"
    assert refusal(program.post(SEND, sent))[::3] == (
        403,
        "[2]: sending needs the permission “Send manual SMS”",
    )


@pytest.mark.django_db(transaction=True)  # lanes are known once they are committed
def test_a_list_and_one_message_cost_as_many_statements(
    program: Program, django_assert_num_queries: Any, settings: Any, monkeypatch: Any
) -> None:
    # They are counted in lots, now and then.
    settings.API_CALLS_A_MINUTE = settings.API_CALLS_A_MINUTE_IN_ALL = 0
    settings.API_MESSAGES_A_MINUTE = settings.API_MESSAGES_A_MINUTE_IN_ALL = 0
    monkeypatch.setattr(switches, "_TRUST", 3_600.0)
    monkeypatch.setattr(clock, "_TRUST", 3_600.0)
    clients = [make_client() for _ in range(30)]
    template = make_template(trigger="MANUAL", text="Dear {CLIENT_NAME}")

    def letters(count: int) -> list[Any]:
        return [
            {"type": "EMAIL", "templateKey": template.key.hex, "clientKey": client.key.hex}
            for client in clients[:count]
        ]

    for body in (EMAIL, letters(1)):  # the lane, the template and the key's last use are written
        program.post(SEND, body)
    with django_assert_num_queries(6):  # the key, BEGIN, the message, the audit trail (2), COMMIT
        assert program.post(SEND, EMAIL).status_code == 201
    # Which takes a thousand values with one INSERT.
    for count, more in ((3, 0), (30, int(connection.vendor == "sqlite"))):
        with django_assert_num_queries(8 + more):  # and clients and templates
            assert len(program.post(SEND, letters(count)).json()) == count


@pytest.mark.django_db(transaction=True)
def test_fifty_lists_at_once_with_one_key_make_one() -> None:
    key = make_key()

    def send(_: int) -> tuple[int, bytes]:
        try:
            response = Program(key).post(SEND, [EMAIL] * 20, Idempotency_Key="k")
            return response.status_code, response.content if response.status_code == 201 else b""
        finally:
            connection.close()

    with ThreadPoolExecutor(50) as threads:
        answers = set(threads.map(send, range(50)))
    assert Message.objects.count() == 20
    assert {status for status, _ in answers} <= {201, 409}
    (made,) = [content for status, content in answers if status == 201]
    assert Program(key).post(SEND, [EMAIL] * 20, Idempotency_Key="k").content == made
