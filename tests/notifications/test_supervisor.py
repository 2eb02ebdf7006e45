"""How a supervisor is asked to stop. How it keeps a cluster at work: tests/cluster/test_sender.py."""

import sys
import threading
import time
from datetime import timedelta
from types import FrameType
from typing import Any

import pytest

from commlog.demo.standins import StandIns
from notifications import outbox, supervisor
from notifications.clock import db_now
from notifications.delivery import claims
from notifications.models import Message
from notifications.outbox import Draft
from notifications.states import MessageType
from notifications.supervisor import Supervisor

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(30)]


DEAF = ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"]  # a cluster that does not stop
WHERE_IT_WAITS = (supervisor.__file__, threading.__file__)


@pytest.mark.parametrize("moment", range(1, 60, 6))
def test_a_wish_to_stop_may_come_at_any_moment(moment: int) -> None:
    """A signal's handler runs between any two lines of the main thread, also of one that holds a lock: it must not want that lock."""
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


@pytest.mark.parametrize(("lapsed", "waited_for"), [(False, True), (True, False)])
def test_a_cluster_that_does_not_stop_is_waited_for_while_its_workers_hold_leases(
    lapsed: bool, waited_for: bool, providers: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that was killed leaves an attempt open, and no other is left to close it."""
    monkeypatch.setattr(supervisor, "_GRACE", 0.3)
    monkeypatch.setattr(supervisor, "STOP_WITHIN", 3.0)
    monkeypatch.setattr(supervisor.secrets, "token_hex", lambda _: "mine")
    monkeypatch.setenv(claims.CLUSTER, "mine")
    message = outbox.enqueue(Draft(MessageType.SMS, destination="+491701234567", body="b"))
    started = db_now() + timedelta(seconds=1)
    claims.permit(claims.claim(message.lane_id, 1, now=started), now=started)
    if lapsed:
        Message.objects.update(lease_until=db_now())
    supervised = Supervisor(DEAF)
    threading.Timer(1.0, supervised.stop).start()

    began = time.monotonic()
    supervised.run()

    assert (time.monotonic() - began >= 1.0 + supervisor.STOP_WITHIN) == waited_for
