"""The usual round of a turn as one statement of PostgreSQL: it does what the steps do, or nothing."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.db import DataError, connection, transaction

from bench.standins import StandIns
from notifications import outbox
from notifications.channels import Accepted, DeliveryError, Receipt
from notifications.database.clock import db_now
from notifications.delivery import claims, fast_path, leases
from notifications.delivery.claims import Claim
from notifications.delivery.results import NotStarted, Result
from notifications.failures import Reason
from notifications.lanes.lane_health import minute_of
from notifications.models import Attempt, LaneTally, Message
from notifications.outbox import Draft
from notifications.process import this_process
from notifications.states import MessageState, MessageType, Outcome

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]


@pytest.fixture
def now(providers: StandIns) -> datetime:
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL only")
    return db_now() + timedelta(seconds=1)


def claimed(count: int, now: datetime) -> list[Claim]:
    made = outbox.enqueue_many(
        [Draft(MessageType.EMAIL, destination="ana@example.org", subject="s", body="b")] * count
    )
    return claims.claim(made[0].lane_id, count, now=now)


def accepted(claim: Claim, now: datetime) -> Result:
    return Result(claim, Receipt(provider_id="id", detail="250 ok"), now - timedelta(seconds=1), now)


def test_what_was_accepted_is_recorded_and_counted_and_the_next_are_permitted(now: datetime) -> None:
    one, two, three = claimed(3, now)
    assert fast_path.record_and_permit([], [one, two], now=now) == [one, two]

    assert fast_path.record_and_permit([accepted(one, now), accepted(two, now)], [three], now=now) == [three]

    message, attempt = Message.objects.get(pk=one.message_id), Attempt.objects.get(pk=one.attempt_id)
    assert (message.state, message.sent_at, message.lease_until, message.outcome) == (
        MessageState.SENT,
        now,
        None,
        Outcome.ACCEPTED,
    )
    assert (message.provider_id, attempt.provider_id, attempt.detail) == ("id", "id", "250 ok")
    assert (attempt.outcome, attempt.started_at, attempt.finished_at) == (
        Outcome.ACCEPTED,
        now - timedelta(seconds=1),
        now,
    )
    (tally,) = LaneTally.objects.all()
    assert (tally.outcome, tally.tries, tally.messages, tally.accepted_at) == (Outcome.ACCEPTED, 2, 2, now)
    assert (tally.retries, tally.final, tally.wait_2) == (0, 0, 2)
    assert 1_000 < tally.waited <= 2_000  # two of less than a second each
    assert (tally.lane_id, tally.minute, tally.worker) == (one.lane_id, minute_of(now), this_process.name())
    assert Attempt.objects.get(pk=three.attempt_id).permitted_at == now


def test_a_permit_is_taken_once_and_not_without_a_lease(now: datetime) -> None:
    one, two = claimed(2, now)
    claims.permit([one], now=now)

    assert fast_path.record_and_permit([], [one, two], now=now + claims.LEASE) == []
    assert fast_path.record_and_permit([], [one, two], now=now) == [two]


def test_a_late_result_is_kept_on_its_attempt_beside_good_ones(now: datetime) -> None:
    late, good = claimed(2, now)
    claims.permit([late, good], now=now)
    Message.objects.filter(pk=late.message_id).update(lease_until=now - timedelta(seconds=1))
    leases.recover(now)

    fast_path.record_and_permit([accepted(late, now), accepted(good, now)], [], now=now)

    attempt = Attempt.objects.get(pk=late.attempt_id)
    assert (attempt.outcome, attempt.late_outcome, attempt.late_at) == (
        Outcome.UNKNOWN,
        Outcome.ACCEPTED,
        now,
    )
    assert Message.objects.get(pk=late.message_id).state == MessageState.WAITING
    assert Message.objects.get(pk=good.message_id).state == MessageState.SENT
    assert sum(LaneTally.objects.filter(outcome=Outcome.ACCEPTED).values_list("tries", flat=True)) == 1


def test_a_message_without_an_open_attempt_takes_the_whole_round_back(now: datetime) -> None:
    broken, good, next_one = claimed(3, now)
    claims.permit([broken, good], now=now)
    Attempt.objects.filter(pk=broken.attempt_id).update(outcome=Outcome.UNKNOWN, finished_at=now)

    with pytest.raises(DataError), transaction.atomic():
        fast_path.record_and_permit([accepted(broken, now), accepted(good, now)], [next_one], now=now)

    assert set(Message.objects.values_list("state", flat=True)) == {MessageState.SENDING_ASYNC}
    assert Attempt.objects.filter(outcome="", permitted_at=None).get().pk == next_one.attempt_id


def test_anything_else_goes_step_by_step(now: datetime) -> None:
    (claim,) = claimed(1, now)
    refused = DeliveryError(Reason.MESSAGING_EXCEPTION, "451")

    assert fast_path.fits([accepted(claim, now)], [claim])
    assert not any(
        fast_path.fits([Result(claim, answer, now, now)], [])
        for answer in (refused, Accepted(), NotStarted())
    )
    assert not fast_path.fits([accepted(replace(claim, token=2), now)], [])
    assert not fast_path.fits([accepted(replace(claim, trial=True), now)], [])
    assert not fast_path.fits([], [replace(claim, channel=MessageType.EVENT_STREAM)])
