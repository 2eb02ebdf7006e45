"""How fast a lane may go, as arithmetic."""

import pytest

from notifications.lanes.pace import Pace

FREE = Pace(rate=None, pace=None, paced_at=None, tokens=0.0, tokens_at=0.0)
NOW = 1_000.0


def test_a_lane_without_a_limit_has_no_bucket() -> None:
    assert (FREE.limit(NOW), FREE.filled(NOW)) == (None, None)


@pytest.mark.parametrize(
    ("lane", "delivers", "limit"),
    [
        (FREE._replace(rate=8.0), True, 8.0),
        (FREE._replace(rate=8.0), False, 4.0),  # in trouble: a few a second
        (FREE._replace(rate=3.0), False, 3.0),
        (FREE, False, 4.0),
        (FREE._replace(pace=5.0, paced_at=NOW), True, 5.0),
        (FREE._replace(pace=5.0, paced_at=NOW + 60), True, 5.0),  # by the clock of another host
        # Twice as many after 35 seconds.
        (FREE._replace(pace=5.0, paced_at=NOW - 35), True, pytest.approx(10.0, rel=0.01)),
        (FREE._replace(rate=8.0, pace=5.0, paced_at=NOW - 35), True, 8.0),
        (FREE._replace(rate=8.0, pace=5.0, paced_at=NOW), True, 5.0),
        (FREE._replace(pace=5.0, paced_at=NOW - 300), True, pytest.approx(1_900.0, rel=0.01)),
        (FREE._replace(pace=5.0, paced_at=NOW - 303), True, None),  # beyond 2,000 it holds nothing back
        (FREE._replace(pace=5.0, paced_at=-1e12), True, None),
    ],
)
def test_the_lowest_of_the_limits_holds(lane: Pace, delivers: bool, limit: float | None) -> None:
    assert lane.limit(NOW, delivers=delivers) == limit


@pytest.mark.parametrize(
    ("rate", "tokens", "seconds", "filled"),
    [
        (40.0, 0.0, 0.0, 0.0),
        (40.0, 0.0, 0.1, 4.0),
        (40.0, 3.0, 0.1, 7.0),
        (40.0, 3.0, 60.0, 10.0),  # a quarter of a second's
        (40.0, 3.0, -60.0, 3.0),  # it fills from a later moment on
        (0.5, 0.0, 60.0, 1.0),  # or one
    ],
)
def test_a_bucket_fills_up_to_a_quarter_of_a_second(
    rate: float, tokens: float, seconds: float, filled: float
) -> None:
    lane = FREE._replace(rate=rate, tokens=tokens, tokens_at=NOW - seconds)

    assert lane.filled(NOW) == pytest.approx(filled)


@pytest.mark.parametrize(
    ("lane", "accepted", "pace"),
    [
        (FREE, 30, 27.0),
        (FREE, 0, 1.0),  # never slower than one a second
        (FREE._replace(pace=100.0, paced_at=NOW - 4), 30, 13.5),  # of two seconds
        (FREE._replace(pace=10.0, paced_at=NOW - 35), 60, 18.0),  # below its present pace where it took more
        (FREE._replace(rate=8.0), 30, 27.0),  # the limit by hand holds beside it
    ],
)
def test_it_goes_on_below_what_was_accepted(lane: Pace, accepted: int, pace: float) -> None:
    slower = lane.slowed(accepted, NOW)

    assert slower == lane._replace(
        pace=pytest.approx(pace, rel=0.01), paced_at=NOW, tokens=0.0, tokens_at=NOW
    )


@pytest.mark.parametrize(
    ("rest", "begins", "soon"), [(0.0, NOW, 2.7), (10.0, NOW + 10, 3.3), (3_600.0, NOW + 60, 8.9)]
)
def test_a_rest_keeps_the_bucket_empty_for_up_to_a_minute(rest: float, begins: float, soon: float) -> None:
    slower = FREE.slowed(30, NOW, rest=rest)

    assert [slower.filled(at) for at in (begins, begins + 0.1)] == [0.0, pytest.approx(soon, rel=0.01)]


def test_what_is_answered_within_a_second_left_before() -> None:
    assert [FREE._replace(pace=5.0, paced_at=NOW - each).settles(NOW) for each in (0.0, 0.9, 1.0)] == [
        True,
        True,
        False,
    ]
    assert not FREE.settles(NOW)
