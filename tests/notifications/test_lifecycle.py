"""The lifecycle as a state machine: whatever workers, clocks and providers do, in whatever order, the log
does not lie.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bench.standins import StandIns
from commlog.models import User
from notifications import outbox
from notifications.channels import DeliveryError, Failure, Receipt
from notifications.delivery import claims, leases, results
from notifications.delivery.claims import LEASE, Claim
from notifications.delivery.results import NotStarted, Result
from notifications.failures import Reason
from notifications.lanes import openings
from notifications.models import Attempt, Message
from notifications.outbox import Draft, NotResendable
from notifications.process import this_process
from notifications.states import FINAL, MessageState, MessageType, Outcome

EXAMPLES = int(os.environ.get("LIFECYCLE_EXAMPLES", "25"))
DESTINATIONS = {MessageType.EMAIL: "ana@example.org", MessageType.SMS: "+491701234567"}
MOST_TRIES = 6

ANSWERS = {
    "yes": (Receipt("id", "250 ok"), True),
    "no": (DeliveryError(Reason.MESSAGING_EXCEPTION, "451"), False),
    "no for ever": (DeliveryError(Reason.MESSAGING_EXCEPTION, "550", kind=Failure.PERMANENT), False),
    "cannot be": (DeliveryError(Reason.SMS_TOO_LONG, "too long", kind=Failure.NEVER), False),
    "nothing, but it arrived": (
        DeliveryError(Reason.MESSAGING_EXCEPTION, "no answer", outcome=Outcome.UNKNOWN),
        True,
    ),
    "nothing, and it did not arrive": (
        DeliveryError(Reason.MESSAGING_EXCEPTION, "no answer", outcome=Outcome.UNKNOWN),
        False,
    ),
}


@dataclass
class InHand:
    """A claim in some worker's hands."""

    claim: Claim
    permitted: bool = False


class Lifecycle(RuleBasedStateMachine):
    """Workers that claim, send, die and come back late; a clock that only goes on; providers that remember
    what they got.
    """

    @initialize()
    def begin(self) -> None:
        self.block = transaction.atomic()
        self.block.__enter__()
        this_process.forget()
        self.now = datetime.now(UTC) + timedelta(seconds=1)
        self.hands: list[InHand] = []
        self.received: dict[int, int] = {}
        self.finals: dict[int, dict[str, Any]] = {}
        self.officer = User.objects.create(username="officer")

    def teardown(self) -> None:
        if hasattr(self, "block"):
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    # --- what can happen ---

    @rule(channel=st.sampled_from(sorted(DESTINATIONS)))
    def enqueue(self, channel: MessageType) -> None:
        subject = "s" if channel == MessageType.EMAIL else ""
        outbox.enqueue(Draft(channel, destination=DESTINATIONS[channel], subject=subject, body="b"))

    @rule(limit=st.integers(1, 3), channel=st.sampled_from(sorted(DESTINATIONS)))
    def claim(self, limit: int, channel: MessageType) -> None:
        for opening in openings.openings(self.now):
            if opening.channel == channel:
                self.hands += [InHand(claim) for claim in claims.claim(opening.lane_id, limit, now=self.now)]

    @precondition(lambda self: self.hands)
    @rule(data=st.data())
    def permit(self, data: st.DataObject) -> None:
        chosen = data.draw(st.lists(st.sampled_from(self.hands), unique_by=id, min_size=1, max_size=3))
        granted = {claim.attempt_id for claim in claims.permit([each.claim for each in chosen], now=self.now)}
        for each in chosen:
            assert not (each.permitted and each.claim.attempt_id in granted), "a permit was given twice"
            each.permitted = each.permitted or each.claim.attempt_id in granted

    @precondition(lambda self: any(each.permitted for each in self.hands))
    @rule(data=st.data(), answer=st.sampled_from(sorted(ANSWERS)), late=st.integers(0, 40))
    def send_and_record(self, data: st.DataObject, answer: str, late: int) -> None:
        """A permitted call is made; its result is recorded after a while, perhaps after the lease has
        lapsed.
        """
        hand = self._take(data, permitted=True)
        said, arrived = ANSWERS[answer]
        if arrived:
            self.received[hand.claim.message_id] = self.received.get(hand.claim.message_id, 0) + 1
        started, self.now = self.now, self.now + timedelta(seconds=late)
        if late > LEASE.total_seconds():
            leases.recover(self.now)
        results.record([Result(hand.claim, said, started, self.now)])

    @precondition(lambda self: any(each.permitted for each in self.hands))
    @rule(data=st.data(), arrived=st.booleans())
    def die_while_sending(self, data: st.DataObject, arrived: bool) -> None:
        hand = self._take(data, permitted=True)
        if arrived:
            self.received[hand.claim.message_id] = self.received.get(hand.claim.message_id, 0) + 1

    @precondition(lambda self: any(not each.permitted for each in self.hands))
    @rule(data=st.data())
    def die_before_sending(self, data: st.DataObject) -> None:
        self._take(data, permitted=False)

    @precondition(lambda self: any(each.permitted for each in self.hands))
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        results.record([Result(self._take(data, permitted=True).claim, NotStarted(), self.now, self.now)])

    @rule(seconds=st.sampled_from([0.1, 1, 5, 19, 21, 70]))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def recover(self) -> None:
        leases.recover(self.now)

    @precondition(lambda self: self.hands)
    @rule()
    def renew(self) -> None:
        claims.renew([each.claim for each in self.hands], now=self.now)

    @rule(data=st.data(), again=st.booleans())
    def resend(self, data: st.DataObject, again: bool) -> None:
        failed = list(Message.objects.failed())
        if not failed:
            return
        message = data.draw(st.sampled_from(failed))
        before = Message.objects.count()
        try:
            resent = outbox.resend(message, by=self.officer, again=again)
        except NotResendable:
            assert not again
            return
        assert Message.objects.count() == before + resent.created

    def _take(self, data: st.DataObject, *, permitted: bool) -> InHand:
        hand = data.draw(st.sampled_from([each for each in self.hands if each.permitted == permitted]))
        self.hands.remove(hand)
        return hand

    # --- what must hold ---

    @invariant()
    def the_log_does_not_lie(self) -> None:
        if not hasattr(self, "received"):
            return
        for message in Message.objects.prefetch_related("attempts"):
            self._check(message, list(message.attempts.all()))

    def _check(self, message: Message, attempts: list[Attempt]) -> None:
        received = self.received.get(message.pk, 0)
        unknown = [attempt for attempt in attempts if attempt.outcome == Outcome.UNKNOWN]
        assert [attempt.number for attempt in attempts] == list(range(1, len(attempts) + 1))
        assert sum(not attempt.outcome for attempt in attempts) == (
            message.state == MessageState.SENDING_ASYNC
        )
        if message.state == MessageState.SENT:
            assert received >= 1
            assert attempts[-1].outcome == Outcome.ACCEPTED
        if message.state == MessageState.FAILED and message.outcome != Outcome.UNKNOWN:
            assert received == 0, "failed for sure, but it arrived"
        if unknown and message.state != MessageState.SENDING_ASYNC:
            assert message.possible_duplicate or message.outcome == Outcome.UNKNOWN
        # A call that the worker does not know the end of yet may have arrived as well: the mark comes with
        # its end.
        under_way = sum(not attempt.outcome for attempt in attempts)
        if received - under_way > 1:
            assert message.possible_duplicate, "received twice and not marked"
        if message.type == MessageType.SMS:
            assert received <= 1, "an SMS was sent twice"
        counted = [attempt for attempt in attempts if attempt.outcome != Outcome.ABANDONED]
        assert len(counted) <= MOST_TRIES
        assert message.abandons <= results.MOST_ABANDONS
        for earlier, later in pairwise(attempts):
            assert earlier.finished_at is not None
            assert later.opened_at >= earlier.finished_at or earlier.outcome in (
                Outcome.UNKNOWN,
                Outcome.ABANDONED,
            )
        self._final_rows_stay(message)

    def _final_rows_stay(self, message: Message) -> None:
        if message.state not in FINAL:
            assert message.pk not in self.finals
            return
        row = Message.objects.filter(pk=message.pk).values().get()
        assert self.finals.setdefault(message.pk, row) == row, "a final row changed"


@pytest.mark.django_db
@pytest.mark.timeout(900)
def test_lifecycle(providers: StandIns) -> None:
    assert MessageType.SMS in django_settings.RETRY_POLICIES
    run_state_machine_as_test(
        Lifecycle,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
