"""How a supervisor is asked to stop. How it keeps a cluster at work: tests/cluster/test_sender.py."""

import sys
import threading
import time
from datetime import timedelta
from types import FrameType
from typing import Any

import pytest
from django.utils import timezone

from bench.standins import StandIns
from notifications import outbox, process
from notifications.cluster import supervisor
from notifications.cluster.supervisor import Supervisor
from notifications.database.clock import db_now
from notifications.delivery import claims
from notifications.models import Attempt, Message
from notifications.outbox import Draft
from notifications.process import CLUSTER, this_process
from notifications.states import MessageType

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(30)]


DEAF = ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"]  # a cluster that does not stop
WHERE_IT_WAITS = (supervisor.__file__, process.__file__, threading.__file__)


@pytest.mark.parametrize("moment", range(1, 60, 6))
def test_a_wish_to_stop_may_come_at_any_moment(moment: int) -> None:
    """A signal's handler runs between any two lines of the main thread, also of one that holds a lock: it
    must not want that lock.
    """
    supervised = Supervisor(["sleep", "60"])
    passed = 0

    def trace(frame: FrameType, event: str, _arg: Any) -> Any:
        nonlocal passed
        if frame.f_code.co_filename in WHERE_IT_WAITS:
            passed += event == "line"
            if passed == moment:
                sys.settrace(None)
                supervised.stop()
        return trace

    sys.settrace(trace)
    try:
        supervised.run()
    finally:
        sys.settrace(None)


@pytest.fixture
def held(providers: StandIns, monkeypatch: pytest.MonkeyPatch) -> Message:
    """A message that this process is sending, as a worker of the cluster that the supervisor will start."""
    monkeypatch.setattr(supervisor.secrets, "token_hex", lambda _: "mine")
    monkeypatch.setenv(CLUSTER, "mine")
    message = outbox.enqueue(Draft(MessageType.SMS, destination="+491701234567", body="b"))
    started = db_now() + timedelta(seconds=1)
    claims.permit(claims.claim(message.lane_id, 1, now=started), now=started)
    return message


def held_by(worker: int, cluster: str = "mine") -> None:
    """As if the process of that number had claimed everything."""
    Attempt.objects.update(worker=f"{this_process.of(cluster)}{worker}")


@pytest.mark.parametrize("holder", ["living", "living, its lease lapsed", "ended"])
def test_a_cluster_that_does_not_stop_is_waited_for_while_its_workers_hold_leases(
    holder: str, held: Message, ended: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that was killed leaves an attempt open, and no other is left to close it."""
    monkeypatch.setattr(supervisor, "_GRACE", 0.3)
    monkeypatch.setattr(supervisor, "STOP_WITHIN", 3.0)
    monkeypatch.setattr(supervisor, "_LOOK", 60.0)  # until then nobody looks for the dead
    if holder == "ended":
        held_by(ended)
    elif holder != "living":
        Message.objects.update(lease_until=db_now())
    supervised = Supervisor(DEAF)
    threading.Timer(1.0, supervised.stop).start()

    began = time.monotonic()
    supervised.run()

    assert (time.monotonic() - began >= 1.0 + supervisor.STOP_WITHIN) == (holder == "living")


@pytest.mark.parametrize(
    ("holder", "released"), [("living", False), ("ended", True), ("ended, of an earlier cluster", True)]
)
def test_what_a_dead_worker_was_sending_waits_for_no_lease_while_its_cluster_works_on(
    holder: str, released: bool, held: Message, ended: int
) -> None:
    if holder != "living":
        held_by(ended, "mine" if holder == "ended" else "earlier")
    supervised = Supervisor(["sleep", "60"])
    asked = []

    def stop() -> None:
        asked.append(timezone.now())
        supervised.stop()

    threading.Timer(2.0, stop).start()
    supervised.run()

    held.refresh_from_db()
    assert held.lease_until
    assert (held.lease_until < asked[0]) == released
