"""The schedule of retries: arithmetic only, no Django, no clock.

The seed's sentences ("5 more times after the initial attempt", "retried after 2, 6, 18 and 54 seconds, after
which it is considered failed") are met by the default: retry 0 follows the first failure at once.
"""

from dataclasses import dataclass, replace

FOR_EVER = -1


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The retry settings of one channel. Times are seconds.

    Raises ValueError for what Failsafe's RetryPolicy refuses too, naming the setting's suffix (an equal delay
    and maximum is allowed here).
    """

    max_retries: int = 4
    back_off_delay: float = 2.0
    back_off_max_delay: float = 60.0
    delay_factor: float = 3.0
    jitter: float = 0.0
    enabled: bool = True
    first_at_once: bool = True
    permanent: bool = True
    unknown: bool = True

    def __post_init__(self) -> None:
        _require(self.max_retries >= FOR_EVER, "MAX_RETRIES", "a whole number of at least -1 (-1: for ever)")
        _require(0 < self.back_off_delay <= 86_400, "BACK_OFF_DELAY", "more than 0 and at most 86400 seconds")
        _require(
            self.back_off_delay <= self.back_off_max_delay <= 604_800,
            "BACK_OFF_MAX_DELAY",
            "at least BACK_OFF_DELAY and at most 604800 seconds",
        )
        _require(1 < self.delay_factor <= 100, "DELAY_FACTOR", "more than 1 and at most 100")
        _require(0 <= self.jitter <= 1, "JITTER", "a share between 0 and 1")

    @property
    def retries(self) -> int | None:
        """How many retries follow the first attempt; None: no limit."""
        if not self.enabled:
            return 0
        return None if self.max_retries == FOR_EVER else self.max_retries + 1

    def with_unknown(self, retried: bool) -> "RetryPolicy":
        """Return the same policy, with or without retries after an attempt of unknown outcome."""
        return replace(self, unknown=retried)

    def allows(self, number: int) -> bool:
        """Return whether retry `number` (from 0) may still be made."""
        return self.retries is None or number < self.retries

    def wait(self, number: int, *, chance: float = 0.5) -> float:
        """Return the seconds from a failure to retry `number` (from 0).

        `chance` in [0, 1) moves it by ± jitter.
        """
        if self.first_at_once and number == 0:
            return 0.0
        step = number - 1 if self.first_at_once else number
        delay = min(self.back_off_max_delay, self._grown(step))
        return delay * (1 + self.jitter * (2 * chance - 1))

    def waits(self, *, most: int = 10) -> list[float]:
        """Return the waits before the first `most` retries, without jitter, for pages and documents."""
        count = most if self.retries is None else min(most, self.retries)
        return [self.wait(number) for number in range(count)]

    def _grown(self, step: int) -> float:
        delay = self.back_off_delay
        for _ in range(step):  # multiplied, not raised to a power: 3.0 ** 700 overflows
            delay *= self.delay_factor
            if delay >= self.back_off_max_delay:
                break
        return delay


def _require(holds: bool, name: str, allowed: str) -> None:
    if not holds:
        raise ValueError(f"{name}: {allowed}")
