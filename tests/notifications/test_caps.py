"""A lane's cap holds over all workers, however many ask for its room at the same moment."""

import time
from threading import Thread

import pytest
from django.db import connection, transaction
from django.utils import timezone

from commlog.demo.standins import StandIns
from notifications import outbox
from notifications.delivery import claims
from notifications.models import Lane
from notifications.outbox import Draft
from notifications.states import MessageType

pytestmark = pytest.mark.django_db(transaction=True)


def lane_with_room_for(room: int) -> int:
    for number in range(5):
        message = outbox.enqueue(Draft(MessageType.EMAIL, destination=f"ana{number}@example.org", subject="s", body="b"))
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


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)")
        return bool(cursor.fetchone()[0])
