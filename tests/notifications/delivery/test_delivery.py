"""Messages through the whole pipeline, to providers that really answer."""

import json
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from bench.standins import StandIns
from notifications import outbox, tasks
from notifications.channels import DeliveryError, Envelope, Receipt
from notifications.database.clock import db_now
from notifications.delivery import claims
from notifications.delivery.window import Call, send
from notifications.failures import Reason
from notifications.models import Attempt, Message, StreamEvent
from notifications.outbox import Draft
from notifications.retry import RetryPolicy
from notifications.states import MessageState, MessageType, Outcome
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)


def drafts(providers: StandIns, count: int) -> list[Draft]:
    made = []
    for number in range(count):
        made += [
            Draft(
                MessageType.EMAIL,
                destination=f"client{number}@example.org",
                subject=f"Statement {number}",
                body="Dear client",
            ),
            Draft(MessageType.SMS, destination=f"+4917012300{number:02}", body=f"Your code is {number}"),
            Draft(
                MessageType.WEB_HOOK,
                destination=providers.webhook_url(f"/in/{number}"),
                body=json.dumps({"n": number}),
            ),
            Draft(
                MessageType.EVENT_STREAM,
                destination="mrn.event.demo.streamingapi.client_approved",
                body=json.dumps({"n": number}),
            ),
        ]
    return made


def drain_all() -> None:
    """Turns on every channel until nothing is due any more (retries of the tests are due within 0.1 s)."""
    for channel in MessageType:
        while Message.objects.filter(type=channel).live().exists():
            tasks.drain(channel.value)


def test_each_message_is_sent_once_with_one_attempt(providers: StandIns) -> None:
    messages = outbox.enqueue_many(drafts(providers, 10))

    drain_all()

    sent = {message.key: message for message in Message.objects.prefetch_related("attempts")}
    assert {message.state for message in sent.values()} == {MessageState.SENT}
    for message in sent.values():
        (attempt,) = message.attempts.all()
        assert (attempt.number, attempt.outcome, message.outcome) == (1, Outcome.ACCEPTED, Outcome.ACCEPTED)
        assert (
            message.created_at
            <= attempt.opened_at
            <= attempt.started_at
            <= attempt.finished_at
            == message.sent_at
        )
        assert (message.retries, message.lease_until, message.due_at) == (0, None, None)
    for channel in ("EMAIL", "SMS", "WEB_HOOK"):
        destinations = [
            message.destination.removeprefix(providers.webhook_url("")[:-1])
            for message in messages
            if message.type == channel
        ]
        assert sorted(entry["destination"] for entry in providers.journal(channel)) == sorted(destinations)
    assert list(StreamEvent.objects.order_by("id").values_list("key", flat=True)) == [
        message.key for message in messages if message.type == MessageType.EVENT_STREAM
    ]


def test_a_turn_goes_on_while_messages_of_a_quick_lane_are_due(providers: StandIns) -> None:
    def due(count: int) -> None:
        outbox.enqueue_many(
            [
                Draft(MessageType.EMAIL, destination=f"client{number}@example.org", body="Dear")
                for number in range(count)
            ]
        )

    due(10)  # a lane counts as slow until it has shown to be quick
    drain_all()
    due(150)  # three claims
    assert tasks.drain("EMAIL") == 150


@pytest.mark.parametrize("channel", ["EMAIL", "SMS", "WEB_HOOK"])
def test_a_failing_provider_is_tried_six_times_then_the_message_is_failed(
    providers: StandIns, quick_retries: RetryPolicy, channel: str
) -> None:
    providers.outage(channel, on=True)
    message = outbox.enqueue(next(draft for draft in drafts(providers, 1) if draft.type == channel))

    drain_all()

    message.refresh_from_db()
    attempts = list(message.attempts.all())
    assert (message.state, message.outcome, message.retries) == (MessageState.FAILED, Outcome.REFUSED, 5)
    assert [attempt.number for attempt in attempts] == [1, 2, 3, 4, 5, 6]
    assert {attempt.outcome for attempt in attempts} == {Outcome.REFUSED}
    assert message.failure_reason == attempts[-1].failure_reason != ""
    assert message.failure_cause == attempts[-1].detail != ""
    assert (message.failure_meaning != "", message.failure_level != "") == (True, True)
    waits = [(later.due_at - earlier.finished_at).total_seconds() for earlier, later in pairwise(attempts)]
    assert waits == pytest.approx(quick_retries.waits(), abs=1e-5)
    assert all(attempt.started_at >= attempt.due_at for attempt in attempts)


def test_it_is_sent_when_the_provider_is_back(providers: StandIns, settings: Any) -> None:
    # More than a turn: on a busy machine one turn would use up all of the quicker retries.
    settings.RETRY_POLICIES = settings.RETRY_POLICIES | {MessageType.EMAIL: RetryPolicy(back_off_delay=0.5)}
    providers.outage("EMAIL", on=True)
    message = outbox.enqueue(drafts(providers, 1)[0])
    tasks.drain("EMAIL")
    providers.outage("EMAIL", on=False)

    drain_all()

    message.refresh_from_db()
    assert (message.state, message.failure_reason, message.failure_cause) == (MessageState.SENT, "", "")
    assert message.retries == message.attempts.count() - 1 > 0
    assert len({entry["key"] for entry in providers.journal("EMAIL")}) == 1


def test_a_failing_destination_does_not_keep_others_waiting(providers: StandIns) -> None:
    good = Draft(MessageType.EMAIL, destination="ana@example.org", subject="s", body="b")
    bad = Draft(MessageType.WEB_HOOK, destination=providers.webhook_url("/fail/503"), body="{}")
    outbox.enqueue_many([bad, good])

    tasks.drain("EMAIL")
    tasks.drain("WEB_HOOK")

    states = dict(Message.objects.values_list("type", "state"))
    assert states == {"EMAIL": MessageState.SENT, "WEB_HOOK": MessageState.WAITING}


class BrokenChannel:
    """A channel with a fault of its own."""

    type = MessageType.EMAIL
    width = permits = 1
    ahead = 0.0
    inline = False

    def lane(self, destination: str) -> str:
        return "broken"

    def ready(self) -> None:
        pass

    def check(self, envelope: Envelope) -> None:
        pass

    def send(self, envelope: Envelope) -> Receipt:
        raise ZeroDivisionError("a bug of ours")

    def close(self) -> None:
        pass


def test_an_error_that_nobody_foresaw_becomes_an_answer_that_says_it_may_have_been_sent(
    providers: StandIns, caplog: Any
) -> None:
    message = outbox.enqueue(drafts(providers, 1)[0])
    (claim,) = claims.claim(message.lane_id, 1, now=db_now())

    done = send(BrokenChannel(), Call(claim, submitted=0.0, start_by=float("inf")))

    assert isinstance(done.answer, DeliveryError)
    assert (done.answer.reason, done.answer.outcome) == (Reason.OTHER, Outcome.UNKNOWN)
    assert "a bug of ours" in done.answer.detail
    assert "unforeseen error" in caplog.text


def test_a_turn_begins_by_bringing_lost_claims_back(providers: StandIns) -> None:
    message = outbox.enqueue(drafts(providers, 1)[0])
    now = db_now()
    claims.claim(message.lane_id, 1, now=now)
    Message.objects.filter(pk=message.pk).update(lease_until=now - timedelta(seconds=1))

    tasks.drain("EMAIL")

    message.refresh_from_db()
    assert message.state == MessageState.SENT
    assert [attempt.outcome for attempt in message.attempts.all()] == [Outcome.ABANDONED, Outcome.ACCEPTED]


def test_every_attempt_names_its_worker(providers: StandIns) -> None:
    outbox.enqueue(drafts(providers, 1)[0])

    drain_all()

    assert ":" in Attempt.objects.get().worker


def test_a_channel_is_told_whether_a_person_wrote_the_message(providers: StandIns) -> None:
    by_program = outbox.enqueue(
        Draft(MessageType.EMAIL, destination="ana@example.org", subject="x", body="y")
    )
    by_person = outbox.enqueue(
        Draft(MessageType.EMAIL, destination="ana@example.org", subject="x", body="y", sender=make_user())
    )
    found = claims.claim(by_program.lane_id or 0, 10, now=db_now())
    assert {each.message_id: each.envelope.by_person for each in found} == {
        by_program.pk: False,
        by_person.pk: True,
    }
