"""Messages that can only fail at once: the check that fails them at birth keeps them from being resent, and
no row is made.
"""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from notifications import outbox, sendable
from notifications.failures import Reason
from notifications.models import ChannelSwitch, Message
from notifications.outbox import Draft, Obstacle, Unsendable
from notifications.states import MessageState, MessageType
from tests.factories import make_client, make_message, make_resend, officer, set_up_channels

pytestmark = pytest.mark.django_db
FAILED = MessageState.FAILED
EMAIL, SMS, WEB_HOOK, STREAM = (
    MessageType.EMAIL,
    MessageType.SMS,
    MessageType.WEB_HOOK,
    MessageType.EVENT_STREAM,
)
URL = "https://hooks.example.org/in"
HOPELESS = [
    (Draft(EMAIL, body="Dear Ana"), Reason.MISSING_EMAIL_RECIPIENT_ADDRESS),
    (Draft(SMS, body="Dear Ana"), Reason.MISSING_SMS_RECIPIENT),
    (Draft(WEB_HOOK, body="{}"), Reason.UNDEFINED_DESTINATION),
    (Draft(EMAIL, "ana@example.org", body="\u200b "), Reason.OTHER),
    (Draft(SMS, "+4917012345678", body=" "), Reason.OTHER),
    (Draft(SMS, "+4917012345678", body="x" * 1601), Reason.SMS_TOO_LONG),
    (Draft(WEB_HOOK, "http://hooks.example.org/in", body="x"), Reason.INVALID_HTTP_PROTOCOL),
    (Draft(WEB_HOOK, "https://10.0.0.1/in", body="x"), Reason.BLACKLISTED_URL),
    (Draft(WEB_HOOK, URL, body="{", content_type="application/json"), Reason.INVALID_JSON_BODY_SYNTAX),
    (Draft(WEB_HOOK, URL, body="x" * 1_048_577), Reason.MAX_MESSAGE_SIZE_LIMIT_EXCEEDED),
    (Draft(STREAM, "loans", body="x" * 1_048_577), Reason.MAX_MESSAGE_SIZE_LIMIT_EXCEEDED),
]


@pytest.fixture(autouse=True)
def _channels_are_set_up(settings: Any) -> None:
    set_up_channels(settings)


def born(draft: Draft) -> Message:
    """The draft's message, for somebody without an address."""
    nobody = make_client(email="", mobile_phone="")
    return outbox.enqueue(
        Draft(
            **{name: getattr(draft, name) for name in ("type", "destination", "body", "content_type")},
            client=nobody,
        )
    )


@pytest.mark.parametrize(
    ("draft", "reason"),
    HOPELESS,
    ids=[f"{draft.type}-{reason}-{len(draft.body)}" for draft, reason in HOPELESS],
)
def test_what_failed_at_birth_and_still_would_is_not_resent_however_often_it_is_asked_for(
    draft: Draft, reason: Reason
) -> None:
    message = born(draft)
    assert (message.state, message.failure_reason) == (FAILED, reason)
    by = officer()
    for again in (False, True):
        with pytest.raises(
            Unsendable, match="Not resent, because it would fail again immediately"
        ) as refused:
            outbox.resend(message, by=by, again=again)
        assert refused.value.reason == reason
        assert outbox.resend_many([message.pk], by=by, again=again).results == {
            message.pk: Obstacle.UNSENDABLE
        }
    assert list(Message.objects.all()) == [message]
    assert reason in sendable.DOUBTFUL_REASONS


def test_an_address_that_came_since_is_the_recipients_and_not_the_messages() -> None:
    message = born(Draft(EMAIL, body="Dear Ana"))
    assert message.client is not None
    message.client.email = "ana@example.org"
    message.client.save(update_fields=["email"])
    with pytest.raises(Unsendable, match="Add the address on the recipient’s page"):
        outbox.resend(message, by=officer())
    anew = outbox.send_once(
        Draft(EMAIL, body="Dear Ana", client=message.client, sender=officer(), key=uuid4())
    )
    assert (anew.created, anew.message.state, anew.message.destination) == (
        True,
        MessageState.QUEUED,
        "ana@example.org",
    )


@pytest.mark.parametrize("kind", [EMAIL, SMS, WEB_HOOK, STREAM])
def test_while_its_channel_is_off_nothing_of_it_is_resent_and_afterwards_it_is(kind: MessageType) -> None:
    message = make_message(FAILED, kind)
    switch = ChannelSwitch.objects.create(channel=kind, enabled=False)
    assert list(sendable.closed()) == [kind]
    with pytest.raises(
        Unsendable, match=r"switched .* off\. Ask an administrator to switch it on, then resend"
    ):
        outbox.resend(message, by=officer())
    assert outbox.resend_many([message.pk], by=officer()).skipped == 1
    switch.delete()
    sendable.switches.forget()
    assert sendable.closed() == {}
    assert outbox.resend_many([message.pk], by=officer()).created == 1


def test_a_channel_that_is_not_set_up_is_closed(settings: Any) -> None:
    settings.EMAIL_HOST = settings.TWILIO_FROM = ""
    assert sendable.closed() == {EMAIL: Reason.EMAIL_SERVICE_NOT_ENABLED, SMS: Reason.SMS_SERVICE_NOT_ENABLED}


def test_a_setting_that_was_corrected_since_lets_it_go(settings: Any) -> None:
    message = born(Draft(WEB_HOOK, "http://hooks.example.org/in", body="x"))
    settings.WEBHOOK_ALLOW_HTTP = True
    sendable.channels.close_all()
    assert outbox.resend(message, by=officer()).message.state == MessageState.QUEUED


def test_what_is_under_way_or_was_delivered_is_said_first() -> None:
    under_way, delivered = (make_message(FAILED, destination="") for _ in range(2))
    live, sent = (
        make_resend(under_way, destination="ana@example.org"),
        make_resend(delivered, MessageState.SENT),
    )
    assert outbox.resend(under_way, by=officer()) == outbox.Resent(live, created=False)
    results = outbox.resend_many([under_way.pk, delivered.pk], by=officer()).results
    assert results == {under_way.pk: Obstacle.UNDER_WAY, delivered.pk: Obstacle.DELIVERED}
    assert sent.arrived


def test_what_a_webhooks_refusal_says_hides_the_secret_part_of_its_address() -> None:
    message = make_message(FAILED, WEB_HOOK, destination="http://hooks.example.org/in?token=hunter2")
    with pytest.raises(Unsendable) as refused:
        outbox.resend(message, by=officer())
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("rows", [1, 3])
def test_the_hopeless_among_many_cost_no_query(
    rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    by = officer()
    outbox.resend(make_message(FAILED), by=by)  # their lane exists
    pks = [
        make_message(FAILED, destination=destination).pk
        for _ in range(rows)
        for destination in ("", "ana@example.org")
    ]
    # As without them: a savepoint; roots, their locks, two for the chains; the texts, the lane, the new rows;
    # PostgreSQL's clock.
    with django_assert_num_queries(9 if connection.vendor == "sqlite" else 10):
        resent = outbox.resend_many(pks, by=by)
    assert (resent.created, resent.skipped) == (rows, rows)
    assert len(Message.objects.filter(resend_of__in=pks)) == rows
