"""API v1: the same search and resend in other words, and errors in both shapes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifications.models import Message
from notifications.states import MessageState
from tests.commlog.api.conftest import Program
from tests.factories import make_message

pytestmark = pytest.mark.django_db
SEARCH, RESEND = "/api/notifications/messages/search", "/api/notifications/messages"
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def test_the_documented_search_finds_newest_first(program: Program) -> None:
    made = [make_message(MessageState.FAILED, created_at=NOW - timedelta(hours=hours)) for hours in range(3)]
    make_message(MessageState.SENT)
    body = {
        "filterConstraints": [{"filterSelection": "STATE", "filterElement": "EQUALS", "value": "FAILED", "dataFieldType": "NATIVE"}],
        "sortDetails": {"sortingColumn": "CREATION_DATE", "sortingOrder": "DESCENDING"},
    }
    keys = [message["encodedKey"] for message in program.post(f"{SEARCH}?offset=0&limit=100", body).json()]
    assert keys == [message.key.hex for message in made]
    body["sortDetails"] = {"sortingColumn": "CREATION_DATE", "sortingOrder": "ASCENDING", "dataItemType": "X"}
    assert [message["encodedKey"] for message in program.post(f"{SEARCH}?limit=2", body).json()] == keys[:0:-1]


def test_every_selection_is_a_field(program: Program) -> None:
    waiting = make_message(MessageState.WAITING, created_at=NOW)
    for selection, values in (
        ("ENCODED_KEY", {"filterElement": "IN", "values": [waiting.key.hex]}),
        ("RECIPIENT_CLIENT_KEY", {"filterElement": "EMPTY"}),
        ("WAITING_REASON", {"filterElement": "EQUALS", "value": "READY_TO_BE_SENT"}),
        ("SENT_DATE", {"filterElement": "EMPTY"}),
        ("CREATION_DATE", {"filterElement": "BETWEEN", "value": "2026-11-24", "secondValue": "2026-11-25"}),
        ("DESTINATION", {"filterElement": "STARTS_WITH", "value": "ANA"}),
    ):
        body = {"filterConstraints": [{"filterSelection": selection} | values]}
        assert [message["encodedKey"] for message in program.post(SEARCH, body).json()] == [waiting.key.hex], selection


def test_the_documented_resend_makes_new_entries(program: Program, settings: Any) -> None:
    settings.EMAIL_HOST = "127.0.0.1"
    failed = [make_message(MessageState.FAILED) for _ in range(3)]
    for identifiers in ([failed[0].key.hex, failed[1].key.hex], failed[2].key.hex):
        response = program.post(RESEND, {"action": "resend", "identifiers": identifiers})
        assert (response.status_code, response.json()) == (200, {"returnCode": 0, "returnStatus": "SUCCESS"})
    assert Message.objects.filter(state=MessageState.QUEUED).count() == 3


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        (SEARCH, [], 4),
        (SEARCH, {"filterConstraints": {}}, 2099),
        (SEARCH, {"filterConstraints": [{}]}, 2100),
        (SEARCH, {"filterConstraints": [{"filterSelection": "BODY"}]}, 2100),
        (SEARCH, {"filterConstraints": [{"filterSelection": "STATE", "filterElement": "ON", "value": "x"}]}, 2101),
        (SEARCH, {"filterConstraints": [{"filterSelection": "STATE", "filterElement": "EQUALS", "value": "x"}]}, 2102),
        (SEARCH, {"filterConstraints": [{}] * 51}, 2104),
        (SEARCH, {"sortDetails": {"sortingColumn": "STATE"}}, 2117),
        (SEARCH, {"sortDetails": {"sortingColumn": "TYPE", "sortingOrder": "UP"}}, 2119),
        (RESEND, {"action": "cancel"}, 4),
        (RESEND, {"action": "resend"}, 31),
        (RESEND, {"action": "resend", "identifiers": []}, 2609),
        (RESEND, {"action": "resend", "identifiers": ["x"]}, 2502),
    ],
)
def test_refusals_speak_both_languages(program: Program, path: str, body: Any, code: int) -> None:
    response = program.post(path, body)
    answer = response.json()
    (error,) = answer["errors"]
    assert (response.status_code, error["errorCode"]) == (400, code)
    assert (answer["returnCode"], answer["returnStatus"], answer["errorSource"]) == (code, error["errorReason"], error["errorSource"])


def test_a_message_that_did_not_fail_has_the_number_of_v1(program: Program) -> None:
    sent = make_message(MessageState.SENT)
    answer = program.post(RESEND, {"action": "resend", "identifiers": [sent.key.hex]}).json()
    assert (answer["returnCode"], answer["returnStatus"]) == (2441, "INVALID_NOTIFICATION_MESSAGE_STATE")
