"""What an operation does not need may be null, an empty text or an empty list: generated clients send such
fields with every call.
"""

from typing import Any

import pytest

from notifications.models import Message
from notifications.states import MessageState, MessageType
from tests.commlog.api.conftest import Program
from tests.factories import make_client, make_message

pytestmark = pytest.mark.django_db
BASE = "/api/communications/messages"
EMPTY: list[Any] = [None, "", []]
SENT = {"field": "state", "operator": "EQUALS", "value": "SENT"}
ORDER = {"field": "creationDate"}
DAY = {"startDate": "2026-11-24", "endDate": "2026-11-24"}
TEMPLATE = {
    "name": "Repaid",
    "type": "WEB_HOOK",
    "target": "LOANS",
    "event": "LOAN_REPAYMENT",
    "body": "{AMOUNT}",
    "url": "https://hooks.example.org/",
    "requestType": "POST",
    "contentType": "PLAIN_TEXT",
}
OF_TEMPLATE = (
    "activated",
    "trigger",
    "triggerDays",
    "subscriptionOption",
    "filtersLinkingOperator",
    "filterConstraints",
    "authorization",
)
OF_TEMPLATE += ("username", "password", "headers")


@pytest.fixture(autouse=True)
def _mail_is_sent(settings: Any) -> None:
    settings.EMAIL_HOST = "127.0.0.1"


def _with(fields: dict[str, Any], names: tuple[str, ...], value: Any) -> dict[str, Any]:
    return fields | dict.fromkeys(names, value)


@pytest.mark.parametrize("value", EMPTY)
def test_searches(program: Program, value: Any) -> None:
    sent, failed = make_message(MessageState.SENT), make_message(MessageState.FAILED)
    criterion = _with(SENT, ("secondValue", "values"), value)
    for path, body in (
        (f"{BASE}:search", [criterion]),
        (f"{BASE}:search", {"filterCriteria": [criterion], "sortingCriteria": value}),
        (
            f"{BASE}:searchSorted",
            {"filterCriteria": [criterion], "sortingCriteria": ORDER | {"order": value}},
        ),
        (
            f"{BASE}:search",
            [{"field": "state", "operator": "IN", "values": ["SENT"], "value": value, "secondValue": value}],
        ),
        (
            f"{BASE}:search",
            [
                _with(
                    {"field": "sendDate", "operator": "NOT_EMPTY"}, ("value", "secondValue", "values"), value
                )
            ],
        ),
    ):
        answer = program.post(path, body)
        assert (answer.status_code, [each["encodedKey"] for each in answer.json()]) == (
            200,
            [sent.key.hex],
        ), body
    keys = {each["encodedKey"] for each in program.post(f"{BASE}:search", {"filterCriteria": value}).json()}
    assert keys == {sent.key.hex, failed.key.hex}


def test_parameters(program: Program) -> None:
    sent = make_message(MessageState.SENT)
    found = program.post(f"{BASE}:search?offset=&limit=&cursor=&paginationDetails=&detailsLevel=", []).json()
    assert [each["encodedKey"] for each in found] == [sent.key.hex]
    assert program.get(f"{BASE}/{sent.key.hex}?detailsLevel=").status_code == 200


@pytest.mark.parametrize("value", EMPTY)
@pytest.mark.parametrize("operation", ["resend", "resendAsyncByKeys"])
def test_resends_by_key(program: Program, operation: str, value: Any) -> None:
    failed = make_message(MessageState.FAILED)
    answer = program.post(f"{BASE}:{operation}", {"messages": [failed.key.hex], "again": value})
    assert answer.status_code == (202 if operation == "resend" else 200)
    assert Message.objects.filter(resend_of=failed).count() == 1


@pytest.mark.parametrize("value", EMPTY)
def test_resends_by_date_are_of_every_type(program: Program, value: Any) -> None:
    failed = make_message(MessageState.FAILED)
    day = failed.created_at.date().isoformat()
    body = {"startDate": day, "endDate": day, "templateTypes": value, "again": value}
    assert program.post(f"{BASE}:resendAsyncByDate", body).status_code == 200
    assert Message.objects.filter(resend_of=failed).count() == 1


@pytest.mark.parametrize("value", EMPTY)
def test_sending(program: Program, value: Any) -> None:
    key = make_client(mobile_phone="+4915112345678").key.hex
    email = {"type": "EMAIL", "subject": "Hello", "body": "Dear Ana", "clientKey": key}
    sms = {"type": "SMS", "body": "Dear Ana", "clientKey": key}
    others = ("destination", "html", "event", "senderKey", "groupKey", "userKey", "templateKey")
    assert program.post(BASE, _with(email, others, value)).status_code == 201
    assert program.post(BASE, _with(sms, (*others, "subject"), value)).status_code == 201
    assert [message.type for message in Message.objects.order_by("pk")] == [
        MessageType.EMAIL,
        MessageType.SMS,
    ]


@pytest.mark.parametrize("value", EMPTY)
def test_events(program: Program, value: Any) -> None:
    others = ("data", "occurredAt", "eventKey", "clientKey", "groupId", "groupKey", "username", "userKey")
    told = _with({"event": "CLIENT_CREATED", "clientId": make_client().client_id}, others, value)
    assert program.post("/api/events", told).status_code == 202


@pytest.mark.parametrize("value", EMPTY)
def test_templates(program: Program, value: Any) -> None:
    plain = program.post("/api/templates", TEMPLATE).json()
    made = program.post("/api/templates", _with(TEMPLATE | {"name": "Repaid too"}, OF_TEMPLATE, value))
    assert made.status_code == 201
    own = ("id", "name", "creationDate", "lastModifiedDate", "signingSecret")
    assert {name: each for name, each in made.json().items() if name not in own} == {
        name: each for name, each in plain.items() if name not in own
    }
    condition = {"filterSelection": "CLIENT_ID", "filterElement": "EQUALS", "value": "1"}
    steps = [
        {
            "op": "ADD",
            "path": "filterConstraints",
            "value": [_with(condition, ("secondValue", "values", "dataFieldType"), value)],
        }
    ]
    assert program.call("patch", f"/api/templates/{plain['id']}", steps).json()["filterConstraints"] == [
        condition
    ]
    header = {"headerKey": "X-Source", "headerValue": "core", "id": value}
    steps = [{"op": "ADD", "path": "headers", "value": [header]}]
    assert (
        program.call("patch", f"/api/templates/{plain['id']}", steps).json()["headers"][0]["headerKey"]
        == "X-Source"
    )
    steps = [
        {"op": "REPLACE", "path": name, "value": value}
        for name in ("headers", "filterConstraints", "username", "password")
    ]
    assert program.call("patch", f"/api/templates/{plain['id']}", steps).json()["headers"] == []
