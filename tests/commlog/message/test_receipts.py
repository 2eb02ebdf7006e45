"""Twilio's status callbacks: signed for the configured address, and what the pages say about them."""

from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from twilio.request_validator import RequestValidator

from notifications import receipts
from notifications.channels.sms.channel import receipt_address
from notifications.models import DeliveryReceipt, Message
from notifications.states import MessageState, MessageType, Outcome, ReceiptStatus
from tests.factories import make_message

pytestmark = pytest.mark.django_db

TOKEN = "the-token-of-the-account"
BASE = "https://receipts.example.org"


@pytest.fixture(autouse=True)
def _asked_for(settings: Any) -> None:
    settings.RECEIPTS_URL, settings.TWILIO_AUTH_TOKEN = BASE, TOKEN


def under_way(**fields: Any) -> Message:
    message = make_message(MessageState.SENDING_ASYNC, MessageType.SMS, lease_until=None, provider_id="SM1")
    Message.objects.filter(pk=message.pk).update(receipt_due_at=message.created_at, **fields)
    return message


def call(message: Message, status: str, *, token: str = TOKEN, signed_for: str = "", **more: str) -> Any:
    form = {"MessageSid": "SM1", "MessageStatus": status, "AccountSid": "AC1", **more}
    address = receipt_address(BASE, message.key)
    signature = RequestValidator(token).compute_signature(signed_for or address, form)
    headers = {"X-Twilio-Signature": signature, "Host": "anything.example.net"}
    return Client(enforce_csrf_checks=True).post(address.removeprefix(BASE), form, headers=headers)


def test_the_address_that_twilio_is_given_is_this_page() -> None:
    message = under_way()
    assert receipt_address(BASE, message.key) == BASE + reverse("receipt-twilio", args=[message.key])


def test_a_signed_receipt_moves_the_message_on(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    message = under_way()
    assert call(message, "delivered").status_code == 204
    message.refresh_from_db()
    assert (message.state, message.receipt_status) == (MessageState.SENT, ReceiptStatus.DELIVERED)
    assert call(message, "delivered").status_code == 204
    assert message.receipts.count() == 1


@pytest.mark.parametrize(
    "forgery",
    [
        {"token": "another"},
        {"signed_for": "https://commlog.example.org/receipts/twilio/"},
        {"signed_for": BASE},
    ],
)
def test_a_forged_receipt_is_refused_and_leaves_no_row(settings: Any, forgery: dict[str, str]) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    message = under_way()
    assert call(message, "delivered", **forgery).status_code == 403
    assert not DeliveryReceipt.objects.exists()
    message.refresh_from_db()
    assert message.state == MessageState.SENDING_ASYNC


@pytest.mark.parametrize("missing", ["RECEIPTS_URL", "TWILIO_AUTH_TOKEN"])
def test_where_no_receipts_are_asked_for_none_is_believed(settings: Any, missing: str) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    setattr(settings, missing, "")
    assert (
        call(under_way(), "delivered", token=TOKEN if missing == "RECEIPTS_URL" else "x").status_code == 403
    )


def test_what_is_of_no_use_is_not_repeated_for_ever(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert call(under_way(), "queued").status_code == 204
    assert call(under_way(), "a word of tomorrow").status_code == 204
    assert not DeliveryReceipt.objects.exists()


def test_a_message_that_does_not_exist(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert call(Message(key=uuid4()), "sent").status_code == 404


def test_hostile_fields_are_stored_as_text(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    message = under_way()
    assert (
        call(message, "failed", ErrorCode="3" * 99, ErrorMessage="<script>\0\u202e" + "x" * 9_000).status_code
        == 204
    )
    stored = message.receipts.get()
    assert (stored.code, len(stored.detail), "\0" in stored.detail) == ("3" * 20, 500, False)


# --- pages --------------------------------------------------------------------------------------------------


def shown(pages: Client, message: Message) -> tuple[str, str]:
    """The line in the log and the message's page."""
    answers: list[HttpResponse] = [
        pages.get("/communications/"),
        pages.get(f"/communications/{message.key.hex}/"),
    ]
    log, page = (" ".join(answer.text.split()) for answer in answers)
    return log, page


def test_waiting_for_a_receipt_is_said(pages: Client) -> None:
    for text in shown(pages, under_way()):
        assert "aiting for its receipt" in text


def test_an_sms_of_unknown_outcome_that_was_delivered_loses_plain_resend(pages: Client) -> None:
    message = make_message(MessageState.FAILED, MessageType.SMS, outcome=Outcome.UNKNOWN)
    assert ">Resend<" in shown(pages, message)[1]
    receipts.record(message.key, ReceiptStatus.DELIVERED, provider_id="SM1")
    log, page = shown(pages, message)
    for text in (log, page):
        assert ">Resend<" not in text
        assert ">Resend anyway<" in text
    assert "delivered, receipt " in log
    assert "It was delivered after all." in page
    assert "Nothing to do" in page
    assert "Ask the recipient" not in page
    assert "It may have been delivered." not in page


@pytest.mark.parametrize(
    ("type", "status"),
    [(MessageType.SMS, ReceiptStatus.UNDELIVERED), (MessageType.EMAIL, ReceiptStatus.BOUNCED)],
)
def test_what_was_lost_after_it_was_sent_can_be_sent_anew(
    pages: Client, type: MessageType, status: ReceiptStatus
) -> None:
    message = make_message(MessageState.SENT, type, provider_id="id")
    assert "Edit and resend" not in shown(pages, message)[1]
    receipts.record(message.key, status, provider_id="id", code="30005", detail="Unknown destination")
    log, page = shown(pages, message)
    assert f"{status.label}, receipt " in log
    for said in ("It did not arrive.", "Edit and resend", "30005 Unknown destination"):
        assert said in page
    form = pages.get(f"/communications/{message.key.hex}/send-anew/")
    assert form.status_code == 200


def test_sent_without_a_receipt_says_so(pages: Client) -> None:
    message = under_way()
    while receipts.expire(message.created_at):
        pass
    log, page = shown(pages, message)
    assert "no receipt" in log
    assert "No receipt" in page
