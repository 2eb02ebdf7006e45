"""Lanes: circuits that open, are tried and close; pauses; switches; limits.

Nothing is lost, no held time uses a retry.
"""

import threading
import time
from collections import defaultdict
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bench.standins import StandIns
from commlog.audit import AuditAction
from commlog.models import AuditEntry
from notifications.channels.base.contract import DeliveryError, Envelope, Receipt
from notifications.cluster import health
from notifications.database.clock import db_now
from notifications.delivery import breaker, circuits, drain
from notifications.delivery.circuits import Trouble
from notifications.delivery.claims import Claim
from notifications.delivery.results import NotStarted, Result
from notifications.failures import Reason
from notifications.lanes import openings, switches
from notifications.models import Attempt, ChannelSwitch, FailingDestination, Lane, Message
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
        Draft(EMAIL, destination=f"ana{each}@example.org", subject="Payment due", body="Dear Ana")
        for each in range(number)
    )


def states() -> set[tuple[str, str]]:
    return set(Message.objects.exclude(event="ALERT").values_list("state", "waiting_reason"))


def mail_lane() -> Lane:
    return Lane.objects.get(channel=EMAIL)


# --- when a circuit opens -----------------------------------------------------------------------------------


def result(message_id: int, answer: Any, lane_id: int = 1) -> Result:
    now = timezone.now()
    claim = Claim(
        message_id, message_id, lane_id, EMAIL, 1, 0, "", False, Envelope(key=UUID(int=1), destination="x")
    )
    return Result(claim, answer, now, now)


@pytest.mark.parametrize(
    ("results", "opens"),
    [
        ([result(n % 5, FAULT) for n in range(10)], True),
        ([result(n % 5, FAULT) for n in range(9)], False),  # nine failures
        ([result(n % 4, FAULT) for n in range(20)], False),  # of four messages
        ([result(n, OWN) for n in range(20)], False),  # not the lane's fault
        ([result(n, NotStarted()) for n in range(20)], False),  # nothing was tried
        # Half of them.
        ([result(n + 50, Receipt()) for n in range(10)] + [result(n % 5, FAULT) for n in range(10)], True),
        # Less than half.
        ([result(n + 50, Receipt()) for n in range(11)] + [result(n % 5, FAULT) for n in range(10)], False),
        ([result(n % 5, FAULT, lane_id=n % 2) for n in range(18)], False),  # of two lanes
    ],
)
def test_the_rules_of_opening(results: list[Result], opens: bool) -> None:
    found: dict[int, Trouble] = {}
    for each in results:
        found |= breaker.note([each])
    assert bool(found) is opens


def test_what_is_long_past_counts_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    breaker.note([result(n % 5, FAULT) for n in range(9)])
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + breaker.WINDOW + 1)
    assert breaker.note([result(9, FAULT)]) == {}


# --- an outage ----------------------------------------------------------------------------------------------


def test_an_outage_from_the_first_failure_to_the_last_delivery(providers: StandIns) -> None:
    providers.outage("WEB_HOOK", True)
    hooks = [Draft(WEB_HOOK, destination=providers.webhook_url(f"/{each}"), body="{}") for each in range(60)]
    enqueue_many(hooks)
    with CaptureQueriesContext(connection) as asked:
        drain(WEB_HOOK)
    lane = Lane.objects.get(channel=WEB_HOOK)
    assert lane.circuit == Circuit.OPEN
    _locks_its_lanes_first([each["sql"] for each in asked])
    waiting = Message.objects.filter(type=WEB_HOOK)
    before = dict(waiting.values_list("pk", "failures"))
    assert 5 <= sum(failures > 0 for failures in before.values()) < 60

    # Held back: waiting, said so, not late; other lanes go on.
    later = db_now() + timedelta(seconds=3)
    openings.mark_held(later)
    assert set(waiting.values_list("state", "waiting_reason")) == {HELD}
    mails(1)
    assert {(each.channel, each.room) for each in openings.openings(later) if not each.parked} == {
        (EMAIL, 200),
        (WEB_HOOK, 1),
    }
    drain(EMAIL)
    assert {entry["destination"] for entry in providers.journal("EMAIL")} == {"ana0@example.org"}
    assert health.survey(later).due_since is None

    # Tried with a few others and with one that has failed, which costs them nothing.
    Lane.objects.filter(pk=lane.pk).update(probe_at=db_now())
    attempts = Attempt.objects.count()
    drain_for(3, WEB_HOOK)
    assert 4 <= Attempt.objects.count() - attempts <= 16
    lane.refresh_from_db()
    assert lane.circuit == Circuit.OPEN
    assert dict(waiting.values_list("pk", "failures")) == before

    # Repaired: one, then all of them, not faster than the limit.
    providers.outage("WEB_HOOK", False)
    Lane.objects.filter(pk=lane.pk).update(rate=30)
    waiting.filter(due_at__isnull=False).update(due_at=db_now())
    repaired = time.monotonic()
    while time.monotonic() < repaired + 10 and waiting.exclude(state=MessageState.SENT).exists():
        drain(WEB_HOOK)
    assert hook_lane().circuit == Circuit.CLOSED
    assert set(waiting.values_list("state", flat=True)) == {MessageState.SENT}
    starts = sorted(
        Attempt.objects.filter(outcome=Outcome.ACCEPTED, message__type=WEB_HOOK).values_list(
            "started_at", flat=True
        )
    )
    assert len(starts) == 60
    within_a_second = max(
        sum(start <= other < start + timedelta(seconds=1) for other in starts) for start in starts
    )
    assert within_a_second <= 30 + 30 * 0.25 + 2

    changes = AuditEntry.objects.filter(action=AuditAction.CHANGED, target_kind="lane").order_by("pk")
    assert [(entry.after or {})["circuit"] for entry in changes] == [Circuit.OPEN, Circuit.HALF_OPEN]


def _locks_its_lanes_first(said: list[str]) -> None:
    """Two workers that note the same failures would wait for each other otherwise, and one turn break off."""
    noted = [n for n, each in enumerate(said) if each.startswith('INSERT INTO "notifications_failingdest')]
    assert noted
    for place in noted if connection.vendor == "postgresql" else []:
        begun = max(number for number, each in enumerate(said[:place]) if each == "BEGIN")
        assert said[begun + 1].endswith('ORDER BY "notifications_lane"."id" ASC FOR NO KEY UPDATE')


def drain_for(seconds: float, channel: MessageType) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        drain(channel)
        time.sleep(0.05)


def test_only_one_worker_tries_what_failed_on_a_lane_in_trouble() -> None:
    lane = make_lane(EMAIL)
    message = make_message(lane=lane)
    circuits.open_circuit(lane.pk, trouble(message.destination), now=db_now())
    circuits.park(lane.pk, 1, now=db_now())
    now = db_now() + timedelta(seconds=6)
    first, second = openings.openings(now), openings.openings(now)
    assert [(each.room, each.probe) for each in first] == [(1, True)]
    assert [openings.take(each, 50, now=now) for each in (*first, *second)] == [1, 0]
    assert openings.openings(now) == []
    assert openings.openings(now + timedelta(seconds=5))  # however long the first takes


def test_tries_get_rarer_where_each_costs_a_message(settings: Any) -> None:
    sms, mail = make_lane(MessageType.SMS), make_lane(EMAIL)
    now, waits = db_now(), defaultdict(list)
    for lane in (sms, mail):
        circuits.open_circuit(lane.pk, trouble("x"), now=now)
        for _ in range(6):
            lane.refresh_from_db()
            circuits.rest_after_unknown(lane, now=now)
            lane.refresh_from_db()
            waits[lane].append(((lane.probe_at or now) - now).total_seconds())
            assert lane.tokens_at == pytest.approx(now.timestamp() + waits[lane][-1])
    assert (waits[sms], waits[mail]) == ([2, 4, 8, 16, 32, 60], [2] * 6)


def trouble(*destinations: str, works: bool = False) -> Trouble:
    return Trouble("503", frozenset(destinations), works)


def hooks(providers: StandIns, *paths: str) -> list[Message]:
    return enqueue_many(Draft(WEB_HOOK, destination=providers.webhook_url(path), body="{}") for path in paths)


def hook_lane() -> Lane:
    return Lane.objects.get(channel=WEB_HOOK)


def test_an_open_circuit_holds_only_the_destinations_that_failed(providers: StandIns) -> None:
    hooks(providers, *("/fail/503/here" for _ in range(30)))
    drain(WEB_HOOK)
    assert hook_lane().circuit == Circuit.OPEN

    # Nothing is delivered: what fails costs nothing. A healthy neighbour goes at once, and the others with
    # it.
    healthy = hooks(providers, *(f"/{each}" for each in range(40)))
    began = time.monotonic()
    while (
        time.monotonic() < began + 5
        and Message.objects.filter(pk__in=[each.pk for each in healthy]).exclude(state="SENT").exists()
    ):
        drain(WEB_HOOK)
    assert not Message.objects.filter(pk__in=[each.pk for each in healthy]).exclude(state="SENT").exists()
    lane = hook_lane()
    assert (lane.circuit, FailingDestination.objects.count()) == (Circuit.HALF_OPEN, 1)
    failing = Message.objects.filter(destination=providers.webhook_url("/fail/503/here"))
    assert set(failing.values_list("state", flat=True)) == {MessageState.WAITING}

    # While others are delivered to, what fails uses up its own retries, and leaves.
    until = time.monotonic() + 20
    while time.monotonic() < until and failing.exclude(state=MessageState.FAILED).exists():
        failing.filter(due_at__isnull=False).update(due_at=db_now())
        hooks(providers, "/again")
        drain(WEB_HOOK)
    assert set(failing.values_list("state", "failures")) == {(MessageState.FAILED, 6)}
    assert (
        not Message.objects.exclude(destination=providers.webhook_url("/fail/503/here"))
        .exclude(state=MessageState.SENT)
        .exists()
    )
    circuits.close_quiet(db_now() + timedelta(seconds=50))
    assert hook_lane().circuit == Circuit.HALF_OPEN
    circuits.close_quiet(db_now() + timedelta(seconds=70))
    assert (hook_lane().circuit, FailingDestination.objects.count()) == (Circuit.CLOSED, 0)


def test_the_delivery_of_one_that_had_failed_frees_all(providers: StandIns) -> None:
    recovered, waiting = providers.webhook_url("/recovered"), providers.webhook_url("/waiting")
    enqueue_many(Draft(WEB_HOOK, destination=each, body="{}") for each in [recovered] + [waiting] * 20)
    lane = hook_lane()
    circuits.open_circuit(lane.pk, trouble(recovered, waiting), now=db_now())
    drain(WEB_HOOK)
    assert (Attempt.objects.count(), Message.objects.filter(parked_at__isnull=False).count()) == (0, 21)
    Lane.objects.update(probe_at=db_now())
    drain_for(1, WEB_HOOK)
    assert states() == {(MessageState.SENT, "")}
    assert (hook_lane().circuit, FailingDestination.objects.count()) == (Circuit.CLOSED, 0)


def test_where_others_are_delivered_to_it_is_in_no_trouble(providers: StandIns) -> None:
    paths = [path for each in range(30) for path in ("/fail/503/here", f"/{each}")]
    hooks(providers, *paths)
    drain(WEB_HOOK)
    assert hook_lane().circuit == Circuit.HALF_OPEN
    assert not AuditEntry.objects.filter(target_kind="lane").exists()

    # Nothing is delivered any more: then it is.
    later = db_now() + timedelta(seconds=11)
    assert circuits.open_circuit(hook_lane().pk, trouble("x"), now=later)
    circuits.delivered(hook_lane().pk, had_failed=False, now=later)
    changes = AuditEntry.objects.filter(action=AuditAction.CHANGED, target_kind="lane").order_by("pk")
    assert [(entry.after or {})["circuit"] for entry in changes] == [Circuit.OPEN, Circuit.HALF_OPEN]


def test_a_long_line_to_a_failing_destination_keeps_nobody_waiting(providers: StandIns) -> None:
    broken = providers.webhook_url("/fail/503/here")
    enqueue_many(Draft(WEB_HOOK, destination=broken, body="{}") for _ in range(1_200))
    hooks(providers, "/healthy")
    circuits.open_circuit(hook_lane().pk, trouble(broken), now=db_now())
    drain(WEB_HOOK)
    assert Message.objects.get(destination=providers.webhook_url("/healthy")).state == MessageState.SENT
    assert Message.objects.filter(destination=broken, parked_at__isnull=False).count() >= 1_150


def test_it_gets_into_trouble_once() -> None:
    lane = make_lane(WEB_HOOK, "hooks.example.org:443")
    assert [circuits.open_circuit(lane.pk, trouble("x"), now=db_now()) for _ in range(2)] == [True, False]


# --- pause, switch, limit -----------------------------------------------------------------------------------


@pytest.mark.parametrize("held", ["lane", "channel"])
def test_what_is_paused_waits_and_leaves_after_the_resume(providers: StandIns, held: str) -> None:
    mails(3)
    lane, switch = mail_lane(), ChannelSwitch.objects.create(channel=EMAIL)
    row = lane if held == "lane" else switch
    type(row).objects.filter(pk=row.pk).update(paused_at=db_now())
    drain(EMAIL)
    openings.mark_held(db_now())
    mails(1)
    openings.mark_held(db_now())
    assert (states(), providers.journal("EMAIL"), Attempt.objects.count()) == ({HELD}, [], 0)
    assert health.survey(db_now() + timedelta(minutes=5)).due_since is None

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
    monkeypatch.setattr(openings, "_MARKED_AT_ONCE", 4)
    lane = make_lane(EMAIL)
    for number in range(10):
        make_message(lane=lane, due_at=timezone.now() - timedelta(minutes=number))
    Lane.objects.update(paused_at=db_now())
    assert [openings.mark_held(db_now()) for _ in range(4)] == [4, 4, 2, 0]
    assert states() == {HELD}
