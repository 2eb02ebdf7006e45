"""Claims, permits and leases: what happens when a worker is lost, or too late."""

from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from bench.standins import StandIns
from notifications import outbox
from notifications.channels import DeliveryError, Receipt
from notifications.delivery import claims, leases, results
from notifications.delivery.claims import LEASE, Claim
from notifications.delivery.results import NotStarted, Result
from notifications.failures import Reason
from notifications.models import Attempt, Message
from notifications.outbox import Draft
from notifications.process import CLUSTER, this_process
from notifications.states import MessageState, MessageType, Outcome

pytestmark = pytest.mark.django_db

LATER = LEASE + timedelta(seconds=1)


def enqueued(channel: MessageType = MessageType.EMAIL) -> Message:
    destination = "ana@example.org" if channel == MessageType.EMAIL else "+491701234567"
    return outbox.enqueue(
        Draft(channel, destination=destination, subject="s" if channel == MessageType.EMAIL else "", body="b")
    )


def claimed(message: Message, now: datetime) -> Claim:
    (claim,) = claims.claim(message.lane_id, 50, now=now)
    return claim


def accepted(claim: Claim, now: datetime) -> Result:
    return Result(claim, Receipt(provider_id="id", detail="250 ok"), now, now)


def named(name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Claim from now on as a worker of the cluster of that name."""
    monkeypatch.setenv(CLUSTER, name)
    return this_process.name()


@pytest.fixture
def now(providers: StandIns) -> datetime:
    return timezone.now() + timedelta(seconds=1)


def test_a_claim_opens_an_attempt_before_anything_is_sent(now: datetime) -> None:
    message = enqueued()

    claim = claimed(message, now)

    message.refresh_from_db()
    attempt = message.attempts.get()
    assert (message.state, message.token, message.lease_until, message.due_at) == (
        MessageState.SENDING_ASYNC,
        1,
        now + LEASE,
        None,
    )
    assert (attempt.pk, attempt.number, attempt.outcome, attempt.permitted_at, attempt.finished_at) == (
        claim.attempt_id,
        1,
        "",
        None,
        None,
    )


def test_a_claimed_message_is_not_claimed_again(now: datetime) -> None:
    message = enqueued()
    claimed(message, now)

    assert claims.claim(message.lane_id, 50, now=now) == []


def test_what_is_not_due_is_not_claimed(now: datetime) -> None:
    message = enqueued()

    assert claims.claim(message.lane_id, 50, now=message.due_at - timedelta(microseconds=1)) == []


def test_a_permit_is_taken_once(now: datetime) -> None:
    claim = claimed(enqueued(), now)

    assert claims.permit([claim], now=now) == [claim]
    assert claims.permit([claim], now=now + timedelta(seconds=1)) == []


def test_a_lapsed_lease_gives_no_permit(now: datetime) -> None:
    claim = claimed(enqueued(), now)

    assert claims.permit([claim], now=now + LATER) == []


def test_only_the_permitted_of_several_are_sent(now: datetime) -> None:
    first, second = enqueued(), enqueued()
    one, two = claims.claim(first.lane_id, 50, now=now)
    claims.permit([one], now=now)

    assert claims.permit([one, two], now=now + timedelta(seconds=1)) == [two]
    assert {one.message_id, two.message_id} == {first.pk, second.pk}


def test_an_attempt_that_was_closed_is_not_closed_again(now: datetime) -> None:
    message = enqueued()
    claim = claimed(message, now)
    claims.permit([claim], now=now)
    Attempt.objects.update(outcome=Outcome.UNKNOWN, finished_at=now)  # without its message, which cannot be

    with pytest.raises(RuntimeError, match="0 of 1 open attempts were closed"), transaction.atomic():
        results.record([accepted(claim, now)])

    assert Attempt.objects.get().outcome == Outcome.UNKNOWN
    assert Message.objects.get(pk=message.pk).state == MessageState.SENDING_ASYNC


def test_a_renewed_lease_goes_on(now: datetime) -> None:
    message = enqueued()
    claim = claimed(message, now)

    claims.renew([claim], now=now + timedelta(seconds=10))

    assert claims.permit([claim], now=now + LATER) == [claim]
    assert leases.recover(now + LATER) == 0


def test_lost_before_its_permit_is_provably_unsent_and_due_again(now: datetime) -> None:
    message = enqueued()
    claimed(message, now)

    assert leases.lapsed(now + LATER)
    assert leases.recover(now + LATER) == 1

    message.refresh_from_db()
    assert (message.state, message.due_at, message.failures, message.abandons) == (
        MessageState.WAITING,
        now + LATER,
        0,
        1,
    )
    assert (message.attempts.get().outcome, message.outcome, message.possible_duplicate) == (
        Outcome.ABANDONED,
        "",
        False,
    )


def test_where_a_worker_is_dead_what_it_was_sending_waits_for_no_lease(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, alive = enqueued(), enqueued()
    dead = named("dead", monkeypatch)
    (sending,) = claims.claim(sent.lane_id, 1, now=now)
    named("alive", monkeypatch)
    claims.permit([sending, claimed(alive, now)], now=now)

    ended = leases.end_those_of([dead], now)
    recovered = leases.recover(now + timedelta(milliseconds=1))

    assert (ended, recovered) == (1, 1)
    states = [
        (message.state, message.outcome)
        for message in (Message.objects.get(pk=each.pk) for each in (sent, alive))
    ]
    assert states == [(MessageState.WAITING, Outcome.UNKNOWN), (MessageState.SENDING_ASYNC, "")]


def test_where_a_worker_is_dead_what_it_had_only_claimed_waits_for_seconds_and_is_counted(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    message, alive = enqueued(), enqueued()
    dead = named("dead", monkeypatch)
    claims.claim(message.lane_id, 1, now=now)
    named("alive", monkeypatch)
    claimed(alive, now)

    ended = leases.end_those_of([dead], now)
    recovered = [leases.recover(now + timedelta(seconds=seconds)) for seconds in (4, 6)]

    assert (ended, recovered) == (1, [0, 1])
    message.refresh_from_db()
    assert (message.state, message.abandons, message.attempts.get().outcome) == (
        MessageState.WAITING,
        1,
        Outcome.ABANDONED,
    )
    assert Message.objects.get(pk=alive.pk).lease_until == now + LEASE


def test_a_lease_that_ends_sooner_than_a_dead_worker_would_let_it_is_not_made_longer(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = named("dead", monkeypatch)
    message = enqueued()
    claimed(message, now)

    leases.end_those_of([dead], now + LEASE - timedelta(seconds=1))

    message.refresh_from_db()
    assert message.lease_until == now + LEASE


def test_a_message_that_kills_its_workers_fails_at_the_third(now: datetime) -> None:
    message = enqueued()
    for _ in range(3):
        claimed(message, now)
        now += LATER
        leases.recover(now)

    message.refresh_from_db()
    assert (message.state, message.failure_reason, message.retries) == (MessageState.FAILED, Reason.OTHER, 0)
    assert [attempt.outcome for attempt in message.attempts.all()] == [Outcome.ABANDONED] * 3


def test_what_was_lost_with_its_worker_is_claimed_alone_so_that_it_takes_no_others_with_it(
    now: datetime,
) -> None:
    lane = enqueued().lane_id
    enqueued()
    claims.claim(lane, 2, now=now)
    others = [enqueued().pk, enqueued().pk]
    leases.recover(later := now + LATER)

    held = [
        {each.message_id for each in claims.claim(lane, 50, now=later, suspects=suspects)}
        for suspects in (False, False, True, True, True)
    ]

    assert held[0] == set(others)  # due the longest
    assert [len(each) for each in held] == [2, 0, 1, 1, 0]


def test_lost_after_its_permit_is_unknown_retried_and_marked(now: datetime) -> None:
    message = enqueued()
    claims.permit([claimed(message, now)], now=now)

    leases.recover(now + LATER)

    message.refresh_from_db()
    assert (message.state, message.outcome, message.possible_duplicate) == (
        MessageState.WAITING,
        Outcome.UNKNOWN,
        True,
    )
    assert (message.attempts.get().outcome, message.failures) == (Outcome.UNKNOWN, 1)


def test_an_sms_lost_after_its_permit_is_not_sent_again_by_itself(now: datetime) -> None:
    message = enqueued(MessageType.SMS)
    claims.permit([claimed(message, now)], now=now)

    leases.recover(now + LATER)

    message.refresh_from_db()
    assert (message.state, message.outcome) == (MessageState.FAILED, Outcome.UNKNOWN)
    assert message.may_have_been_delivered


REFUSED = DeliveryError(Reason.MESSAGING_EXCEPTION, "451")


@pytest.mark.parametrize("answer", [Receipt(provider_id="id", detail="250 ok"), REFUSED])
def test_a_late_result_is_kept_on_its_attempt_and_changes_no_message(
    now: datetime, answer: Receipt | DeliveryError
) -> None:
    message = enqueued()
    late = claimed(message, now)
    claims.permit([late], now=now)
    now += LATER
    leases.recover(now)
    second = claimed(message, now)

    results.record([Result(late, answer, now, now)])

    message.refresh_from_db()
    attempt = Attempt.objects.get(pk=late.attempt_id)
    came = Outcome.REFUSED if isinstance(answer, DeliveryError) else Outcome.ACCEPTED
    assert (attempt.outcome, attempt.late_outcome, attempt.late_at) == (Outcome.UNKNOWN, came, now)
    assert (message.state, message.token) == (MessageState.SENDING_ASYNC, second.token)


def test_a_late_result_does_not_touch_a_final_message(now: datetime) -> None:
    message = enqueued()
    late = claimed(message, now)
    claims.permit([late], now=now)
    now += LATER
    leases.recover(now)
    results.record([accepted(claimed(message, now), now)])

    results.record([Result(late, REFUSED, now, now)])

    message.refresh_from_db()
    assert (message.state, message.outcome, message.possible_duplicate) == (
        MessageState.SENT,
        Outcome.ACCEPTED,
        True,
    )
    assert [attempt.outcome for attempt in message.attempts.all()] == [Outcome.UNKNOWN, Outcome.ACCEPTED]


def test_good_and_late_results_in_one_batch(now: datetime) -> None:
    first, second = enqueued(), enqueued()
    one, two = claims.claim(first.lane_id, 50, now=now)
    claims.permit([one, two], now=now)
    Message.objects.filter(pk=one.message_id).update(lease_until=now - timedelta(seconds=1))
    leases.recover(now)

    results.record([accepted(one, now), accepted(two, now)])

    assert sorted(Message.objects.values_list("state", flat=True)) == [
        MessageState.SENT,
        MessageState.WAITING,
    ]
    assert second.lane_id == first.lane_id


def test_a_permit_given_back_uses_no_retry(now: datetime) -> None:
    message = enqueued()
    claim = claimed(message, now)
    claims.permit([claim], now=now)

    results.record([Result(claim, NotStarted(), now, now)])

    message.refresh_from_db()
    attempt = message.attempts.get()
    assert (message.state, message.failures, message.due_at) == (MessageState.WAITING, 0, now)
    assert (attempt.outcome, attempt.started_at) == (Outcome.ABANDONED, None)
