"""The broker whose queue is the message table."""

from datetime import timedelta
from threading import Timer
from time import monotonic
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import SignedPackage
from django_q.tasks import async_task

from notifications.cluster import broker, idle
from notifications.cluster.broker import MessageBroker
from notifications.database.commits import committed, wait_for_another
from notifications.models import Message
from notifications.states import MessageState, MessageType
from tests.factories import make_lane, make_message

pytestmark = pytest.mark.django_db


def handed_out() -> list[tuple[str, tuple[Any, ...]]]:
    packages = MessageBroker("commlog").dequeue() or []
    tasks = [SignedPackage.loads(package) for _, package in packages]
    return sorted((task["func"], tuple(task["args"])) for task in tasks)


def test_nothing_due_nothing_handed_out() -> None:
    make_message(MessageState.SENT)
    make_message(MessageState.WAITING, due_at=timezone.now() + timedelta(hours=1))

    assert handed_out() == []


def test_one_drain_a_channel_with_due_messages_and_no_content() -> None:
    make_message(type=MessageType.EMAIL)
    make_message(type=MessageType.EMAIL)
    make_message(type=MessageType.EMAIL, lane=make_lane(MessageType.EMAIL, "another"))
    make_message(type=MessageType.SMS)

    assert handed_out() == [
        ("notifications.tasks.drain", ("EMAIL",)),
        ("notifications.tasks.drain", ("SMS",)),
    ]


def test_a_lane_at_its_cap_is_left_alone() -> None:
    lane = make_lane()
    lane.cap = 1
    lane.save(update_fields=["cap"])
    make_message(MessageState.SENDING_ASYNC, lane=lane)
    make_message(lane=lane)

    assert handed_out() == []


def test_a_lapsed_claim_is_work() -> None:
    make_message(MessageState.SENDING_ASYNC, lease_until=timezone.now() - timedelta(seconds=1))

    assert handed_out() == [("notifications.tasks.drain", ("EMAIL",))]


def test_ordinary_tasks_come_beside_the_drains_one_at_a_time_and_leave_a_worker_for_sending() -> None:
    make_message()
    for number in range(3):
        async_task("math.sqrt", number)

    assert handed_out() == [("math.sqrt", (0,)), ("notifications.tasks.drain", ("EMAIL",))]
    assert handed_out() == [("notifications.tasks.drain", ("EMAIL",))]  # SENDER_WORKERS is 2


def test_a_finished_task_leaves_the_queue_and_a_drain_was_never_in_it() -> None:
    async_task("math.sqrt", 4)
    broker = MessageBroker("commlog")
    ((task_id, _),) = broker.dequeue() or []

    broker.acknowledge(0)
    assert OrmQ.objects.count() == 1
    broker.acknowledge(task_id)
    assert OrmQ.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_database_that_does_not_answer_is_not_the_end_of_the_pusher() -> None:
    make_message()
    assert Message.objects.count() == 1
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE notifications_lane RENAME TO gone")
    try:
        assert MessageBroker("commlog").dequeue() is None
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE gone RENAME TO notifications_lane")
    assert handed_out() == [("notifications.tasks.drain", ("EMAIL",))]


def test_a_look_that_finds_nothing_asks_little() -> None:
    make_message(MessageState.SENT)
    ours = MessageBroker("commlog")
    assert ours.dequeue() is None  # once, to make the texts of what is asked again and again
    ours._mark_at = 0.0

    with CaptureQueriesContext(connection) as asked:
        assert ours.dequeue() is None

    # Four for the restore, two for circuits and held lanes, one for tasks and long work, three for messages.
    assert sum("FROM" in query["sql"] for query in asked) == 10


def test_it_rests_while_nothing_was_committed_and_nothing_becomes_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stamp = "1"
    for module in (broker, idle):
        monkeypatch.setattr(module, "committed", lambda: (1, stamp))
    monkeypatch.setattr(idle, "LONGEST", 60.0)
    make_message(MessageState.SENT)
    ours = MessageBroker("commlog")
    assert ours.dequeue() is None
    with CaptureQueriesContext(connection) as asked:
        assert ours.dequeue() is None
    assert len(asked) == 0
    late = make_message(due_at=timezone.now() - timedelta(seconds=1))
    assert ours.dequeue() is None  # it would have changed the stamp
    stamp = "2"
    assert len(ours.dequeue() or []) == 1

    Message.objects.filter(pk=late.pk).update(due_at=timezone.now() + timedelta(seconds=0.15))
    stamp = "3"
    assert ours.dequeue() is None
    _until_something(ours)
    Message.objects.filter(pk=late.pk).update(due_at=timezone.now() + timedelta(hours=1))
    make_message(MessageState.SENDING_ASYNC, lease_until=timezone.now() + timedelta(seconds=0.15))
    stamp = "4"
    assert ours.dequeue() is None
    _until_something(ours)


def _until_something(ours: MessageBroker) -> None:
    """Wait until it hands something out by itself, long before the end of the longest rest."""
    end = monotonic() + 10
    while not ours.dequeue():
        assert monotonic() < end


@pytest.mark.django_db(transaction=True)
def test_a_commit_of_others_ends_the_rest() -> None:
    before = committed()
    assert before == committed()
    with transaction.atomic():
        assert committed() is None
    other = connections["default"].copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("CREATE TABLE made_meanwhile (id int)")
            cursor.execute("DROP TABLE made_meanwhile")
    finally:
        other.close()
    assert committed() != before


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_postgresql_waits_for_a_commit_of_others() -> None:
    seen = committed()
    assert seen
    if connection.vendor != "postgresql":
        assert not wait_for_another(seen, seconds=0.2, every=0.05)
        return
    other = connections["default"].copy()
    other.inc_thread_sharing()
    writes = Timer(0.3, lambda: other.cursor().execute("CREATE TABLE made_meanwhile (id int)"))
    writes.start()
    began = monotonic()
    assert wait_for_another(seen, seconds=60.0, every=0.05)
    assert (monotonic() - began < 30, committed() != seen) == (True, True)
    writes.join()
    other.close()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE made_meanwhile")
    assert not wait_for_another((0, seen[1]), seconds=60.0, every=0.05)
    with transaction.atomic():
        assert not wait_for_another(seen, seconds=60.0, every=0.05)
