"""When the demo's messages were: the last five weeks, more on weekdays and in office hours, the batch of the night included."""

from datetime import datetime, timedelta
from random import Random

WEEKS = 5
_OF_A_DAY = (1.0, 1.0, 1.0, 1.0, 0.95, 0.35, 0.2)  # Monday first
_OF_AN_HOUR = (1, 1, 6, 1, 1, 2, 6, 12, 30, 36, 34, 32, 24, 28, 34, 32, 26, 18, 10, 8, 7, 5, 3, 2)
RECENT = timedelta(minutes=10)  # what happened so lately nobody has got round to yet
_UNTIL_NOW = timedelta(minutes=3)  # the past ends a little before now: the last message must have its retries behind it


def moments(count: int, *, now: datetime, rng: Random) -> list[datetime]:
    """`count` moments in ascending order. `now` is in the organisation's time, and so are they."""
    first = (now - timedelta(weeks=WEEKS)).replace(hour=0, minute=0, second=0, microsecond=0)
    found: list[datetime] = []
    while len(found) < count:
        day = first + timedelta(days=rng.randrange(WEEKS * 7 + 1))
        if rng.random() >= _OF_A_DAY[day.weekday()]:
            continue
        hour = rng.choices(range(24), _OF_AN_HOUR)[0]
        moment = day.replace(hour=hour, minute=rng.randrange(60), second=rng.randrange(60), microsecond=rng.randrange(1_000_000))
        if moment < now - _UNTIL_NOW:
            found.append(moment)
    return sorted(found)


def weekday_before(now: datetime, days: int) -> datetime:
    """Ten o'clock of the weekday that lies `days` days back, or of the Friday before where that is a weekend."""
    day = (now - timedelta(days=days)).replace(hour=10, minute=0, second=0, microsecond=0)
    return day - timedelta(days=max(0, day.weekday() - 4))


def later(moment: datetime, *, now: datetime, rng: Random) -> datetime:
    """When somebody got round to what happened at `moment`: some minutes or hours later."""
    room = (now - _UNTIL_NOW - moment).total_seconds() / 60
    return moment + timedelta(minutes=rng.choice([4, *(wait for wait in (9, 25, 50, 95, 180) if wait < room - 1)]) + rng.random())


def spread(count: int, days: int, *, now: datetime, rng: Random) -> list[datetime]:
    """`count` moments of the last `days` days in ascending order, with the same rhythm; quick enough for millions."""
    until = now - _UNTIL_NOW
    begin = (until - timedelta(days=days)).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    hours = [begin + timedelta(hours=number) for number in range(max(1, int((until - begin).total_seconds() // 3600)))]
    weights = [_OF_A_DAY[hour.weekday()] * _OF_AN_HOUR[hour.hour] for hour in hours]
    return sorted(hour + timedelta(seconds=rng.random() * 3600) for hour in rng.choices(hours, weights, k=count))


def latest(count: int, *, now: datetime, rng: Random) -> list[datetime]:
    """`count` moments in ascending order, all later than those of `spread`."""
    return sorted(now - _UNTIL_NOW * rng.uniform(0.1, 1.0) for _ in range(count))
