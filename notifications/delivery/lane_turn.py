"""One lane in a worker's turn: claims that wait, calls under way, and how many more to claim."""

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
    """The state of one lane in one turn. Its window outlives the turn, with its threads and connections."""

    def __init__(self, lane_id: int, channel: MessageType) -> None:
        self.lane_id = lane_id
        self.window = _window(lane_id, channel)
        self.waiting: deque[Claim] = deque()  # claimed, not yet permitted
        self.out: dict[int, Call] = {}  # permitted and under way, by attempt, the oldest first

    @property
    def held(self) -> Iterator[Claim]:
        """All claims of this worker in the lane, calls under way first."""
        return chain((each.claim for each in self.out.values()), self.waiting)

    # --- how it does ---

    @property
    def has_hanging_call(self) -> bool:
        """Whether a call has taken too long already."""
        return self._waits_for(_HUNG)

    @property
    def hangs(self) -> bool:
        """Whether a call hangs, or calls have been that slow lately."""
        return self.window.pace > _HUNG or self.has_hanging_call

    @property
    def is_slow(self) -> bool:
        """Whether the lane is slow: its claims would wait long and keep nobody busy."""
        return self.window.pace > _SLOW or self.hangs

    def must_not_wait(self, others: Iterable["LaneTurn"]) -> bool:
        """Return whether to go on with this lane after the turn's end.

        It must not hang, or must at least answer sooner than the calls that the turn is waiting for
        elsewhere.
        """
        if not self.hangs:
            return True
        pace = self.window.pace
        return pace < _DEAD and any(each is not self and each._waits_for(max(_HUNG, pace)) for each in others)

    def _waits_for(self, seconds: float) -> bool:
        """Return whether the oldest call has been under way for longer than `seconds`."""
        oldest = next(iter(self.out.values()), None)
        return oldest is not None and oldest.submitted < time.monotonic() - seconds

    # --- claiming ---

    def room(self, opening: Opening) -> int:
        """Return how many more messages to claim: fifty at a time of a fast lane, fewer of a slow one.

        A slow lane gets only as many as its threads have room for.
        """
        if self.is_slow:
            room = self.window.channel.width - len(self.out) - len(self.waiting)
        else:
            room = self._at_once - len(self.waiting) if len(self.waiting) < FEW else 0
        if opening.most_out is None:
            return room
        same = sum(each.trial and each.parked == opening.parked for each in self.held)
        return min(room, opening.most_out - same)

    def claim(self, opening: Opening, room: int, *, now: datetime) -> int:
        """Claim up to `room` due messages and return how many were claimed.

        On a lane in trouble, messages to failed destinations are first set apart; only probes try them.
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
        """How many to claim at once: more for our own database, as most of a statement's cost is fixed."""
        channel = self.window.channel
        return channel.permits if channel.inline else _AT_ONCE

    # --- sending ---

    @property
    def _may_leave(self) -> int:
        """How many more calls may be permitted."""
        return self.window.most_permitted - len(self.out)

    def startable(self) -> Iterator[Claim]:
        """Return the claims that may be sent next, as far as the window has room."""
        return islice(self.waiting, max(0, self._may_leave))

    def start(self, claim: Claim, done: Callable[[Done], None]) -> None:
        """Send a permitted message; `done` gets the result, on a thread of the window."""
        now = time.monotonic()
        call = self.out[claim.attempt_id] = Call(claim, submitted=now, start_by=now + _START_WITHIN)
        self.window.submit(call, done)

    def withdraw(self, *, but: int = 0) -> list[Claim]:
        """Remove and return the waiting claims, except the first `but`, which are leaving."""
        return [self.waiting.pop() for _ in range(len(self.waiting) - but)]


def _window(lane_id: int, channel: MessageType) -> Window:
    if lane_id not in _windows:
        _windows[lane_id] = Window(channels.get(channel))
    return _windows[lane_id]
