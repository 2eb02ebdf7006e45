"""A provider that asks for fewer messages gets fewer; none of them fails, and none uses up a retry."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.utils import timezone

from bench.hostile.servers import RateLimited, ScriptedSmtp
from bench.standins import StandIns
from notifications import channels, outbox, tasks
from notifications.channels.base.contract import About, DeliveryError, Envelope, Receipt
from notifications.database.clock import db_now
from notifications.delivery import throttle_detection
from notifications.delivery.claims import Claim
from notifications.delivery.results import Result
from notifications.failures import Reason
from notifications.lanes import openings
from notifications.models import Attempt, Lane, Message
from notifications.outbox import Draft
from notifications.states import Circuit, MessageState, MessageType, Outcome, WaitingReason
from tests.factories import make_attempt, make_lane, make_message

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.get_fixed_timezone(0))


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def room(lane: Lane, at: datetime) -> int:
    """How many of the lane's messages may leave at that moment."""
    return next((opening.room for opening in openings.openings(at) if opening.lane_id == lane.pk), 0)


def slow_down(lane: Lane, **options: Any) -> None:
    """As with a result, in its transaction."""
    with transaction.atomic():
        openings.slow_down(lane.pk, **options)


@pytest.fixture
def busy() -> Lane:
    """A lane with much to send, of which thirty were accepted in the last second."""
    lane = make_lane()
    for _ in range(3):
        make_message(due_at=NOW - seconds(60))
    for _ in range(30):
        attempt = make_attempt(make_message(MessageState.SENT), Outcome.ACCEPTED)
        Attempt.objects.filter(pk=attempt.pk).update(finished_at=NOW - seconds(0.5))
    return lane


def test_a_lane_goes_on_below_what_was_accepted_and_grows_slowly(busy: Lane) -> None:
    assert room(busy, NOW) == 200
    slow_down(busy, now=NOW)
    busy.refresh_from_db()

    assert busy.pace == pytest.approx(27)
    # A quarter of a second's.
    assert [room(busy, NOW), room(busy, NOW + seconds(0.1)), room(busy, NOW + seconds(60))] == [0, 2, 22]
    assert room(busy, NOW + seconds(3_600)) == 200


def test_what_is_answered_just_after_slows_down_no_further(busy: Lane) -> None:
    slow_down(busy, now=NOW)
    slow_down(busy, now=NOW + seconds(0.9))
    busy.refresh_from_db()
    assert busy.pace == pytest.approx(27)
    slow_down(busy, now=NOW + seconds(4))  # nothing was accepted in the last two seconds
    busy.refresh_from_db()
    assert busy.pace == 1


def test_a_limit_set_by_hand_is_the_upper_bound(busy: Lane) -> None:
    Lane.objects.filter(pk=busy.pk).update(rate=8)
    slow_down(busy, now=NOW)
    assert room(busy, NOW + seconds(10)) == 2
    Lane.objects.filter(pk=busy.pk).update(rate=None)
    assert room(busy, NOW + seconds(10)) == 8


def test_a_rest_that_the_provider_asks_for_is_kept(busy: Lane) -> None:
    slow_down(busy, rest=10, now=NOW)
    assert [room(busy, NOW + seconds(9)), room(busy, NOW + seconds(12)) > 0] == [0, True]


@pytest.fixture
def mail(providers: StandIns, settings: Any, request: pytest.FixtureRequest) -> Iterator[RateLimited]:
    """A mail server that takes twenty a second, and says so in its own way."""
    server = RateLimited(20, *request.param)
    settings.EMAIL_PORT = server.port
    channels.close_all()
    yield server
    channels.close_all()
    server.close()


@pytest.mark.parametrize(
    "mail",
    [
        ("dot", "454 Throttling failure: Maximum sending rate exceeded."),
        ("mail", "451 4.7.1 Rate limit exceeded"),
        ("mail", "421 4.7.0 Too much, closing connection"),
        ("dot", "432 slow down"),
    ],
    indirect=True,
)
def test_nothing_fails_of_what_a_server_asks_to_have_later(mail: RateLimited) -> None:
    outbox.enqueue_many(
        [
            Draft(MessageType.EMAIL, destination=f"c{number}@example.org", subject="s", body="b")
            for number in range(60)
        ]
    )
    until = time.monotonic() + 60
    while Message.objects.exclude(state=MessageState.SENT).exists() and time.monotonic() < until:
        tasks.drain("EMAIL")
        time.sleep(0.05)

    assert set(Message.objects.values_list("state", "failures")) == {(MessageState.SENT, 0)}
    assert len(mail.mails) == 60
    assert mail.refused > 0
    lane = Lane.objects.get()
    assert lane.pace is not None
    assert lane.circuit == Circuit.CLOSED


@pytest.mark.parametrize("mail", [("dot", "454 Throttling failure")], indirect=True)
def test_what_waits_for_a_slow_lane_says_so(mail: RateLimited) -> None:
    mail.rate = mail._room = 0
    message = outbox.enqueue(Draft(MessageType.EMAIL, destination="c@example.org", subject="s", body="b"))
    before = db_now()
    tasks.drain("EMAIL")
    message.refresh_from_db()

    assert (message.state, message.waiting_reason, message.failures) == (
        MessageState.WAITING,
        WaitingReason.WAIT_FOR_CLOSE_CIRCUIT,
        0,
    )
    assert message.failure_cause.startswith("454 Throttling failure")
    assert message.due_at is not None
    assert message.due_at >= before + seconds(1)


@pytest.mark.parametrize("mail", [("dot", "454 Throttling failure")], indirect=True)
def test_a_message_that_is_put_off_for_ever_uses_up_its_retries(mail: RateLimited) -> None:
    mail.rate = mail._room = 0
    message = outbox.enqueue(Draft(MessageType.EMAIL, destination="c@example.org", subject="s", body="b"))
    Message.objects.filter(pk=message.pk).update(token=40)
    tasks.drain("EMAIL")
    message.refresh_from_db()
    assert message.failures == 1


# --- servers that do not say it ---


def answers(*said: tuple[str, str]) -> list[bool]:
    """Whether each answer, to that recipient, is taken for the lane's."""
    now, found = timezone.now(), []
    for recipient, words in said:
        envelope = Envelope(key=UUID(int=1), destination=recipient)
        claim = Claim(1, 1, 1, MessageType.EMAIL, 1, 0, "", False, envelope)
        refusal = DeliveryError(
            Reason.MESSAGING_EXCEPTION, words, about=About.RECIPIENT, temporary=words.startswith("4")
        )
        (read,) = throttle_detection.read([Result(claim, refusal if words else Receipt(), now, now)])
        found.append(isinstance(read.answer, DeliveryError) and read.answer.throttled)
    return found


def refused(count: int, words: str = "450 4.2.1 <{}> deferred, id 4X{}") -> list[tuple[str, str]]:
    return [(f"c{each}@example.org", words.format(f"c{each}@example.org", each)) for each in range(count)]


def test_the_same_temporary_refusal_of_five_recipients_is_about_the_lane() -> None:
    assert answers(*refused(7)) == [False] * 4 + [True] * 3


@pytest.mark.parametrize(
    "said",
    [
        [("a@example.org", "450 4.2.1 deferred")] * 9,  # one recipient, again and again
        [*refused(4), ("x@example.org", ""), *refused(4)],  # one was accepted between
        refused(9, "550 5.1.1 no such user {}"),  # for good
        [*refused(4), *refused(4, "451 4.7.1 greylisted {}")],  # two different ones
    ],
)
def test_what_does_not_make_a_refusal_the_lanes(said: list[tuple[str, str]]) -> None:
    assert not any(answers(*said))


def test_a_server_that_refuses_everybody_for_a_while_costs_no_message(
    providers: StandIns, settings: Any
) -> None:
    script = {"rcpt": "452 4.2.2 try again later"}
    server = ScriptedSmtp(script)
    settings.EMAIL_PORT = server.port
    channels.close_all()
    outbox.enqueue_many(
        [
            Draft(MessageType.EMAIL, destination=f"c{number}@example.org", subject="s", body="b")
            for number in range(10)
        ]
    )
    began = time.monotonic()
    while Message.objects.exclude(state=MessageState.SENT).exists() and time.monotonic() < began + 40:
        tasks.drain("EMAIL")
        if time.monotonic() > began + 3:
            script.clear()
        time.sleep(0.05)
    channels.close_all()
    server.close()
    assert set(Message.objects.values_list("state", flat=True)) == {MessageState.SENT}
    assert sum(Message.objects.values_list("failures", flat=True)) <= 8
