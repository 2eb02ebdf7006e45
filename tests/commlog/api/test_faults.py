"""What programs are told by a number does not hang on how a fault is worded."""

from typing import Any
from uuid import uuid4

import pytest

from commlog.kit.sentences import SENTENCES
from notifications.faults import Fault
from tests.commlog.api.conftest import Program, refusal
from tests.factories import make_client

TEMPLATE = {
    "name": "Repayment",
    "type": "WEB_HOOK",
    "target": "CLIENT",
    "event": "LOAN_REPAYMENT",
    "body": "{CLIENT_NAME}",
    "url": "https://hooks.example.org/a",
    "requestType": "POST",
    "contentType": "PLAIN_TEXT",
}
MAIL = {"type": "EMAIL", "destination": "a@example.org", "subject": "a", "body": "b"}
REVERSED = {
    "field": "creationDate",
    "operator": "BETWEEN",
    "value": "2026-11-24",
    "secondValue": "2026-11-23",
}
SEARCH, SEND, TEMPLATES = (
    "/api/communications/messages:search",
    "/api/communications/messages",
    "/api/templates",
)
NUMBERS: tuple[tuple[str, Any, int, int, str], ...] = (
    (SEARCH, [REVERSED], 400, 2103, "INVALID_FILTER_SECOND_VALUE"),
    (SEARCH, [{"field": "state", "operator": "EQUALS", "value": "NOPE"}], 400, 2102, "INVALID_FILTER_VALUE"),
    (SEND, MAIL | {"clientKey": "0" * 32}, 404, 29, "OBJECT_NOT_FOUND"),
    (SEND, MAIL | {"clientKey": "0"}, 400, 4, "INVALID_PARAMETERS"),
    (TEMPLATES, TEMPLATE | {"event": "LOAN_PARTY"}, 400, 2617, "INVALID_EVENT"),
    (TEMPLATES, TEMPLATE | {"event": "cannot be filled in"}, 400, 2617, "INVALID_EVENT"),
    (TEMPLATES, TEMPLATE | {"target": "GROUP", "event": "CLIENT_CREATED"}, 400, 2618, "INVALID_TARGET"),
    (TEMPLATES, TEMPLATE | {"body": "{NOBODY}"}, 400, 2619, "INVALID_PLACEHOLDER"),
    (TEMPLATES, TEMPLATE | {"body": "{NOBODY} {NOR_THIS}"}, 400, 2619, "INVALID_PLACEHOLDER"),
    (TEMPLATES, TEMPLATE | {"name": "x" * 256}, 400, 2620, "INVALID_FIELD_LENGTH"),
    (TEMPLATES, TEMPLATE | {"requestType": "GET"}, 400, 2621, "INVALID_WEBHOOK_REQUEST_TYPE"),
    (
        TEMPLATES,
        TEMPLATE | {"url": "https://hooks.example.org/{NOBODY}"},
        400,
        2622,
        "URL_CONTAINS_INVALID_PLACEHOLDERS",
    ),
    (
        TEMPLATES,
        TEMPLATE | {"url": "https://{CLIENT_ID}.example.org/"},
        400,
        2622,
        "URL_CONTAINS_INVALID_PLACEHOLDERS",
    ),
    (TEMPLATES, TEMPLATE | {"url": "https://hooks.example.org/'"}, 400, 2610, "URL_CONTAINS_QUOTES"),
)


@pytest.fixture
def reworded(monkeypatch: pytest.MonkeyPatch) -> None:
    for fault in Fault:
        monkeypatch.setitem(SENTENCES, fault, "is said in other words")  # type: ignore[arg-type]


@pytest.mark.usefixtures("reworded")
@pytest.mark.parametrize(("path", "body", "status", "number", "reason"), NUMBERS)
def test_a_number_does_not_hang_on_the_words(
    program: Program, path: str, body: Any, status: int, number: int, reason: str
) -> None:
    *refused, source = refusal(program.post(path, body))

    assert refused == [status, number, reason]
    assert source.endswith("is said in other words")


@pytest.mark.usefixtures("reworded")
def test_a_key_of_another_event_is_a_conflict_whatever_is_said_of_it(program: Program) -> None:
    told = {"event": "CLIENT_CREATED", "eventKey": uuid4().hex}
    assert program.post("/api/events", told | {"clientKey": make_client().key.hex}).status_code == 202

    answer = program.post("/api/events", told | {"clientKey": make_client().key.hex})

    assert refusal(answer) == (409, 100_002, "DUPLICATE_REQUEST", "eventKey: is said in other words")
