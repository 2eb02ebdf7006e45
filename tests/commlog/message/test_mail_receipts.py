"""What mail providers report through anymail's webhooks."""

import base64
from typing import Any

import pytest
from anymail.signals import tracking
from django.test import Client

from commlog.message import mail_receipts
from notifications.models import DeliveryReceipt, Message
from notifications.states import MessageState, ReceiptStatus
from tests.factories import make_message

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.commlog.mail_receipt_urls")]

SECRET = "anymail:a-secret-of-twenty-characters"


@pytest.fixture(autouse=True)
def _reported_to(settings: Any) -> Any:
    settings.ANYMAIL, settings.MAIL_RECEIPTS_SECRET = {"WEBHOOK_SECRET": SECRET}, SECRET
    settings.DEFAULT_FROM_EMAIL = "Bank <no-reply@bank.example>"
    mail_receipts.listen()
    yield
    tracking.disconnect(dispatch_uid="receipts")


def report(message: Message, event: str, *, secret: str = SECRET, domain: str = "bank.example") -> int:
    """As Brevo says it."""
    body: dict[str, object] = {
        "event": event,
        "email": "ana@example.org",
        "id": 1,
        "date": "2026-11-24 10:02:00",
        "ts_event": 1795514520,
    }
    body |= {
        "ts": 1795514520,
        "message-id": f"<{message.key.hex}@{domain}>",
        "reason": "550 no such user",
        "ts_epoch": 1795514520000,
    }
    headers = {"Authorization": "Basic " + base64.b64encode(secret.encode()).decode()}
    return (
        Client()
        .post("/receipts/mail/brevo/tracking/", body, content_type="application/json", headers=headers)
        .status_code
    )


@pytest.mark.parametrize(
    ("event", "status", "lost"),
    [
        ("hard_bounce", ReceiptStatus.BOUNCED, True),
        ("delivered", ReceiptStatus.DELIVERED, False),
        ("spam", ReceiptStatus.COMPLAINED, False),
    ],
)
def test_an_event_is_kept_on_its_message_and_changes_no_state(
    event: str, status: ReceiptStatus, lost: bool
) -> None:
    message = make_message(MessageState.SENT, provider_id="4bXyz")
    assert [report(message, event) for _ in range(2)] == [200, 200]
    message.refresh_from_db()
    assert (message.state, message.receipt_status, message.was_lost) == (MessageState.SENT, status, lost)
    assert DeliveryReceipt.objects.count() == 1


def test_who_does_not_know_the_secret_is_refused_and_leaves_no_row() -> None:
    assert report(make_message(MessageState.SENT), "hard_bounce", secret="anymail:wrong") == 400
    assert not DeliveryReceipt.objects.exists()


def test_mails_of_others_and_mere_curiosity_are_passed_over() -> None:
    message = make_message(MessageState.SENT)
    assert [report(message, "hard_bounce", domain="elsewhere.example"), report(message, "opened")] == [
        200,
        200,
    ]
    assert not DeliveryReceipt.objects.exists()


def test_without_a_secret_there_is_no_address(settings: Any) -> None:
    assert len(mail_receipts.patterns()) > 5
    settings.MAIL_RECEIPTS_SECRET = ""
    assert mail_receipts.patterns() == []
