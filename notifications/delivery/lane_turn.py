"""One lane in a worker's turn: what is claimed and waits, what is out, and how much more of it to hold."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import chain, islice

from notifications import channels
from notifications.delivery import circuits, claims
from notifications.delivery.claims import LEASE, Claim
from notifications.delivery.window import Call, Done, Window
from notifications.lanes import openings
from notifications.lanes.openings import Opening
from notifications.process import this_process
from notifications.states import MessageType

FEW = 15  # of a quick lane: with fewer than that in hand, more are claimed
_AT_ONCE = 50  # messages a claim
_SLOW = 0.3  # seconds a send: a lane slower than this is claimed only as its window has room
_HUNG = 1.0  # seconds a single send may take before its lane counts as hanging
_DEAD = 4.0  # seconds a send, of late: one call that ran into its deadline makes as much
_START_WITHIN = LEASE.total_seconds() / 2

_windows: dict[int, Window] = this_process.keep({})


class LaneTurn:
    """The state of one lane in one turn. Its window outlives the turn, as its threads and connections do."""

    def __init__(self, lane_id: int, channel: MessageType) -> None:
        self.lane_id = lane_id
        self.window = _window(lane_id, channel)
        self.waiting: deque[Claim] = deque()  # claimed, not yet permitted
        self.out: dict[int, Call] = {}  # permitted and under way, by attempt, the oldest first

    @property
    def held(self) -> Iterator[Claim]:
        """All that is in this worker's hands."""
        return chain((each.claim for each in self.out.values()), self.waiting)

    # --- how it does ---

    @property
    def has_hanging_call(self) -> bool:
        """Whether a call has taken too long already."""
        return self._waits_for(_HUNG)

    @property
    def hangs(self) -> bool:
        """Whether a call does, or they have done so of late."""
        return self.window.pace > _HUNG or self.has_hanging_call

    @property
    def is_slow(self) -> bool:
        """Whether it keeps nobody busy: what waits for it would wait long."""
        return self.window.pace > _SLOW or self.hangs

    def must_not_wait(self, others: Iterable["LaneTurn"]) -> bool:
        """After the turn: whether it does not hang, or is slow and yet answers sooner than what the turn is
        waiting for elsewhere.
        """
        if not self.hangs:
            return True
        pace = self.window.pace
        return pace < _DEAD and any(each is not self and each._waits_for(max(_HUNG, pace)) for each in others)

    def _waits_for(self, seconds: float) -> bool:
        """Whether its oldest call has been under way for longer than that."""
        oldest = next(iter(self.out.values()), None)
        return oldest is not None and oldest.submitted < time.monotonic() - seconds

    # --- claiming ---

    def room(self, opening: Opening) -> int:
        """How many more of its messages to hold: a fast lane's by the fifty, a slow one's as they leave."""
        if self.is_slow:
            room = self.window.channel.width - len(self.out) - len(self.waiting)
        else:
            room = self._at_once - len(self.waiting) if len(self.waiting) < FEW else 0
        if opening.most_out is None:
            return room
        same = sum(each.trial and each.parked == opening.parked for each in self.held)
        return min(room, opening.most_out - same)

    def claim(self, opening: Opening, room: int, *, now: datetime) -> int:
        """Claim up to `room` of what is due; how many.

        On a lane in trouble, what failed is set apart first, and tried by a probe.
        """
        wanted = openings.take(opening, room, now=now)
        if opening.trial and not opening.parked and wanted:
            circuits.park(self.lane_id, wanted, now=now)
        # What may be what ends its workers waits here for nothing: neither it nor its neighbours are held
        # while others are lost.
        suspects = not self.waiting and self._may_leave > 0
        claimed = claims.claim(
            self.lane_id, wanted, now=now, suspects=suspects, trial=opening.trial, parked=opening.parked
        )
        self.waiting.extend(claimed)
        return len(claimed)

    @property
    def _at_once(self) -> int:
        """More of what goes to our own database: most of what a statement costs it costs once."""
        channel = self.window.channel
        return channel.permits if channel.inline else _AT_ONCE

    # --- sending ---

    @property
    def _may_leave(self) -> int:
        """How many more may be permitted."""
        return self.window.most_permitted - len(self.out)

    def startable(self) -> Iterator[Claim]:
        """The claims that may go out next, as far as the window has room."""
        return islice(self.waiting, max(0, self._may_leave))

    def start(self, claim: Claim, done: Callable[[Done], None]) -> None:
        """Send what was permitted; `done` gets the result, on a thread of the window."""
        now = time.monotonic()
        call = self.out[claim.attempt_id] = Call(claim, submitted=now, start_by=now + _START_WITHIN)
        self.window.submit(call, done)

    def withdraw(self, *, but: int = 0) -> list[Claim]:
        """Take back what waits, except for the first ones, which are leaving."""
        return [self.waiting.pop() for _ in range(len(self.waiting) - but)]


def _window(lane_id: int, channel: MessageType) -> Window:
    if lane_id not in _windows:
        _windows[lane_id] = Window(channels.get(channel))
    return _windows[lane_id]
