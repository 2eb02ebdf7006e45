"""How a turn ends, and what it does while an answer keeps it waiting."""

from datetime import timedelta
from threading import Event

import pytest
from django.utils import timezone

from commlog.demo.standins import StandIns
from notifications import outbox, tasks
from notifications.delivery import claims
from notifications.delivery.drain import Drain
from notifications.models import Message
from notifications.outbox import Draft
from notifications.states import MessageState, MessageType, Outcome
from tests.notifications.receivers import receiver

pytestmark = pytest.mark.django_db(transaction=True)


def sent_while_another_hangs(*, due_in: float) -> Message:
    """A message that becomes due so many seconds after its turn has begun a call that is answered only once this message has arrived."""
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
    for name in ("TURN", "_PATIENCE"):
        monkeypatch.setitem(Drain.run.__globals__, name, 0.1)

    message = sent_while_another_hangs(due_in=1.5)

    assert [attempt.outcome for attempt in message.attempts.all()] == [Outcome.ACCEPTED]
    assert not Message.objects.exclude(state=MessageState.SENT).exists()


def test_a_slow_destination_waits_for_no_other_that_hangs(providers: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TURN", "_HUNG"):
        monkeypatch.setitem(Drain.run.__globals__, name, 0.1)  # so that each lane hangs until it has shown otherwise

    message = sent_while_another_hangs(due_in=0.5)

    assert [attempt.outcome for attempt in message.attempts.all()] == [Outcome.ACCEPTED]


def test_what_a_lost_worker_held_waits_for_no_call_that_hangs(providers: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Drain.run.__globals__, "TURN", 0.1)
    monkeypatch.setattr(claims, "RENEW_EVERY", 0.3)
    arrived = Event()

    with receiver(lambda: arrived.wait(10)) as hanging, receiver(arrived.set) as quick:
        message = outbox.enqueue(Draft(MessageType.WEB_HOOK, destination=quick, body="b"))
        claims.claim(message.lane_id, 1, now=timezone.now())
        Message.objects.filter(pk=message.pk).update(lease_until=timezone.now() + timedelta(seconds=1))
        outbox.enqueue(Draft(MessageType.WEB_HOOK, destination=hanging, body="b"))
        tasks.drain("WEB_HOOK")

    assert arrived.is_set()
    assert [attempt.outcome for attempt in message.attempts.all()] == [Outcome.ABANDONED, Outcome.ACCEPTED]
