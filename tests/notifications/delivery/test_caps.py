"""A lane's cap holds over all workers, however many ask for its room at the same moment."""

import time
from contextlib import suppress
from threading import Event, Thread

import pytest
from django.db import Error, connection, transaction
from django.utils import timezone

from bench.standins import StandIns
from notifications import outbox
from notifications.database import sql
from notifications.delivery import claims
from notifications.models import Lane
from notifications.outbox import Draft
from notifications.states import MessageType

pytestmark = pytest.mark.django_db(transaction=True)


def lane_with_room_for(room: int) -> int:
    for number in range(5):
        message = outbox.enqueue(
            Draft(MessageType.EMAIL, destination=f"ana{number}@example.org", subject="s", body="b")
        )
    Lane.objects.update(cap=room)
    return message.lane_id


def claimed(lane_id: int) -> int:
    return len(claims.claim(lane_id, 50, now=timezone.now()))


def test_no_more_is_claimed_than_the_cap_leaves_room_for(providers: StandIns) -> None:
    lane_id = lane_with_room_for(3)

    assert (claimed(lane_id), claimed(lane_id)) == (3, 0)


@pytest.mark.postgres
def test_workers_that_claim_at_the_same_moment_share_the_room(providers: StandIns) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite only one transaction writes at a time")
    lane_id, elsewhere = lane_with_room_for(3), []

    def claim_elsewhere() -> None:
        try:
            elsewhere.append(claimed(lane_id))
        finally:
            connection.close()

    other = Thread(target=claim_elsewhere)
    with transaction.atomic():
        here = claimed(lane_id)
        other.start()
        while not _somebody_waits():
            time.sleep(0.01)
    other.join()

    assert (here, elsewhere) == (3, [0])


@pytest.mark.postgres
def test_a_worker_that_stops_inside_a_claim_keeps_nobody_waiting(
    providers: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite a process that stops holds the whole file, whatever it does")
    monkeypatch.setattr(sql, "_LONGEST_IDLE", "300ms")
    lane_id, claimed_there, go_on = lane_with_room_for(3), Event(), Event()

    def stop_inside() -> None:
        with suppress(Error), transaction.atomic():
            claimed(lane_id)
            claimed_there.set()
            go_on.wait(30)
        connection.close()

    other = Thread(target=stop_inside)
    other.start()
    assert claimed_there.wait(10)
    assert claimed(lane_id) == 3
    go_on.set()
    other.join()


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)")
        return bool(cursor.fetchone()[0])
