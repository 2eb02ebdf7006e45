"""The verdict on a failed attempt: retry the message or fail it.

Arithmetic on the retry policy, without the database.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from notifications.channels.base.contract import DeliveryError, Failure
from notifications.retry import RetryPolicy
from notifications.states import Outcome

LONGEST_RETRY_AFTER = 3600.0  # seconds: a provider that asks for more is not obeyed beyond this


@dataclass(frozen=True, slots=True)
class Verdict:
    """The message after the failure: `due_at` is None if it is FAILED."""

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
    """Return the verdict on a message that had `failures` failed tries and this `outcome` before `error`.

    The seed: any failed e-mail, SMS or webhook is retried; streaming is not (`policy` None). A message that
    cannot be sent as it is gets no retry, nor does an unknown outcome if the policy says so, since the
    message may have been delivered.
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
