"""Every statement that the senders execute, with its plan as PostgreSQL tells it: none of them reads a
backlog.

Which statements there are is not written down here: whatever real turns execute is looked at, prepared or
not.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import override_settings

from bench.standins import StandIns
from commlog import jobs
from notifications import channels, events, outbox, receipts, tasks
from notifications.cluster import health, supervisor
from notifications.cluster.broker import MessageBroker
from notifications.database import sql
from notifications.database.clock import db_now
from notifications.delivery import claims, fast_path, leases, results
from notifications.events import Happening
from notifications.lanes import openings
from notifications.models import DeliveryReceipt, Lane, Message
from notifications.outbox import Draft
from notifications.process import this_process
from notifications.states import Circuit, MessageState, MessageType, ReceiptStatus
from tests.commlog.bulk.test_running import make as make_resend_job
from tests.factories import make_client, make_lane, make_message, officer
from tests.notifications.delivery.test_backlog import copies
from tests.notifications.delivery.test_turns import set_times

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

BACKLOG = 20_000
AWAITED = 20_000  # handed over, with a receipt to come
# Rows, for one statement. What is marked at once is thousands, and so are the attempts of the turns: 6,000 on
# a fast machine.
MOST_READ = 15_000
TABLES = (sql.MESSAGE, sql.ATTEMPT, sql.LANE, DeliveryReceipt._meta.db_table)
# Some of what the turns must have executed, or the test looks at less than it says.
EXECUTED = {
    "openings": openings._OPENINGS, "claim": claims._LOCK_DUE, "attempts": claims._OPEN_ATTEMPTS,
    "take": claims._TAKE, "permit": claims.PERMIT, "renew": claims._RENEW, "lock": results._LOCK,
    "sent": results.MARK_SENT, "close": results.CLOSE, "round": fast_path._ROUND,
}  # fmt: skip


@pytest.fixture(params=["analysed with an empty queue", "never analysed"])
def backlog(request: pytest.FixtureRequest, providers: StandIns) -> Iterator[Lane]:
    """A backlog that the planner does not know of, on the lane of the mail server."""
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL only")
    lane = make_lane(MessageType.EMAIL, channels.get(MessageType.EMAIL).lane("ana@example.org"))
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
            cursor.execute("DELETE FROM pg_statistic WHERE starelid = %s::regclass", [table])
        sent = make_message(MessageState.SENT, lane=lane)
        if request.param.startswith("analysed"):
            copies(sent, 2_000)
            cursor.execute(f"ANALYZE {', '.join(TABLES)}")
        awaited = make_message(MessageState.SENDING_ASYNC, MessageType.SMS)
        Message.objects.filter(pk=awaited.pk).update(
            lease_until=None, receipt_due_at=db_now() + timedelta(minutes=10)
        )
        copies(awaited, AWAITED)
        refused = make_message(lane=lane, destination="x@nobody.example.org")
        copies(refused, 10)
        copies(make_message(lane=lane), BACKLOG)
        yield lane
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} RESET (autovacuum_enabled)")


class Plans:
    """The most rows that an execution of each statement has read."""

    def __init__(self) -> None:
        self.read: dict[str, int] = defaultdict(int)
        self.plans: dict[str, str] = {}

    def note(self, notice: Any) -> None:
        """What auto_explain says of one execution."""
        text = notice.message_primary or ""
        if not text.startswith("duration:"):
            return
        said = json.loads(text[text.index("{") :])
        statement = said["Query Text"]
        if (found := rows_read(said["Plan"])) >= self.read[statement]:
            self.read[statement], self.plans[statement] = found, text

    @contextmanager
    def of_this_session(self) -> Iterator[None]:
        """While inside."""
        connection.ensure_connection()
        session: Any = connection.connection
        with connection.cursor() as cursor:
            cursor.execute("LOAD 'auto_explain'")
            for name, value in (
                ("log_min_duration", "0"),
                ("log_analyze", "on"),
                ("log_format", "json"),
                ("log_level", "notice"),
            ):
                cursor.execute(f"SET auto_explain.{name} = {value}")
        session.add_notice_handler(self.note)
        try:
            yield
        finally:
            session.remove_notice_handler(self.note)
            with connection.cursor() as cursor:
                cursor.execute("SET auto_explain.log_min_duration = -1")

    @property
    def dear(self) -> dict[str, int]:
        """Those that read more than they may. Their plans are printed."""
        found = {statement: rows for statement, rows in self.read.items() if rows > MOST_READ}
        for statement in found:
            print(self.plans[statement])
        return found


def rows_read(plan: Mapping[str, Any]) -> int:
    """By the scans of a plan: rows that were found, and rows that were looked at in vain."""
    inner = sum(map(rows_read, plan.get("Plans", ())))
    if "Scan" not in plan["Node Type"] or plan["Node Type"] in ("Function Scan", "Bitmap Index Scan"):
        # A bitmap counts what is dead too, which the next vacuum takes away; its rows are those of the scan
        # above it.
        return inner
    seen = sum(
        plan.get(name, 0)
        for name in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    )
    return inner + int(seen * plan["Actual Loops"])


def test_no_statement_of_the_senders_reads_the_backlog(
    backlog: Lane, providers: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every turn sends of the backlog: what they have tried in the end must be fewer messages than a statement
    # may read.
    set_times(monkeypatch, 1.2, "TURN")
    plans, (awaited, *late) = Plans(), list(Message.objects.filter(receipt_due_at__isnull=False)[:10])
    with plans.of_this_session():
        turns(backlog, providers, [each.pk for each in late])
        looks(backlog)
        writes(awaited)

    assert plans.dear == {}
    assert {
        name
        for name, text in EXECUTED.items()
        if not any(made_of(text, statement) for statement in plans.read)
    } == set()
    assert len(plans.read) > 80
    assert Message.objects.filter(lane=backlog, state=MessageState.SENT, attempt_count=1).count() > 100


def made_of(text: str, statement: str) -> bool:
    """Whether the statement was made of this text: looked for up to the first of its values."""
    for mark in ("%s", "THESE", "EACH"):
        text = text.partition(mark)[0]
    return text.strip() in statement


def turns(lane: Lane, providers: StandIns, late: list[int]) -> None:
    """What broker and workers do: all channels, results of every kind, lost workers, a lane in trouble and a
    slow one.
    """
    broker = MessageBroker("commlog")
    hook = providers.webhook_url("/in/1")
    drafts = [
        Draft(MessageType.SMS, destination="+4917012345678", body="b"),
        Draft(MessageType.WEB_HOOK, destination=hook, body="{}"),
    ]
    drafts += [Draft(MessageType.EVENT_STREAM, destination="accounts", body="{}")]
    outbox.enqueue_many(drafts * 10)
    assert broker.dequeue()
    for channel in MessageType:
        assert any(tasks.drain(channel) for _ in range(3))  # a busy machine may be late for a whole turn
    lose_workers(lane)
    Message.objects.filter(pk__in=late).update(receipt_due_at=db_now())
    assert tasks.drain("EMAIL")

    channels.close_all()
    this_process.forget()  # what has worked so far
    with override_settings(EMAIL_PORT=1):  # nobody listens there
        tasks.drain("EMAIL")
    assert Lane.objects.filter(pk=lane.pk, circuit=Circuit.OPEN).exists()
    broker.dequeue()
    MessageBroker("commlog").dequeue()
    channels.close_all()
    Lane.objects.filter(pk=lane.pk).update(probe_at=db_now())
    assert tasks.drain("EMAIL")
    with sql.prepared(), transaction.atomic():
        openings.slow_down(lane.pk, now=db_now())
    broker.dequeue()
    tasks.drain("EMAIL")


def lose_workers(lane: Lane) -> None:
    """Claims that nobody renews any more: some were only claimed, of some a permit was taken."""
    with sql.prepared():
        claimed = claims.claim(lane.pk, 20, now=db_now())
        assert len(claims.permit(claimed[:10], now=db_now())) == 10
        claims.renew(claimed, now=db_now())
    Message.objects.filter(pk__in=[each.message_id for each in claimed]).update(lease_until=db_now())


def looks(lane: Lane) -> None:
    """What is asked by whoever watches: the pages, the supervisor, the address for monitoring."""
    now = db_now()
    claims.claim(lane.pk, 5, now=now)
    health.stalled(now)
    health.stalled(now + 2 * health.PATIENCE)
    for name in supervisor._holding(""):
        leases.end_those_of([name], now)
    leases.lapsed(now)
    receipts.overdue(now)
    jobs.stalled(now, patience=timedelta(seconds=8), since=now)


def writes(awaited: Message) -> None:
    """What adds to the queue, or moves a message from outside."""
    assert receipts.record(awaited.key, ReceiptStatus.DELIVERED)
    events.raise_one(Happening("CLIENT_CREATED", client=make_client()))
    failed = Message.objects.filter(state=MessageState.FAILED).first() or make_message(MessageState.FAILED)
    outbox.resend(failed, by=officer())
    make_resend_job(officer())
    claimed = jobs.claim(1)
    assert claimed is not None
    jobs.run(*claimed[1])
