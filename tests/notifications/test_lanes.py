"""Lanes: circuits that open, are tried and close; pauses; switches; limits. Nothing is lost, no held time uses a retry."""

import threading
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from commlog.audit import AuditAction
from commlog.demo.standins import StandIns
from commlog.models import AuditEntry
from notifications import circuits, health, lanes, switches
from notifications.channels.base import DeliveryError, Envelope, Receipt
from notifications.clock import db_now
from notifications.delivery import breaker, drain
from notifications.delivery.claims import Claim
from notifications.delivery.results import NotStarted, Result
from notifications.failures import Reason
from notifications.models import Attempt, ChannelSwitch, Lane, Message
from notifications.outbox import Draft, enqueue_many
from notifications.states import Circuit, MessageState, MessageType, Outcome, WaitingReason
from tests.factories import make_lane, make_message

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL, WEB_HOOK = MessageType.EMAIL, MessageType.WEB_HOOK
HELD = (MessageState.WAITING, WaitingReason.WAIT_FOR_CLOSE_CIRCUIT)
FAULT = DeliveryError(Reason.MESSAGING_EXCEPTION, "421 closing", lane_fault=True)
OWN = DeliveryError(Reason.MESSAGING_EXCEPTION, "550 no such user")


def mails(number: int) -> list[Message]:
    return enqueue_many(
        Draft(EMAIL, destination=f"ana{each}@example.org", subject="Payment due", body="Dear Ana") for each in range(number)
    )


def states() -> set[tuple[str, str]]:
    return set(Message.objects.exclude(event="ALERT").values_list("state", "waiting_reason"))


def mail_lane() -> Lane:
    return Lane.objects.get(channel=EMAIL)


# --- when a circuit opens ----------------------------------------------------------------------------------------------


def result(message_id: int, answer: Any, lane_id: int = 1) -> Result:
    now = timezone.now()
    claim = Claim(message_id, message_id, lane_id, EMAIL, 1, 0, "", False, Envelope(key=UUID(int=1), destination="x"))
    return Result(claim, answer, now, now)


@pytest.mark.parametrize(
    ("results", "opens"),
    [
        ([result(n % 5, FAULT) for n in range(10)], True),
        ([result(n % 5, FAULT) for n in range(9)], False),  # nine failures
        ([result(n % 4, FAULT) for n in range(20)], False),  # of four messages
        ([result(n, OWN) for n in range(20)], False),  # not the lane's fault
        ([result(n, NotStarted()) for n in range(20)], False),  # nothing was tried
        ([result(n + 50, Receipt()) for n in range(10)] + [result(n % 5, FAULT) for n in range(10)], True),  # half of them
        ([result(n + 50, Receipt()) for n in range(11)] + [result(n % 5, FAULT) for n in range(10)], False),  # less than half
        ([result(n % 5, FAULT, lane_id=n % 2) for n in range(18)], False),  # of two lanes
    ],
)
def test_the_rules_of_opening(results: list[Result], opens: bool) -> None:
    breaker.forget()
    found: dict[int, str] = {}
    for each in results:
        found |= breaker.note([each])
    assert bool(found) is opens


def test_what_is_long_past_counts_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    breaker.forget()
    breaker.note([result(n % 5, FAULT) for n in range(9)])
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + breaker.WINDOW + 1)
    assert breaker.note([result(9, FAULT)]) == {}


# --- an outage ---------------------------------------------------------------------------------------------------------


def test_an_outage_from_the_first_failure_to_the_last_delivery(providers: StandIns, settings: Any) -> None:
    settings.ALERT_EMAIL = "operations@example.org"
    providers.outage("WEB_HOOK", True)
    hooks = [Draft(WEB_HOOK, destination=providers.webhook_url(f"/{each}"), body="{}") for each in range(60)]
    enqueue_many(hooks)
    drain(WEB_HOOK)
    lane = Lane.objects.get(channel=WEB_HOOK)
    assert lane.circuit == Circuit.OPEN
    waiting = Message.objects.filter(type=WEB_HOOK)
    before = dict(waiting.values_list("pk", "failures"))
    assert 5 <= sum(failures > 0 for failures in before.values()) < 60

    # Held back: waiting, said so, not late; other lanes go on, and the owner is told.
    later = db_now() + timedelta(seconds=3)
    lanes.mark_held(later)
    assert set(waiting.values_list("state", "waiting_reason")) == {HELD}
    assert [each.channel for each in lanes.openings(later)] == [EMAIL]
    mails(1)
    drain(EMAIL)
    assert {entry["destination"] for entry in providers.journal("EMAIL")} == {"operations@example.org", "ana0@example.org"}
    assert health.oldest_due(later) is None

    # Probes: one message each, which costs it nothing.
    for _ in range(3):
        Lane.objects.filter(pk=lane.pk).update(probe_at=db_now())
        attempts = Attempt.objects.count()
        drain(WEB_HOOK)
        assert Attempt.objects.count() == attempts + 1
        lane.refresh_from_db()
        assert lane.circuit == Circuit.OPEN
    assert dict(waiting.values_list("pk", "failures")) == before

    # Repaired: a probe, then all of them, not faster than the limit.
    providers.outage("WEB_HOOK", False)
    Lane.objects.filter(pk=lane.pk).update(probe_at=db_now(), rate=30)
    waiting.filter(due_at__isnull=False).update(due_at=db_now())
    until = time.monotonic() + 10
    while time.monotonic() < until and waiting.exclude(state=MessageState.SENT).exists():
        drain(WEB_HOOK)
    lane.refresh_from_db()
    assert lane.circuit == Circuit.CLOSED
    assert set(waiting.values_list("state", flat=True)) == {MessageState.SENT}
    starts = sorted(Attempt.objects.filter(outcome=Outcome.ACCEPTED, message__type=WEB_HOOK).values_list("started_at", flat=True))
    assert len(starts) == 60
    within_a_second = max(sum(start <= other < start + timedelta(seconds=1) for other in starts) for start in starts)
    assert within_a_second <= 30 + 30 * 0.25 + 2

    assert [entry["destination"] for entry in providers.journal("EMAIL")].count("operations@example.org") == 1
    changes = AuditEntry.objects.filter(action=AuditAction.CHANGED, target_kind="lane").order_by("pk")
    assert [(entry.after or {})["circuit"] for entry in changes] == [Circuit.OPEN, Circuit.CLOSED]


def test_only_one_worker_tries_a_lane_in_trouble() -> None:
    lane = make_lane(EMAIL)
    make_message(lane=lane)
    circuits.open_circuit(lane.pk, "421", now=db_now())
    now = db_now() + timedelta(seconds=6)
    first, second = lanes.openings(now), lanes.openings(now)
    assert [(each.room, each.probe) for each in first] == [(1, True)]
    assert [lanes.take(each, 50, now=now) for each in (*first, *second)] == [1, 0]
    assert lanes.openings(now) == []
    assert lanes.openings(now + timedelta(seconds=80))  # the worker that tried was lost


def test_the_waits_between_probes_grow_to_a_minute() -> None:
    lane, waits = make_lane(EMAIL), []
    circuits.open_circuit(lane.pk, "421", now=db_now())
    for _ in range(6):
        now = db_now() + timedelta(hours=1)
        Lane.objects.update(probe_at=now)
        assert lanes.take_probe(lane.pk, now=now)
        circuits.probe_failed(lane.pk, now=now)
        waits.append((mail_lane().probe_at - now).total_seconds())
    assert waits == [5, 10, 20, 40, 60, 60]


def test_opening_twice_tells_once(settings: Any) -> None:
    settings.ALERT_EMAIL = "operations@example.org"
    lane = make_lane(WEB_HOOK, "hooks.example.org:443")
    assert [circuits.open_circuit(lane.pk, "503", now=db_now()) for _ in range(2)] == [True, False]
    (mail,) = Message.objects.all()
    assert (mail.destination, mail.subject) == ("operations@example.org", "Commlog: Webhook by hooks.example.org:443 is in trouble")


# --- pause, switch, limit ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("held", ["lane", "channel"])
def test_what_is_paused_waits_and_leaves_after_the_resume(providers: StandIns, held: str) -> None:
    mails(3)
    lane, switch = mail_lane(), ChannelSwitch.objects.create(channel=EMAIL)
    row = lane if held == "lane" else switch
    type(row).objects.filter(pk=row.pk).update(paused_at=db_now())
    drain(EMAIL)
    lanes.mark_held(db_now())
    mails(1)
    lanes.mark_held(db_now())
    assert (states(), providers.journal("EMAIL"), Attempt.objects.count()) == ({HELD}, [], 0)
    assert health.oldest_due(db_now() + timedelta(minutes=5)) is None

    type(row).objects.filter(pk=row.pk).update(paused_at=None)
    drain(EMAIL)
    assert states() == {(MessageState.SENT, "")}


def test_what_was_claimed_before_the_pause_does_not_leave_half_a_second_later(providers: StandIns) -> None:
    slow = f"http://127.0.0.1:{providers.webhook.port}/slow/0.4"
    enqueue_many(Draft(WEB_HOOK, destination=slow, body="{}") for _ in range(40))

    def pause() -> None:
        time.sleep(0.3)
        ChannelSwitch.objects.create(channel=WEB_HOOK, paused_at=db_now())
        connection.close()

    pausing = threading.Thread(target=pause)
    pausing.start()
    drain(WEB_HOOK)
    pausing.join()
    paused_at = ChannelSwitch.objects.get().paused_at
    assert paused_at is not None
    assert not Attempt.objects.filter(started_at__gt=paused_at + timedelta(seconds=2)).exists()
    assert Message.objects.filter(due_at__isnull=False).exists()
    assert not Message.objects.filter(failures__gt=0).exists()


def test_a_channel_that_is_switched_off_fails_what_comes_and_keeps_what_waits(providers: StandIns) -> None:
    (waiting,) = mails(1)
    ChannelSwitch.objects.create(channel=EMAIL, enabled=False)
    switches.forget()
    (refused,) = mails(1)
    drain(EMAIL)
    waiting.refresh_from_db()
    assert (refused.state, refused.failure_reason) == (MessageState.FAILED, Reason.EMAIL_SERVICE_NOT_ENABLED)
    assert waiting.state == MessageState.QUEUED

    ChannelSwitch.objects.update(enabled=True)
    drain(EMAIL)
    waiting.refresh_from_db()
    assert waiting.state == MessageState.SENT


def test_a_limited_lane_sends_at_its_rate(providers: StandIns) -> None:
    mails(1)
    drain(EMAIL)
    Lane.objects.update(rate=20)
    mails(100)
    began = time.monotonic()
    while time.monotonic() - began < 2:
        drain(EMAIL)
    sent = Message.objects.filter(state=MessageState.SENT).count() - 1
    took = time.monotonic() - began
    assert took * 20 * 0.5 < sent <= took * 20 + 6


def test_a_big_backlog_is_marked_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "_MARKED_AT_ONCE", 4)
    lane = make_lane(EMAIL)
    for number in range(10):
        make_message(lane=lane, due_at=timezone.now() - timedelta(minutes=number))
    Lane.objects.update(paused_at=db_now())
    assert [lanes.mark_held(db_now()) for _ in range(4)] == [4, 4, 2, 0]
    assert states() == {HELD}
