"""The retry policy against the seed's sentences, and as arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.retry import RetryPolicy


class TestTheSeedsSentences:
    """Each sentence beside what meets it."""

    def test_five_more_times(self) -> None:
        """«By default, Mambu will retry 5 more times after the initial attempt.»"""
        assert RetryPolicy().retries == 5

    def test_counted_from_0_to_4(self) -> None:
        """«The max number of retries to perform, counted from 0 to 4. … The default value is 4.»"""
        policy = RetryPolicy()
        assert policy.max_retries == 4
        assert [number for number in range(100) if policy.allows(number)] == [0, 1, 2, 3, 4]

    def test_delays_between_the_retries(self) -> None:
        """«Using the default values, a message will be retried after 2, 6, 18 and 54 seconds, after which it
        is considered failed.»
        """
        assert RetryPolicy().waits() == [0, 2, 6, 18, 54]
        assert not RetryPolicy().allows(5)

    def test_for_ever(self) -> None:
        """«-1 indicates to retry forever.»"""
        policy = RetryPolicy(max_retries=-1)
        assert policy.retries is None
        assert policy.allows(10**9)
        assert policy.waits(most=8) == [0, 2, 6, 18, 54, 60, 60, 60]

    def test_multiplying_successive_delays_by_a_factor_up_to_the_maximum(self) -> None:
        """«The delay between retries, exponentially backing off to the maxDelay and multiplying successive
        delays by a factor.»
        """
        assert RetryPolicy(back_off_delay=1, delay_factor=10, back_off_max_delay=50).waits() == [
            0,
            1,
            10,
            50,
            50,
        ]


def test_waiting_before_the_first_retry_too() -> None:
    assert RetryPolicy(first_at_once=False).waits() == [2, 6, 18, 54, 60]


def test_disabled_means_none() -> None:
    assert RetryPolicy(enabled=False).waits() == []
    assert not RetryPolicy(enabled=False, max_retries=-1).allows(0)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"max_retries": -2}, "MAX_RETRIES"),
        ({"back_off_delay": 0}, "BACK_OFF_DELAY"),
        ({"back_off_delay": 61}, "BACK_OFF_MAX_DELAY"),
        ({"delay_factor": 1}, "DELAY_FACTOR"),
        ({"jitter": 1.5}, "JITTER"),
        ({"jitter": float("nan")}, "JITTER"),
    ],
)
def test_bad_values_are_refused_by_name(values: dict[str, float], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}: "):
        RetryPolicy(**values)  # type: ignore[arg-type]


@given(
    delay=st.floats(0.01, 100),
    factor=st.floats(1.01, 100),
    extra=st.floats(0, 1000),
    jitter=st.floats(0, 1),
    chance=st.floats(0, 1, exclude_max=True),
    number=st.integers(0, 10_000),
)
def test_a_wait_is_never_negative_and_never_beyond_the_maximum_and_its_jitter(
    delay: float, factor: float, extra: float, jitter: float, chance: float, number: int
) -> None:
    policy = RetryPolicy(
        max_retries=-1,
        back_off_delay=delay,
        back_off_max_delay=delay + extra,
        delay_factor=factor,
        jitter=jitter,
    )

    wait = policy.wait(number, chance=chance)

    assert 0 <= wait <= (delay + extra) * (1 + jitter) + 1e-9
    assert wait == 0 if number == 0 else wait >= delay * (1 - jitter) - 1e-9
