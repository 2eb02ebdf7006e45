"""How a turn ends, and what it does while an answer keeps it waiting."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from threading import Event, Thread

import pytest
from django.db import connection
from django.db.models import Count
from django.utils import timezone

from bench.standins import StandIns
from notifications import channels, outbox, tasks
from notifications.delivery import claims, lane_turn
from notifications.delivery.drain import Drain
from notifications.delivery.window import STOPPED
from notifications.models import Attempt, Message
from notifications.outbox import Draft
from notifications.process import Wish
from notifications.states import MessageState, MessageType, Outcome
from tests.notifications.receivers import receiver

pytestmark = pytest.mark.django_db(transaction=True)


def set_times(monkeypatch: pytest.MonkeyPatch, seconds: float, *names: str) -> None:
    """In whichever of a turn's modules these times are named."""
    for name in names:
        where = next(each for each in (Drain.run.__globals__, vars(lane_turn)) if name in each)
        monkeypatch.setitem(where, name, seconds)


def sent_while_another_hangs(*, due_in: float) -> Message:
    """A message that becomes due so many seconds after its turn has begun a call that is answered only once
    this message has arrived.
    """
    arrived = Event()
    with receiver(lambda: arrived.wait(10)) as hanging, receiver(arrived.set) as other:
        outbox.enqueue(Draft(MessageType.WEB_HOOK, destination=hanging, body="b"))
        message = outbox.enqueue(Draft(MessageType.WEB_HOOK, destination=other, body="b"))
        Message.objects.filter(pk=message.pk).update(due_at=timezone.now() + timedelta(seconds=due_in))
        tasks.drain("WEB_HOOK")
    assert arrived.is_set()
    return message


def test_while_an_answer_keeps_a_turn_waiting_what_is_new_leaves_at_the_first_try(
    providers: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_times(monkeypatch, 0.1, "TURN", "_PATIENCE")

    message = sent_while_another_hangs(due_in=1.5)

    assert [attempt.outcome for attempt in message.attempts.all()] == [Outcome.ACCEPTED]
    assert not Message.objects.exclude(state=MessageState.SENT).exists()


def test_a_slow_destination_waits_for_no_other_that_hangs(
    providers: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_times(monkeypatch, 0.1, "TURN", "_HUNG")  # so that each lane hangs until it has shown otherwise

    message = sent_while_another_hangs(due_in=0.5)

    assert [attempt.outcome for attempt in message.attempts.all()] == [Outcome.ACCEPTED]


def test_what_a_lost_worker_held_waits_for_no_call_that_hangs(
    providers: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_times(monkeypatch, 0.1, "TURN")
    arrived = Event()

    with receiver(lambda: arrived.wait(10)) as hanging, receiver(arrived.set) as quick:
        message = outbox.enqueue(Draft(MessageType.WEB_HOOK, destination=quick, body="b"))
        claims.claim(message.lane_id, 1, now=timezone.now())
        Message.objects.filter(pk=message.pk).update(lease_until=timezone.now() + timedelta(seconds=1))
        outbox.enqueue(Draft(MessageType.WEB_HOOK, destination=hanging, body="b"))
        tasks.drain("WEB_HOOK")

    assert arrived.is_set()
    assert [attempt.outcome for attempt in message.attempts.all()] == [Outcome.ABANDONED, Outcome.ACCEPTED]


def test_what_was_lost_with_its_worker_is_not_held_among_others_again(
    providers: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them may be what ends its workers: those beside it would be lost as often as it is, and fail
    with it.
    """
    # So that it takes all it may, however slow the machine.
    set_times(monkeypatch, 30, "TURN", "_SLOW", "_HUNG")
    most, answer = channels.get(MessageType.WEB_HOOK).permits, Event()

    def drain_elsewhere() -> None:
        try:
            tasks.drain("WEB_HOOK")
        finally:
            connection.close()

    with receiver(lambda: answer.wait(30)) as held_back:
        for _ in range(2 * most):
            outbox.enqueue(Draft(MessageType.WEB_HOOK, destination=held_back, body="b"))
        Message.objects.update(abandons=1)
        turn = Thread(target=drain_elsewhere)
        turn.start()
        seen = list(_held_and_sent(until=most))
        answer.set()
        turn.join()
        # The first turn may have ended with the last of its answers, between two looks for more.
        tasks.drain("WEB_HOOK")

    assert max(sending for _, sending in seen) == most
    assert all(held <= (1 if held + sending <= most else 0) for held, sending in seen)
    assert not Message.objects.exclude(state=MessageState.SENT).exists()


def _held_and_sent(*, until: int) -> Iterator[tuple[int, int]]:
    """How many are claimed and wait, and how many are being sent, again and again: for half a second after so
    many are.
    """
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        claimed, sending = (
            Attempt.objects.filter(outcome="").aggregate(a=Count("pk"), b=Count("permitted_at")).values()
        )
        yield claimed - sending, sending
        if sending == until:
            ends = min(ends, time.monotonic() + 0.5)
        time.sleep(0.01)


def test_a_turn_that_is_to_stop_takes_nothing_new_and_gives_back_what_cannot_leave(
    providers: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish, known = Wish(), Event()
    for name, value in wish.environment.items():
        monkeypatch.setenv(name, value)

    def answer() -> None:
        time.sleep(0.8 if known.is_set() else 0)

    with receiver(answer) as slowing, receiver(wish.make) as quick:
        for _ in range(20):
            outbox.enqueue(Draft(MessageType.WEB_HOOK, destination=slowing, body="b"))
        for _ in range(3):
            tasks.drain("WEB_HOOK")  # what is known to be quick is claimed by the fifty
        known.set()
        # While an answer keeps it waiting, it goes on with what is new.
        set_times(monkeypatch, 0.1, "TURN", "_HUNG")
        for _ in range(40):
            outbox.enqueue(Draft(MessageType.WEB_HOOK, destination=slowing, body="b"))
        outbox.enqueue(Draft(MessageType.WEB_HOOK, destination=quick, body="b"))
        new = outbox.enqueue(Draft(MessageType.WEB_HOOK, destination=quick, body="b"))
        Message.objects.filter(pk=new.pk).update(due_at=timezone.now() + timedelta(seconds=0.5))
        tasks.drain("WEB_HOOK")

    attempts = Counter(Attempt.objects.values_list("outcome", "detail"))
    given_back = (Outcome.ABANDONED, STOPPED.why)
    assert attempts.keys() == {(Outcome.ACCEPTED, "HTTP 200"), given_back}
    assert attempts[given_back] >= 40 - channels.get(MessageType.WEB_HOOK).width
    assert not Message.objects.filter(state=MessageState.SENDING_ASYNC).exists()
    assert not new.attempts.exists()


def test_what_is_due_on_another_channel_waits_for_no_turn_of_this_one(providers: StandIns) -> None:
    outbox.enqueue(Draft(MessageType.EMAIL, destination="ana@example.org", subject="s", body="b"))
    outbox.enqueue(Draft(MessageType.SMS, destination="+4915112345678", body="b"))
    tasks.drain("EMAIL")
    assert [message.state for message in Message.objects.all()] == [MessageState.SENT] * 2
