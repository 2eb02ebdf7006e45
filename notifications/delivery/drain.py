"""A drain: one worker's turn at the due messages.

Claim, permit, send and record until nothing is due or the time is up.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from itertools import chain

from django.db import Error, InterfaceError, OperationalError, connection, transaction

from notifications import channels
from notifications.channels import DeliveryError
from notifications.database import availability, sql
from notifications.database.clock import Clock
from notifications.delivery import (
    appending,
    breaker,
    claims,
    fast_path,
    lane_effects,
    leases,
    results,
    throttle_detection,
)
from notifications.delivery.circuits import Trouble
from notifications.delivery.claims import LEASE, Claim
from notifications.delivery.lane_turn import FEW, LaneTurn
from notifications.delivery.results import NotStarted, Result
from notifications.delivery.window import STOPPED, Done, Finished
from notifications.lanes import openings
from notifications.lanes.openings import Opening
from notifications.process import this_process
from notifications.states import MessageType

TURN = 2.0  # seconds after which a drain claims no more, so that other work gets its turn
_LONGEST = 120.0  # seconds after its turn that a worker takes others' work because some of its own hangs
_PATIENCE = 5.0  # seconds after its end that a turn still waits to send what it has claimed of a slow lane
_GATHER = 0.02  # seconds to wait for more results before recording those that are there
_LOOK = 0.05  # seconds between looks for due work while only slow sends are out
_RECOVER = 1.0  # seconds between looks for lapsed claims
_HELD = 0.5  # seconds between looks whether what is claimed may still leave

_AGAIN = 0.5  # seconds between tries to write down how a broken turn ended
_LEAVE_AFTER = 75.0  # seconds of such tries: longer than any call takes
_UNREACHABLE = (OperationalError, InterfaceError)
_LANE_HELD = NotStarted(
    "Given back: its channel was paused, or its provider got into trouble or asked for fewer messages."
)
_DATABASE_GONE = NotStarted("Given back: the database did not answer.")
# Whose fault it was is not known, so it counts like a lost worker, at the pace of lost workers.
_FAULT = NotStarted(
    "Given back: the sender met an error of its own before anything was sent.", wait=LEASE, suspect=True
)

logger = logging.getLogger(__name__)


def drain(channel: MessageType) -> int:
    """Send due messages for about two seconds: all of this channel, and others' whose lanes do not hang.

    Returns the number of calls made.
    """
    with sql.prepared():
        return Drain(channel).run()


class Drain:
    """The state of one turn."""

    def __init__(self, channel: MessageType) -> None:
        self.channel = channel
        self.clock = Clock()
        self.lanes: dict[int, LaneTurn] = {}  # those of which something was claimed
        self.done = Finished()
        self.unrecorded: list[Result] = []
        self.calls = 0
        self.turn_ends = time.monotonic() + TURN
        self.renew_at = time.monotonic() + claims.RENEW_EVERY
        self.recover_at = 0.0  # when to look for lapsed claims
        self.look_at = 0.0
        self.held_at = time.monotonic() + _HELD  # when to look for lanes that are held back meanwhile

    def run(self) -> int:
        """Run the whole turn and return the number of calls made."""
        try:
            while True:
                self._recover()
                self._claim_more()
                if not any(each.out or each.waiting for each in self.lanes.values()):
                    return self.calls
                self._gather()
                for each in self._settle_and_permit():
                    self.lanes[each.lane_id].start(each, self.done.put)
        except Exception as error:
            # A full disk breaks every turn off, for hours.
            if self._out or availability.trouble_of(error) is None:
                logger.warning("a turn broke off with %s calls under way: %s", self._out, error)
            self._end_broken(error)
            raise

    # --- claiming ---

    def _recover(self) -> None:
        """Recover lapsed claims, at the start and every second of the turn.

        All other workers may be waiting for calls that hang.
        """
        if time.monotonic() >= self.recover_at:
            self.recover_at = time.monotonic() + _RECOVER
            leases.recover(self.clock.now())

    def _claim_more(self) -> None:
        now = time.monotonic()
        over = now >= self.turn_ends
        if (
            this_process.is_to_stop()
            or now < self.look_at
            or (over and not self._only_waits(now))
            or self._has_plenty()
        ):
            return
        moment = self.clock.now()
        found: Counter[int] = Counter()
        for opening in openings.openings(moment):
            lane = self.lanes.get(opening.lane_id) or LaneTurn(opening.lane_id, opening.channel)
            room = min(lane.room(opening), opening.room - found[lane.lane_id])
            if room > 0 and self._takes(lane, opening, over=over):
                self.lanes[lane.lane_id] = lane
                if lane.window.channel.inline:
                    self._append(lane, opening, room)
                else:
                    found[lane.lane_id] += lane.claim(opening, room, now=moment)
        self.look_at = 0.0 if found.total() else now + _LOOK

    def _append(self, lane: LaneTurn, opening: Opening, room: int) -> None:
        """Append due messages to our own database while any is due and the turn lasts."""

        def claimed() -> list[Claim]:
            lane.claim(opening, room, now=self.clock.now())
            return lane.withdraw()[::-1]

        count = room
        while count >= room:
            count = appending.append(opening.channel, claimed, self.clock)
            self.calls += count
            if this_process.is_to_stop() or time.monotonic() >= self.turn_ends:
                return

    def _takes(self, lane: LaneTurn, opening: Opening, *, over: bool) -> bool:
        """Return whether this turn may claim from the opening.

        Due messages of another channel must not wait for a backlog of this one.
        """
        if over:
            return lane.must_not_wait(self.lanes.values())
        if opening.channel == self.channel:
            return True
        # What goes to our own database goes on for the whole of a turn.
        return not (lane.hangs or lane.window.channel.inline or channels.get(self.channel).inline)

    def _only_waits(self, now: float) -> bool:
        """Return whether the turn is only waiting for hanging calls.

        The worker would be lost to all others until the calls end, so it goes on with other lanes' work.
        """
        return now < self.turn_ends + _LONGEST and any(each.has_hanging_call for each in self.lanes.values())

    def _has_plenty(self) -> bool:
        """Return whether enough messages of quick lanes wait. Those of slow lanes keep nobody busy."""
        return (
            sum(len(each.waiting) for each in self.lanes.values() if each.waiting and not each.is_slow) >= FEW
        )

    def _give_back_the_slow(self, chosen: list[Claim], why: NotStarted) -> None:
        """Give back claims of slow lanes that cannot leave now.

        Otherwise a turn that is over, or is to stop, would last for minutes.
        """
        leaving = Counter(each.lane_id for each in chosen)
        for lane_id, lane in self.lanes.items():
            if lane.is_slow:
                self._give_back(lane.withdraw(but=leaving[lane_id]), why)

    def _give_back_the_held(self, held_back: Iterable[int]) -> None:
        """Give back claims of lanes that were paused or slowed down meanwhile, or whose circuit opened."""
        for lane_id in held_back:
            self._give_back(self.lanes[lane_id].withdraw(), _LANE_HELD)
        now = time.monotonic()
        if now < self.held_at or not any(each.waiting for each in self.lanes.values()):
            return
        self.held_at = now + _HELD
        held = openings.held()
        for lane_id, lane in self.lanes.items():
            if (
                lane.waiting
                and lane_id in held
                and not (held[lane_id] and all(each.trial for each in lane.waiting))
            ):
                self._give_back(lane.withdraw(), _LANE_HELD)

    def _give_back(self, unsent: Iterable[Claim], why: NotStarted) -> None:
        moment = self.clock.at(time.monotonic())
        self.unrecorded += [Result(each, why, moment, moment) for each in unsent]

    # --- permits and results ---

    @property
    def _out(self) -> int:
        """The number of calls under way."""
        return sum(len(each.out) for each in self.lanes.values())

    def _gather(self) -> None:
        """Collect results: most of a window, or those of the next 20 ms."""
        if not self._out:
            return
        # So many results one transaction records at best. A lane of which few come waits for the others, at
        # most for these 20 ms.
        batch = max(min(each.window.batch, len(each.out)) for each in self.lanes.values())
        finished = self.done.take(batch, timeout=0 if self.unrecorded else _GATHER)
        for done in finished:
            del self.lanes[done.claim.lane_id].out[done.claim.attempt_id]
        self.unrecorded += throttle_detection.read(map(self._result, finished))

    def _settle_and_permit(self) -> list[Claim]:
        """Record the last results, renew leases and permit the next claims, which are returned.

        Results and permits take one transaction.
        """
        if any(isinstance(each.answer, DeliveryError) for each in self.unrecorded):
            self.look_at = 0.0  # the first retry is due at once
        troubles, throttled = breaker.note(self.unrecorded), lane_effects.throttled(self.unrecorded)
        self._give_back_the_held([*troubles, *throttled])
        chosen = [claim for lane in self.lanes.values() if lane.waiting for claim in lane.startable()]
        stop = this_process.is_to_stop()
        if stop or time.monotonic() > self.turn_ends + _PATIENCE:
            self._give_back_the_slow(chosen, STOPPED if stop else NotStarted())
        self._renew_leases()
        if not self.unrecorded and not chosen:
            return []
        now = self.clock.now()
        if fast_path.fits(self.unrecorded, chosen):
            permitted = fast_path.record_and_permit(self.unrecorded, chosen, now=now)
        else:
            permitted = self._in_steps(chosen, troubles, throttled, now)
        self.unrecorded = []
        for each in chosen:
            self.lanes[each.lane_id].waiting.popleft()
        self.calls += len(permitted)
        return permitted

    def _in_steps(
        self, chosen: list[Claim], troubles: dict[int, Trouble], throttled: dict[int, float], now: datetime
    ) -> list[Claim]:
        with transaction.atomic():
            lane_effects.hold(self.unrecorded, [*troubles, *throttled])
            open_lanes = lane_effects.open_lanes(self.unrecorded)
            results.record(
                [
                    lane_effects.spared(each, open_lanes.get(each.claim.lane_id), now)
                    for each in self.unrecorded
                ]
            )
            lane_effects.judge(self.unrecorded, open_lanes, troubles, now=now)
            for lane_id, rest in throttled.items():
                openings.slow_down(lane_id, rest=rest, now=now)
            return claims.permit(chosen, now=now)

    def _result(self, done: Done) -> Result:
        return Result(done.claim, done.answer, self.clock.at(done.started), self.clock.at(done.finished))

    def _renew_leases(self) -> None:
        if time.monotonic() < self.renew_at:
            return
        self.renew_at = time.monotonic() + claims.RENEW_EVERY
        claims.renew(chain.from_iterable(each.held for each in self.lanes.values()), now=self.clock.now())

    # --- a turn that broke off ---

    def _end_broken(self, error: Exception) -> None:
        """Record what is known after an error.

        Claims that were not sent go back, calls under way are awaited, and their results are recorded.
        """
        why = _DATABASE_GONE if _unreachable(error) else _FAULT
        for lane in self.lanes.values():
            self._give_back(lane.withdraw(), why)
        until = time.monotonic() + _LEAVE_AFTER
        while (self._out or self.unrecorded) and time.monotonic() < until:
            self._gather()
            try:
                self._renew_leases()
                self._record_one_by_one()
            except Error:
                connection.close()
                time.sleep(_AGAIN)

    def _record_one_by_one(self) -> None:
        """Record each result in its own transaction, so that a bad one blocks no other.

        The lease of a message whose result cannot be recorded lapses, and another worker settles it.
        """
        while self.unrecorded:
            try:
                with transaction.atomic():
                    results.record(self.unrecorded[:1])
            except Exception as error:
                if _unreachable(error):
                    raise
                logger.exception(
                    "the result of message %s cannot be recorded", self.unrecorded[0].claim.message_id
                )
            self.unrecorded.pop(0)


def _unreachable(error: Exception) -> bool:
    """Return whether the error is the database's, so that the same statement may succeed later."""
    return isinstance(error, _UNREACHABLE) or availability.trouble_of(error) is not None
