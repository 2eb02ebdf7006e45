"""The rate limit of a lane: arithmetic alone, without the database.

Times are Unix times, rates are messages a second. A limit is set by hand, or follows from what the provider
accepted when it asked for fewer messages. All hosts use the lane's row, so they share the limit: what one of
them takes out of the bucket is missing for the others.
"""

from typing import NamedTuple, Self

LOOK_BACK = 2.0  # seconds over which is counted what a provider took
_BUCKET = 0.25  # seconds of a limited lane's rate that may leave at once
_BELOW = 0.9  # of what its provider took lately: the pace of a lane that was told to slow down
_GROWTH = 1.02  # a second, from then on
_SLOWEST, _FREE = 1.0, 2_000.0  # a pace that has grown beyond _FREE holds nothing back
_UNTRIED = 4.0  # to destinations that have not failed, while the lane delivers nothing
_SETTLES = 1.0  # seconds in which answers to what left before may still come
_LONGEST_GROWTH = 3_600.0  # seconds
_LONGEST_REST = 60.0  # seconds that a provider may ask for


class Pace(NamedTuple):
    """The limit, learned pace and token bucket of a lane, as its row has them."""

    rate: float | None
    pace: float | None
    paced_at: float | None
    tokens: float
    tokens_at: float

    def limit(self, now: float, *, delivers: bool = True) -> float | None:
        """Return the rate at which messages may leave; None: no limit.

        A lane that delivers nothing is tried with a few messages.
        """
        limits = (self.rate, None if delivers else _UNTRIED, self._grown(now))
        return min((each for each in limits if each is not None), default=None)

    def _grown(self, now: float) -> float | None:
        if self.pace is None or self.paced_at is None:
            return None
        grown = self.pace * _GROWTH ** min(max(0.0, now - self.paced_at), _LONGEST_GROWTH)
        return grown if grown < _FREE else None

    def filled(self, now: float, *, delivers: bool = True) -> float | None:
        """Return the tokens in the bucket; None: no limit.

        There are never more than a quarter of a second's messages, or one.
        """
        limit = self.limit(now, delivers=delivers)
        if limit is None:
            return None
        return min(max(1.0, limit * _BUCKET), self.tokens + limit * max(0.0, now - self.tokens_at))

    def settles(self, now: float) -> bool:
        """Return whether the lane was slowed down just now: answers that still come are to earlier sends."""
        return self.paced_at is not None and now - self.paced_at < _SETTLES

    def slowed(self, accepted: int, now: float, *, rest: float = 0.0) -> Self:
        """Return a slower pace for a lane whose provider asked for fewer messages and `rest` seconds of rest.

        `accepted` is how many messages the provider took within LOOK_BACK. For a lane that ran without a pace
        they may all be of the last second.
        """
        took, present = accepted / LOOK_BACK if self.pace else float(accepted), self._grown(now)
        pace = max(_SLOWEST, _BELOW * (took if present is None else min(took, present)))
        begins = now + min(rest, _LONGEST_REST)  # until then the bucket fills with nothing
        return self._replace(pace=pace, paced_at=now, tokens=0.0, tokens_at=begins)
