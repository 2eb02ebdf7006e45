"""The only door through which a message is made."""

from typing import Any

import pytest
from django.db import transaction

from bench.standins import StandIns
from notifications import outbox
from notifications.faults import Malformed
from notifications.models import Lane, Message
from notifications.outbox import Draft
from notifications.states import MessageState, MessageType
from tests.factories import make_client, make_group, officer

pytestmark = pytest.mark.django_db

EMAIL = Draft(MessageType.EMAIL, destination="ana@example.org", subject="Hello", body="Dear Ana")


def draft(channel: MessageType, **fields: Any) -> Draft:
    usual: dict[MessageType, dict[str, Any]] = {
        MessageType.EMAIL: {"destination": "ana@example.org", "subject": "Hello", "body": "Dear Ana"},
        MessageType.SMS: {"destination": "+49 170 1234567", "body": "Your code"},
        MessageType.WEB_HOOK: {
            "destination": "http://127.0.0.1:9/in",
            "body": "{}",
            "content_type": "APPLICATION_JSON",
        },
        MessageType.EVENT_STREAM: {
            "destination": "mrn.event.demo.streamingapi.client_approved",
            "body": "{}",
        },
    }
    return Draft(channel, **(usual[channel] | fields))


@pytest.mark.parametrize(
    ("channel", "state"),
    [
        (MessageType.EMAIL, MessageState.QUEUED),
        (MessageType.SMS, MessageState.QUEUED),
        (MessageType.WEB_HOOK, MessageState.QUEUED),
        (MessageType.EVENT_STREAM, MessageState.QUEUED_FOR_STREAM),
    ],
)
def test_a_message_is_born_queued_and_due_at_once(
    providers: StandIns, channel: MessageType, state: MessageState
) -> None:
    message = outbox.enqueue(draft(channel))

    message.refresh_from_db()
    assert message.state == state
    assert message.due_at == message.created_at
    assert message.sender == "Mambu"
    assert message.lane.channel == channel
    assert message.lane.name != ""


def test_a_number_is_kept_in_one_spelling(providers: StandIns) -> None:
    assert outbox.enqueue(draft(MessageType.SMS)).destination == "+491701234567"


@pytest.mark.parametrize(
    "pasted",
    [
        "\u202a+49 (0)170 1234567\u202c",
        "+49\u2011170\u20131234567",
        "tel:+49\u202f170\u20091234567.",
        "＋４９１７０１２３４５６７",
    ],
    ids=ascii,
)
def test_a_number_is_taken_as_it_was_pasted(providers: StandIns, pasted: str) -> None:
    assert outbox.enqueue(draft(MessageType.SMS, destination=pasted)).destination == "+491701234567"
    assert (
        outbox.enqueue(
            Draft(MessageType.SMS, body="Code", client=make_client(mobile_phone=pasted))
        ).destination
        == "+491701234567"
    )


def test_it_goes_to_the_recipient_s_address_and_keeps_the_recipient_s_name(providers: StandIns) -> None:
    client = make_client(first_names="Bo", last_name="Lind", email="bo@example.org")
    sender = officer()

    message = outbox.enqueue(
        Draft(MessageType.EMAIL, subject="Hello", body="Dear Bo", client=client, sender=sender)
    )
    client.last_name = "Renamed"
    client.save(update_fields=["last_name"])

    message.refresh_from_db()
    assert (message.destination, message.recipient_name, message.sender) == (
        "bo@example.org",
        "Bo Lind",
        "Ada Officer",
    )
    assert (message.client, message.sender_user) == (client, sender)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"type": MessageType.EMAIL, "client": {"email": ""}, "subject": "s"},
            "MISSING_EMAIL_RECIPIENT_ADDRESS",
        ),
        (
            {"type": MessageType.EMAIL, "client": {"email": "no address"}, "subject": "s"},
            "UNDEFINED_DESTINATION",
        ),
        ({"type": MessageType.SMS, "client": {"mobile_phone": ""}}, "MISSING_SMS_RECIPIENT"),
        ({"type": MessageType.SMS, "client": {"mobile_phone": "12"}}, "UNDEFINED_DESTINATION"),
        ({"type": MessageType.SMS, "destination": "+491701234567", "body": "x" * 1601}, "SMS_TOO_LONG"),
        (
            {
                "type": MessageType.EMAIL,
                "destination": "a@example.org",
                "subject": "s",
                "body": "x" * 1_048_577,
            },
            "MAX_MESSAGE_SIZE_LIMIT_EXCEEDED",
        ),
        ({"type": MessageType.WEB_HOOK, "destination": "http://10.0.0.1/in"}, "BLACKLISTED_URL"),
        (
            {
                "type": MessageType.WEB_HOOK,
                "destination": "http://127.0.0.1:9/",
                "content_type": "APPLICATION_JSON",
                "body": "{",
            },
            "INVALID_JSON_BODY_SYNTAX",
        ),
    ],
)
def test_what_can_never_be_sent_is_kept_as_failed_without_an_attempt(
    providers: StandIns, fields: dict[str, Any], reason: str
) -> None:
    if "client" in fields:
        fields = fields | {"client": make_client(**fields["client"])}

    message = outbox.enqueue(Draft(**({"body": "text"} | fields)))

    message.refresh_from_db()
    assert (message.state, message.failure_reason) == (MessageState.FAILED, reason)
    assert message.failure_cause != ""
    assert message.attempts.count() == 0


def test_a_channel_that_is_not_configured_fails_the_message_and_says_so() -> None:
    assert outbox.enqueue(EMAIL).failure_reason == "EMAIL_SERVICE_NOT_ENABLED"
    assert outbox.enqueue(draft(MessageType.SMS)).failure_reason == "SMS_SERVICE_NOT_ENABLED"
    assert outbox.enqueue(draft(MessageType.WEB_HOOK)).failure_reason == "INVALID_HTTP_PROTOCOL"


@pytest.mark.parametrize(
    ("channel", "fields", "field"),
    [
        (MessageType.EMAIL, {"destination": ""}, "destination"),
        (MessageType.EMAIL, {"destination": "not an address"}, "destination"),
        (MessageType.EMAIL, {"destination": "a@example.org, b@example.org"}, "destination"),
        (MessageType.EMAIL, {"destination": "a@example.org\nBcc: b@example.org"}, "destination"),
        (MessageType.EMAIL, {"subject": "Hello\nBcc: b@example.org"}, "subject"),
        (MessageType.EMAIL, {"body": "nul \0"}, "body"),
        (MessageType.EMAIL, {"body": "half \ud800"}, "body"),
        (MessageType.EMAIL, {"event": "loan repayment"}, "event"),
        (MessageType.EMAIL, {"method": "POST"}, "method"),
        (MessageType.SMS, {"destination": "0170 123"}, "destination"),
        (MessageType.WEB_HOOK, {"destination": "example.org/in"}, "destination"),
        (MessageType.WEB_HOOK, {"method": "DELETE"}, "method"),
        (MessageType.WEB_HOOK, {"content_type": "text/html"}, "contentType"),
        (MessageType.WEB_HOOK, {"auth_username": "a:b"}, "authUsername"),
        (MessageType.WEB_HOOK, {"auth_username": "a\nb"}, "authUsername"),
        (MessageType.WEB_HOOK, {"auth_username": "a", "auth_password": "b\x1f"}, "authPassword"),
        (MessageType.WEB_HOOK, {"headers": {"X-A": "1\r\nX-B: 2"}}, "headers"),
        (MessageType.WEB_HOOK, {"headers": {"X A": "1"}}, "headers"),
        (MessageType.EVENT_STREAM, {"destination": "a topic"}, "destination"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_field(
    providers: StandIns, channel: MessageType, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(Malformed) as refused:
        outbox.enqueue(draft(channel, **fields))

    assert refused.value.field == field
    assert Message.objects.count() == 0


def test_all_or_none(providers: StandIns) -> None:
    with pytest.raises(Malformed):
        outbox.enqueue_many([EMAIL, draft(MessageType.SMS, destination="nonsense")])

    assert Message.objects.count() == 0


def test_many_cost_few_statements(providers: StandIns, django_assert_num_queries: Any) -> None:
    outbox.enqueue(EMAIL)
    with django_assert_num_queries(2 if transaction.get_connection().vendor == "postgresql" else 7):
        outbox.enqueue_many([EMAIL] * 100)


@pytest.mark.django_db(transaction=True)
def test_a_lane_that_was_rolled_back_is_not_referred_to(providers: StandIns) -> None:
    with transaction.atomic():
        outbox.enqueue(EMAIL)
        transaction.set_rollback(True)
    assert Lane.objects.count() == 0

    outbox.enqueue(EMAIL)

    assert Message.objects.count() == 1


def test_a_group_s_message(providers: StandIns) -> None:
    group = make_group(email="market@example.org", name="Market women")

    message = outbox.enqueue(Draft(MessageType.EMAIL, subject="s", body="b", group=group))

    assert (message.destination, message.recipient_name) == ("market@example.org", "Market women")
