"""What a backlog costs a claim.

On PostgreSQL, and with statistics from an idle queue, which is when a backlog begins.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from notifications import receipts
from notifications.channels.base.contract import DeliveryError, Receipt
from notifications.cluster import health
from notifications.database import sql
from notifications.delivery import claims, leases, results
from notifications.delivery.claims import Claim
from notifications.delivery.results import Result
from notifications.failures import Reason
from notifications.lanes import openings
from notifications.models import Lane, Message
from notifications.states import Circuit, MessageState, WaitingReason
from tests.factories import make_lane, make_message

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

DUE = 5_000
AWAITED = 2_000  # handed over, with a receipt to come
# Entries of all indexes and rows of all tables, for fifty messages; one scan of the backlog is 5,000.
MOST_READ = 1_000


@pytest.fixture(autouse=True)
def _postgres() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL only")


@pytest.fixture(params=["analysed with an empty queue", "never analysed"])
def lane(request: pytest.FixtureRequest) -> Lane:
    """A lane whose backlog the planner does not know of."""
    lane = make_lane()
    sent, awaited, due = (
        make_message(MessageState.SENT),
        make_message(MessageState.SENDING_ASYNC),
        make_message(),
    )
    Message.objects.filter(pk=awaited.pk).update(
        lease_until=None, receipt_due_at=timezone.now() + timedelta(minutes=10)
    )
    if request.param.startswith("analysed"):
        copies(sent, 1_000)
        Message.objects.filter(pk=due.pk).update(due_at=None, state=MessageState.SENT, sent_at=timezone.now())
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {sql.MESSAGE}, {sql.ATTEMPT}, {sql.LANE}")
        due = make_message()
    copies(due, DUE)
    copies(awaited, AWAITED)
    return lane


def copies(message: Message, number: int) -> None:
    """So many more rows like this one."""
    columns = ", ".join(
        field.column for field in Message._meta.concrete_fields if field.name not in ("id", "key")
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {sql.MESSAGE} (key, {columns}) SELECT gen_random_uuid(), {columns}"
            f" FROM {sql.MESSAGE}, generate_series(1, %s) WHERE id = %s",
            [number, message.pk],
        )


def read() -> int:
    """Rows and index entries of messages and attempts that this transaction has read so far."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(pg_stat_get_xact_tuples_returned(oid)) FROM (SELECT c.oid FROM pg_class c WHERE "
            "c.relname IN (%s, %s)"
            " UNION ALL SELECT i.indexrelid FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE "
            "c.relname IN (%s, %s)) AS seen",
            [sql.MESSAGE, sql.ATTEMPT] * 2,
        )
        return int(cursor.fetchone()[0])


class Reading:
    """Runs one step after the other, and keeps what each of them read."""

    def __init__(self) -> None:
        self.costs: dict[str, int] = {}

    def step(self, name: str, do: Callable[[], Any]) -> Any:
        before = read()
        answer = do()
        self.costs[name] = read() - before
        return answer

    @property
    def dear(self) -> dict[str, int]:
        """The steps that read more than they may."""
        return {name: cost for name, cost in self.costs.items() if cost > MOST_READ}


def results_of(claimed: list[Claim], now: datetime) -> list[Result]:
    """Half of them sent, half of them refused."""
    answers = [Receipt(), DeliveryError(Reason.MESSAGING_EXCEPTION, "451 later")]
    return [Result(claim, answers[number % 2], now, now) for number, claim in enumerate(claimed)]


@pytest.mark.parametrize("hold", [sql.prepared, pytest.param(None, id="not prepared")])
def test_a_turn_reads_what_it_sends_and_not_the_backlog(lane: Lane, hold: Any) -> None:
    reading, now = Reading(), timezone.now() + timedelta(seconds=1)
    if hold is None:
        whole_turn(reading, lane, now)
    else:
        with hold():
            whole_turn(reading, lane, now)

    assert reading.dear == {}
    assert (
        Message.objects.filter(
            state=MessageState.SENT, lane=lane, attempt_count=1, outcome="ACCEPTED", token=1
        ).count()
        == 25
    )


def whole_turn(reading: Reading, lane: Lane, now: datetime) -> None:
    found = reading.step("openings", lambda: openings.openings(now))
    assert [(each.lane_id, each.room) for each in found] == [(lane.pk, 200)]
    claimed = reading.step("claim", lambda: claims.claim(lane.pk, 50, now=now))
    assert len(claimed) == 50
    assert len(reading.step("permit", lambda: claims.permit(claimed, now=now))) == 50
    reading.step("renew", lambda: claims.renew(claimed, now=now))
    reading.step("record", lambda: results.record(results_of(claimed, now)))
    reading.step("recover", lambda: leases.recover(now))
    reading.step("receipts", lambda: (receipts.overdue(now), receipts.expire(now)))
    reading.step("health", lambda: health.stalled(now))


def test_lapsed_claims_and_overdue_receipts_are_found_without_the_others(lane: Lane) -> None:
    reading, now = Reading(), timezone.now()
    lost, late = make_message(MessageState.SENDING_ASYNC), make_message(MessageState.SENDING_ASYNC)
    Message.objects.filter(pk=lost.pk).update(lease_until=now - timedelta(seconds=1))
    Message.objects.filter(pk=late.pk).update(lease_until=None, receipt_due_at=now - timedelta(seconds=1))

    assert reading.step("recover", lambda: leases.recover(now)) == 1
    assert reading.step("expire", lambda: receipts.expire(now)) == 1

    assert reading.dear == {}


def test_marking_what_waits_for_its_lane_reads_what_it_marks(lane: Lane) -> None:
    now = timezone.now() + timedelta(seconds=1)
    Lane.objects.filter(pk=lane.pk).update(
        circuit=Circuit.OPEN, opened_at=now, probe_at=now + timedelta(seconds=5)
    )
    before = read()
    marked = openings.mark_held(now)

    assert marked == 1_000
    assert read() - before < 10 * marked
    assert Message.objects.filter(waiting_reason=WaitingReason.WAIT_FOR_CLOSE_CIRCUIT).count() == marked
