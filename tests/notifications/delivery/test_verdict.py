"""What a failed attempt means for its message."""

from datetime import UTC, datetime, timedelta

import pytest

from notifications.channels.base.contract import DeliveryError, Failure
from notifications.delivery.verdict import Verdict, judge
from notifications.failures import Reason
from notifications.retry import RetryPolicy
from notifications.states import Outcome

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
REFUSED = DeliveryError(Reason.INVALID_HTTP_RESPONSE, "HTTP 503")
PERMANENT = DeliveryError(Reason.INVALID_HTTP_RESPONSE, "HTTP 410", kind=Failure.PERMANENT)
NEVER = DeliveryError(Reason.SMS_TOO_LONG, kind=Failure.NEVER)
UNKNOWN = DeliveryError(Reason.MESSAGING_EXCEPTION, "no answer", outcome=Outcome.UNKNOWN)


def verdict(
    error: DeliveryError, policy: RetryPolicy | None = None, *, failures: int = 0, outcome: str = ""
) -> Verdict:
    policy = policy or RetryPolicy()
    return judge(
        error, failures=failures, outcome=outcome, possible_duplicate=False, policy=policy, finished_at=NOW
    )


def test_five_retries_with_the_seed_s_waits_then_failed() -> None:
    waits = [verdict(REFUSED, failures=failures).due_at for failures in range(6)]

    assert waits == [*(NOW + timedelta(seconds=wait) for wait in (0, 2, 6, 18, 54)), None]


def test_what_can_never_be_sent_fails_at_once() -> None:
    assert verdict(NEVER).due_at is None


def test_a_provider_s_permanent_refusal_is_retried_unless_the_operator_says_otherwise() -> None:
    assert verdict(PERMANENT).due_at == NOW
    assert verdict(PERMANENT, RetryPolicy(permanent=False)).due_at is None
    assert verdict(REFUSED, RetryPolicy(permanent=False)).due_at == NOW


def test_an_unknown_outcome_is_retried_and_marked_as_a_possible_duplicate() -> None:
    given = verdict(UNKNOWN)

    assert (given.due_at, given.outcome, given.possible_duplicate) == (NOW, Outcome.UNKNOWN, True)


def test_an_unknown_outcome_is_not_retried_where_a_repetition_would_reach_the_customer_twice() -> None:
    given = verdict(UNKNOWN, RetryPolicy(unknown=False))

    assert (given.due_at, given.outcome, given.possible_duplicate) == (None, Outcome.UNKNOWN, False)


def test_once_unknown_a_later_refusal_makes_it_no_more_certain() -> None:
    given = verdict(REFUSED, failures=5, outcome=Outcome.UNKNOWN)

    assert (given.due_at, given.outcome) == (None, Outcome.UNKNOWN)


@pytest.mark.parametrize(("asked", "waited"), [(1.0, 2.0), (7.5, 7.5), (1e9, 3600.0)])
def test_a_provider_s_retry_after_is_obeyed_when_it_is_longer_up_to_an_hour(
    asked: float, waited: float
) -> None:
    error = DeliveryError(Reason.INVALID_HTTP_RESPONSE, "HTTP 429", retry_after=asked)

    assert verdict(error, failures=1).due_at == NOW + timedelta(seconds=waited)


def test_without_a_policy_nothing_is_retried() -> None:
    given = judge(REFUSED, failures=0, outcome="", possible_duplicate=False, policy=None, finished_at=NOW)

    assert (given.due_at, given.failures) == (None, 1)
