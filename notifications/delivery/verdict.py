"""What a failed attempt means for its message: wait for a retry, or fail.

Arithmetic over the policy, no database.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from notifications.channels.base.contract import DeliveryError, Failure
from notifications.retry import RetryPolicy
from notifications.states import Outcome

LONGEST_RETRY_AFTER = 3600.0  # seconds: a provider that asks for more is not obeyed beyond this


@dataclass(frozen=True, slots=True)
class Verdict:
    """The message after the failure: `due_at` is None when it has FAILED."""

    failures: int
    outcome: Outcome
    possible_duplicate: bool
    due_at: datetime | None


def judge(
    error: DeliveryError,
    *,
    failures: int,
    outcome: str,
    possible_duplicate: bool,
    policy: RetryPolicy | None,
    finished_at: datetime,
    chance: float = 0.5,
) -> Verdict:
    """The verdict on a message that had `failures` failed tries and this `outcome` before `error`.

    The seed: any failed e-mail, SMS or webhook is retried; streaming is not (`policy` None). What cannot be
    sent as it stands is not; neither is an unknown outcome where the policy says so, since it may have been
    delivered.
    """
    unknown = Outcome.UNKNOWN in (error.outcome, outcome)
    overall = Outcome.UNKNOWN if unknown else Outcome.REFUSED
    due_at = None
    if policy is not None and _retried(error, policy) and policy.allows(failures):
        wait = max(policy.wait(failures, chance=chance), min(error.retry_after or 0.0, LONGEST_RETRY_AFTER))
        due_at = finished_at + timedelta(seconds=wait)
    return Verdict(
        failures=failures + 1,
        outcome=overall,
        possible_duplicate=possible_duplicate or (unknown and due_at is not None),
        due_at=due_at,
    )


def _retried(error: DeliveryError, policy: RetryPolicy) -> bool:
    if error.kind is Failure.NEVER:
        return False
    if error.outcome == Outcome.UNKNOWN:
        return policy.unknown
    return error.kind is not Failure.PERMANENT or policy.permanent
