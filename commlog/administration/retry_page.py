"""The retry policy as its page draws it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from django.conf import settings

from notifications import channels
from notifications.states import MessageType

CHANNELS = tuple(each.type for each in channels.ALL if each.retried)
MOST_DRAWN = 10  # retries; a policy that retries for ever has no end
WIDTH, MARGIN, GAP = 1000, 16, 34  # of the drawing, in units of its viewBox

# Field and description, as the documentation of the product prints them, and the setting's suffix.
FIELDS = (
    (
        "maxRetries",
        "The max number of retries to perform, counted from 0 to 4. -1 indicates to retry forever. The "
        "default value is 4.",
        "MAX_RETRIES",
    ),
    (
        "backOffDelay",
        "The delay between retries, exponentially backing off to the maxDelay and multiplying successive "
        "delays by a factor.",
        "BACK_OFF_DELAY",
    ),
    ("backOffMaxDelay", "The max delay between retries.", "BACK_OFF_MAX_DELAY"),
    ("delayFactor * backOffDelay", "Time to wait before retrying messages.", "DELAY_FACTOR"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """An attempt on the time line: number, wait before it, time, and position."""

    number: int
    wait: str
    at: str
    x: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """A channel's policy: values in the order of FIELDS, other rules in words, and time line."""

    channel: MessageType
    values: Sequence[str]
    rules: Sequence[str]
    steps: Sequence[Step]
    for_ever: bool
    setting: str


def drawn(channel: MessageType) -> Drawn:
    """Return the channel's current policy."""
    policy = settings.RETRY_POLICIES[channel]
    waits = policy.waits(most=MOST_DRAWN)
    factor = f"{policy.delay_factor:g} × {_seconds(policy.back_off_delay)}"
    return Drawn(
        channel=channel,
        values=(
            str(policy.max_retries),
            _seconds(policy.back_off_delay),
            _seconds(policy.back_off_max_delay),
            factor,
        ),
        rules=_rules(channel),
        steps=_steps(waits),
        for_ever=policy.retries is None,
        setting=f"RETRY_{channel}_",
    )


def _rules(channel: MessageType) -> list[str]:
    policy = settings.RETRY_POLICIES[channel]
    if not policy.enabled:
        return ["Retries are off: a message fails after one attempt."]
    unknown = (
        "retried and marked as a possible duplicate"
        if policy.unknown
        else "not retried, because the message may have been delivered"
    )
    permanent = "retried, too" if policy.permanent else "not retried"
    jitter = [f"Each delay varies randomly by up to {policy.jitter:.0%}."] if policy.jitter else []
    return [
        f"A permanent refusal by the provider is {permanent}.",
        f"An attempt with an unknown outcome is {unknown}.",
        *jitter,
    ]


def _steps(waits: Sequence[float]) -> list[Step]:
    """Return the first attempt and the retries, compressed to the right, never closer than GAP."""
    moments = [sum(waits[:count]) for count in range(len(waits) + 1)]
    scale = (WIDTH - 2 * MARGIN) / sqrt(moments[-1]) if moments[-1] else 0
    places: list[float] = []
    for moment in moments:
        places.append(max(MARGIN + scale * sqrt(moment), places[-1] + GAP if places else 0))
    return [
        Step(
            number=number + 1,
            wait=""
            if number == 0
            else "immediately"
            if waits[number - 1] == 0
            else f"after {_seconds(waits[number - 1])}",
            at=_seconds(moments[number]),
            x=min(round(place), WIDTH - MARGIN),
        )
        for number, place in enumerate(places)
    ]


def _seconds(value: float) -> str:
    return f"{value:,.10g} s"
