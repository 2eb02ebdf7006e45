"""The counts say what the attempts say, whatever happened, and wherever they have been moved."""

from datetime import datetime, timedelta
from random import Random

import pytest
from django.db import transaction
from django.db.models import Sum

from bench.counts import SUMS, said_by_attempts, said_by_counts
from bench.standins import StandIns
from notifications import outbox, receipts
from notifications.channels.base.contract import Accepted, DeliveryError, Failure, Receipt
from notifications.database.clock import db_now
from notifications.delivery import claims, leases, results, tallies
from notifications.delivery.claims import Claim
from notifications.delivery.results import NotStarted, Result
from notifications.failures import Reason
from notifications.models import Attempt, Backfill, LaneHour, LaneTally, Message
from notifications.outbox import Draft
from notifications.rollups import hourly
from notifications.states import MessageState, MessageType, Outcome, ReceiptStatus
from tests.factories import make_attempt, make_lane, make_message

pytestmark = pytest.mark.django_db

ANSWERS = (
    Receipt(provider_id="id", detail="250 ok"),
    Accepted(provider_id="SM1"),
    DeliveryError(Reason.MESSAGING_EXCEPTION, "451 try again"),
    DeliveryError(Reason.INVALID_HTTP_RESPONSE, "HTTP 500", outcome=Outcome.UNKNOWN),
    DeliveryError(Reason.OTHER, "cannot be sent", kind=Failure.NEVER),
    NotStarted(),
    NotStarted(suspect=True),
)


def live_randomly(rng: Random, now: datetime) -> None:
    """A minute of three lanes: some of what is due is claimed; of that, some is sent and some lost with its
    worker.
    """
    lanes = {lane for lane in Message.objects.live().values_list("lane", flat=True)}
    for lane in sorted(lanes):
        claimed = claims.claim(lane, rng.randint(0, 6), now=now)
        if not claimed:
            continue
        sent = claims.permit(rng.sample(claimed, rng.randint(0, len(claimed))), now=now)
        back = [each for each in sent if rng.random() < 0.8]
        with transaction.atomic():
            results.record([_result(rng, each, now) for each in back])
    leases.recover(now + claims.LEASE * 2 * rng.randint(0, 1))
    for message in Message.objects.filter(receipt_due_at__isnull=False, state=MessageState.SENDING_ASYNC):
        status = rng.choice([ReceiptStatus.DELIVERED, ReceiptStatus.UNDELIVERED])
        receipts.record(message.key, status, provider_id=message.provider_id)


def _result(rng: Random, claim: Claim, now: datetime) -> Result:
    answer = rng.choice(ANSWERS)
    took = timedelta(seconds=rng.choice((0.0, 0.09, 0.1, 3.0, 9.999, 10.0, 4_000.0)))
    return Result(claim, answer, now, now + took, spared=bool(rng.randint(0, 1)) and claim.token < 3)


@pytest.mark.parametrize("seed", range(2))
def test_counts_equal_attempts_after_random_histories(providers: StandIns, seed: int) -> None:
    rng, began = Random(seed), db_now()
    for channel, destination in (
        (MessageType.EMAIL, "ana@example.org"),
        (MessageType.SMS, "+4917012345678"),
        (MessageType.WEB_HOOK, providers.webhook_url("/in")),
    ):
        outbox.enqueue_many([Draft(channel, destination=destination, subject="s", body="b")] * 12)
    for minute in range(14):
        live_randomly(rng, began + timedelta(minutes=minute * 8))
        if rng.random() < 0.3:
            hourly.fold(began + timedelta(minutes=minute * 8))
    assert said_by_counts() == said_by_attempts()
    assert len(said_by_counts()) > 20

    everything = said_by_attempts()
    hourly.fold(began + timedelta(days=1))
    assert not LaneTally.objects.exists()
    assert said_by_counts() == everything
    ever, hours = (
        LaneHour.objects.filter(**which).aggregate(**SUMS) for which in ({"minute": 0}, {"minute__gt": 0})
    )
    assert ever == hours

    # What ended before there were counts is read from the attempts, newest first.
    LaneHour.objects.all().delete()
    Backfill.objects.create(before=began + timedelta(days=1), newest=Attempt.objects.latest("pk").pk)
    assert hourly.fill_back(5.0)
    assert said_by_counts() == everything
    assert not Backfill.objects.exists()


def test_what_ended_later_or_long_ago_is_not_counted_again() -> None:
    now, lane = db_now(), make_lane()
    for ago in (timedelta(days=31), timedelta(days=29), timedelta(hours=1), timedelta()):
        make_attempt(make_message(lane=lane, created_at=now - ago), now=now - ago)
    Backfill.objects.create(before=now - timedelta(minutes=1), newest=Attempt.objects.latest("pk").pk)
    assert hourly.fill_back(5.0)
    assert LaneHour.objects.aggregate(Sum("tries")) == {"tries__sum": 2}
    assert not LaneHour.objects.filter(minute=hourly.EVER).exists()


def test_hours_are_those_of_the_organisation_and_end_after_some_weeks(settings: object) -> None:
    settings.TIME_ZONE = "Asia/Kolkata"  # type: ignore[attr-defined]
    at = datetime.fromisoformat("2026-06-01T12:29:00+05:30")
    lane, minute = make_lane(), int(at.timestamp() // 60)
    for each in (minute, minute + 31, minute - 29):
        LaneTally.objects.create(lane=lane, minute=each, worker="a", outcome=Outcome.ACCEPTED, tries=1)
    assert hourly.fold(at + timedelta(hours=2)) == 3
    hours = LaneHour.objects.order_by("minute").values_list("minute", "tries")
    assert list(hours) == [(0, 3), (minute - 29, 2), (minute + 31, 1)]
    assert hourly.fold(at + timedelta(days=36)) == 0
    assert list(hours.all()) == [(0, 3)]


def test_a_sweep_of_the_cluster_folds() -> None:
    old = db_now() - timedelta(hours=3)
    LaneTally.objects.create(lane=make_lane(), minute=int(old.timestamp() // 60), worker="a", tries=1)
    assert tallies.sweep(0.0) == 1
    assert LaneHour.objects.filter(minute=hourly.EVER).count() == 1
