"""What a page of the log weighs: fifty messages of a bank, every channel, names in several scripts."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from time_machine import travel

from notifications.states import MessageState, MessageType
from tests.factories import admin, make_message

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NAMES = ("Björn Öztürk", "Ana O’Leary", "გიორგი ლომიძე", "محمد الحسن", "Ελένη Αγγελίδης", "王小明")
LETTER = (
    "Dear {}, this is a reminder that the next instalment of your loan LN-331859 is due on 9 December 2026. "
    "Amount due: €404.48. Outstanding balance: €3,542.22. Please see to it that your account is in funds."
)
EVENT = {
    "event": "SAVINGS_DEPOSIT",
    "occurredAt": "2026-11-24T11:17:46+00:00",
    "client": {"id": "000204037", "encodedKey": "a6c8923eee9a45f28f5c7368b57209ea"},
    "account": {"id": "LN-456064"},
    "amount": "120.00",
}
SAYS = {
    MessageType.EMAIL: ("bjorn.ozturk.143@mail.example.org", "Your instalment of €404.48 is due", LETTER),
    MessageType.SMS: ("+447700900923", "", LETTER[:120]),
    MessageType.WEB_HOOK: ("https://hooks.example.org/fraud-scoring/transactions", "", json.dumps(EVENT)),
    MessageType.EVENT_STREAM: ("deposits.events", "", json.dumps(EVENT, indent=2)),
}
TYPES = [MessageType.EMAIL] * 5 + [MessageType.SMS] * 3 + [MessageType.WEB_HOOK, MessageType.EVENT_STREAM]
STATES = [MessageState.SENT] * 8 + [MessageState.FAILED] + [MessageState.WAITING]
MOST, MOST_FAILED, MOST_PACKED = 70_000, 96_000, 16_500  # bytes


def _fill(states: list[MessageState]) -> None:
    for number in range(50):
        type, name = TYPES[number % len(TYPES)], NAMES[number % len(NAMES)]
        destination, subject, text = SAYS[type]
        make_message(
            states[number * 3 % len(states)],
            type,
            destination=destination,
            subject=subject,
            content=text.replace("{}", name),
            recipient_name=name,
            created_at=NOW - timedelta(minutes=7 * number),
        )


@travel(NOW, tick=False)
def test_fifty_messages_weigh_no_more(client: Client) -> None:
    client.force_login(admin())
    _fill(STATES)
    page = client.get("/communications/").content
    assert page.count(b"data-row=") == 50
    assert len(page) <= MOST
    assert len(client.get("/communications/", headers={"Accept-Encoding": "gzip"}).content) <= MOST_PACKED


@travel(NOW, tick=False)
def test_neither_do_fifty_that_can_all_be_resent(client: Client) -> None:
    client.force_login(admin())
    _fill([MessageState.FAILED])
    page = client.get("/communications/?state=FAILED").content
    assert page.count(b"data-row=") == 50
    assert len(page) <= MOST_FAILED
