"""What providers report later: an SMS waits for it, in any order, repeated, too early, too late or never."""

import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from bench.standins import StandIns
from notifications import channels, outbox, receipts
from notifications.delivery import drain, lapsed
from notifications.failures import Reason
from notifications.models import DeliveryReceipt, Message
from notifications.outbox import Draft, NotResendable, enqueue
from notifications.retry import RetryPolicy
from notifications.states import MessageState, MessageType, Outcome, ReceiptStatus
from tests.factories import make_lane, make_message, officer, set_up_channels

pytestmark = pytest.mark.django_db(transaction=True)

SENDING, SENT, FAILED, WAITING = (
    MessageState.SENDING_ASYNC,
    MessageState.SENT,
    MessageState.FAILED,
    MessageState.WAITING,
)
PASSED_ON, DELIVERED, UNDELIVERED, REFUSED = (
    ReceiptStatus.PASSED_ON,
    ReceiptStatus.DELIVERED,
    ReceiptStatus.UNDELIVERED,
    ReceiptStatus.FAILED,
)


@pytest.fixture
def gateway(providers: StandIns, settings: Any) -> StandIns:
    """A Twilio that is asked for receipts."""
    settings.RECEIPTS_URL = "https://receipts.example.org"
    channels.close_all()
    return providers


def accepted_sms(number: str = "+4917012345678") -> Message:
    """An SMS that the gateway has, and will report about."""
    message = enqueue(Draft(type=MessageType.SMS, destination=number, body="Your code"))
    drain(MessageType.SMS)
    message.refresh_from_db()
    return message


def report(message: Message, status: ReceiptStatus, **more: Any) -> Message:
    assert receipts.record(message.key, status, **({"provider_id": message.provider_id} | more))
    message.refresh_from_db()
    return message


def later(seconds: float) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)


def test_an_accepted_sms_is_under_way_until_its_receipt_and_in_nobodys_hands(gateway: StandIns) -> None:
    message = accepted_sms()
    assert (message.state, message.lease_until, message.due_at, message.sent_at) == (
        SENDING,
        None,
        None,
        None,
    )
    assert message.receipt_due_at is not None
    assert not lapsed(later(3600))
    assert message.attempts.get().outcome == Outcome.ACCEPTED
    (entry,) = gateway.journal("SMS")
    assert entry["callback"] == f"https://receipts.example.org/receipts/twilio/{message.key.hex}/"


def test_without_a_receipts_address_it_is_sent_once_it_is_accepted(providers: StandIns) -> None:
    assert (accepted_sms().state, providers.journal("SMS")[0]["callback"]) == (SENT, "")


@pytest.mark.parametrize("status", [PASSED_ON, DELIVERED, ReceiptStatus.READ])
def test_a_good_receipt_makes_it_sent(gateway: StandIns, status: ReceiptStatus) -> None:
    message = report(accepted_sms(), status)
    assert (message.state, message.receipt_status, message.outcome) == (SENT, status, Outcome.ACCEPTED)
    assert message.sent_at == message.receipt_at == message.receipts.get().received_at


def test_a_failed_receipt_enters_the_retry_policy(gateway: StandIns, quick_retries: RetryPolicy) -> None:
    message = report(accepted_sms(), REFUSED, code="30008", detail="Unknown error")
    assert (message.state, message.failures, message.receipt_due_at, message.lease_until) == (
        WAITING,
        1,
        None,
        None,
    )
    assert (message.failure_reason, message.failure_cause) == (
        Reason.SMS_NOT_SENT,
        "Receipt: not sent. 30008 Unknown error",
    )

    drain(MessageType.SMS)
    message.refresh_from_db()
    assert (message.state, message.receipt_status, message.attempt_count) == (SENDING, "", 2)
    assert report(message, DELIVERED).state == SENT


def test_failed_receipts_end_as_failed_when_the_retries_are_used_up(gateway: StandIns, settings: Any) -> None:
    settings.RETRY_POLICIES = {MessageType.SMS: RetryPolicy(enabled=False)}
    message = report(accepted_sms(), REFUSED)
    assert (message.state, message.outcome, message.receipt_status) == (FAILED, Outcome.REFUSED, REFUSED)


def test_what_never_will_be_delivered_is_not_retried_where_the_operator_says_so(
    gateway: StandIns, settings: Any
) -> None:
    settings.RETRY_POLICIES = {MessageType.SMS: RetryPolicy(permanent=False)}
    assert report(accepted_sms(), REFUSED, code="30006").state == FAILED
    assert report(accepted_sms(), REFUSED, code="30008").state == WAITING


def test_not_delivered_is_believed_after_a_grace_because_passed_on_may_be_late(
    gateway: StandIns, quick_retries: RetryPolicy
) -> None:
    lost, overtaken = report(accepted_sms(), UNDELIVERED), report(accepted_sms(), UNDELIVERED)
    assert report(overtaken, PASSED_ON).state == SENT
    assert overtaken.was_lost

    assert lost.state == SENDING
    assert receipts.expire(later(5)) == 0
    assert receipts.overdue(later(11))
    assert receipts.expire(later(11)) == 1
    lost.refresh_from_db()
    assert (lost.state, lost.receipt_status) == (WAITING, UNDELIVERED)


def test_without_any_receipt_it_is_sent_at_last_and_says_so(gateway: StandIns, settings: Any) -> None:
    message = accepted_sms()
    assert receipts.expire(later(settings.RECEIPT_TIMEOUT - 5)) == 0
    assert receipts.expire(later(settings.RECEIPT_TIMEOUT + 1)) == 1
    message.refresh_from_db()
    assert (message.state, message.receipt_status, message.has_no_receipt) == (SENT, "", True)
    assert message.sent_at == message.attempts.get().finished_at

    assert not report(message, DELIVERED).has_no_receipt


def test_a_receipt_that_overtakes_the_answer_is_not_forgotten(gateway: StandIns) -> None:
    message = enqueue(Draft(type=MessageType.SMS, destination="+4917012345678", body="Your code"))
    original = channels.get(MessageType.SMS).send

    def reported_first(envelope: channels.Envelope) -> Any:
        answer = original(envelope)
        assert isinstance(answer, channels.Accepted)
        receipts.record(message.key, DELIVERED, provider_id=answer.provider_id)
        return answer

    channels.get(MessageType.SMS).send = reported_first  # type: ignore[method-assign]
    drain(MessageType.SMS)
    message.refresh_from_db()
    assert (message.state, message.receipt_status) == (SENT, DELIVERED)


def test_a_receipt_of_an_earlier_try_moves_nothing(gateway: StandIns) -> None:
    message = report(accepted_sms(), REFUSED, provider_id="SM" + "0" * 32)
    assert (message.state, message.receipt_status) == (SENDING, "")
    assert message.receipts.count() == 1


def test_a_late_receipt_is_kept_and_changes_no_state(gateway: StandIns) -> None:
    message = report(report(accepted_sms(), PASSED_ON), UNDELIVERED, code="30005")
    assert (message.state, message.receipt_status, message.was_lost, message.arrived) == (
        SENT,
        UNDELIVERED,
        True,
        False,
    )
    assert [each.status for each in message.receipts.all()] == [PASSED_ON, UNDELIVERED]


def test_an_unknown_message_leaves_no_row() -> None:
    assert not receipts.record(UUID(int=1), DELIVERED)
    assert not DeliveryReceipt.objects.exists()


# --- what a receipt proves ----------------------------------------------------------------------------------


def test_an_sms_of_unknown_outcome_that_is_reported_delivered_is_not_resent_without_insisting(
    settings: Any,
) -> None:
    set_up_channels(settings)
    unknown = make_message(
        FAILED, MessageType.SMS, outcome=Outcome.UNKNOWN, failure_reason=Reason.SMS_CONNECTION_EXCEPTION
    )
    assert unknown.may_have_been_delivered
    report(unknown, DELIVERED, provider_id="SM1")
    assert (unknown.state, unknown.may_have_been_delivered, unknown.arrived) == (FAILED, False, True)
    with pytest.raises(NotResendable, match="It was already delivered"):
        outbox.resend(unknown, by=officer())
    assert outbox.resend(unknown, by=officer(), again=True).created


def test_it_is_left_out_of_what_is_not_yet_delivered() -> None:
    proven, plain = (make_message(FAILED, MessageType.SMS, outcome=Outcome.UNKNOWN) for _ in range(2))
    report(proven, DELIVERED, provider_id="SM1")
    assert list(Message.objects.failed().unanswered()) == [plain]


def test_a_chain_whose_last_entry_was_lost_counts_as_not_delivered() -> None:
    failed = make_message(FAILED, MessageType.SMS)
    resent = make_message(SENT, MessageType.SMS, first=failed, resend_of=failed, provider_id="SM1")
    assert not Message.objects.failed().unanswered()
    report(resent, UNDELIVERED)
    assert list(Message.objects.failed().unanswered()) == [failed]


def test_a_lost_message_can_be_written_anew_but_not_resent() -> None:
    lost = make_message(SENT, MessageType.SMS, provider_id="SM1")
    writer = officer()
    draft = Draft(
        type=MessageType.SMS, destination="+4917012345679", body="Anew", sender=writer, key=UUID(int=7)
    )
    with pytest.raises(NotResendable):
        outbox.send_once(draft, instead_of=lost)
    report(lost, UNDELIVERED)
    with pytest.raises(NotResendable):
        outbox.resend(lost, by=writer)
    anew = outbox.send_once(draft, instead_of=lost)
    assert (anew.created, anew.message.resend_of) == (True, lost)


# --- ten thousand -------------------------------------------------------------------------------------------

_LIVES = (
    [PASSED_ON, DELIVERED],
    [PASSED_ON, UNDELIVERED],
    [REFUSED],
    [UNDELIVERED],
    [PASSED_ON],
    [PASSED_ON, DELIVERED, ReceiptStatus.READ],
)


def awaiting(lives: int) -> list[Message]:
    """So many messages of each kind of life, all waiting for their receipts."""
    lane, now = make_lane(MessageType.SMS, "twilio"), timezone.now()
    common = {
        "type": MessageType.SMS,
        "state": SENDING,
        "lane": lane,
        "destination": "+4917012345678",
        "sender": "Mambu",
        "token": 1,
    }
    common |= {"created_at": now, "receipt_due_at": now + timedelta(seconds=600)}
    return Message.objects.bulk_create(
        [Message(**common, provider_id=f"SM{number}") for number in range(lives * len(_LIVES))]
    )


def ends(messages: list[Message], stream: list[tuple[Message, ReceiptStatus]]) -> list[tuple[str, str]]:
    for message, status in stream:
        receipts.record(message.key, status, provider_id=message.provider_id)
    while receipts.expire(later(11)):
        pass
    found = Message.objects.in_bulk([message.pk for message in messages])
    return [(found[message.pk].state, found[message.pk].receipt_status) for message in messages]


@pytest.mark.skipif(
    connection.vendor == "postgresql",
    reason="thousands of savepoints are slow there; the tests above run on both",
)
@pytest.mark.django_db  # in one transaction: thousands of them are slow on SQLite
def test_a_thousand_shuffled_and_doubled_receipts_end_as_sorted_ones_do(settings: Any) -> None:
    settings.RETRY_POLICIES = {MessageType.SMS: RetryPolicy(enabled=False)}
    one_of_each = awaiting(1)
    in_order = ends(
        one_of_each,
        [(message, status) for message, life in zip(one_of_each, _LIVES, strict=True) for status in life],
    )
    assert in_order == [
        (SENT, DELIVERED),
        (SENT, UNDELIVERED),
        (FAILED, REFUSED),
        (FAILED, UNDELIVERED),
        (SENT, PASSED_ON),
        (SENT, "READ"),
    ]

    messages = awaiting(20)
    stream = [
        (message, status) for number, message in enumerate(messages) for status in _LIVES[number % 6]
    ] * 5
    random.Random(8).shuffle(stream)
    assert len(stream) == 1_000
    assert ends(messages, stream) == in_order * 20
