"""Bar charts over time, stacked by channel: sent above, failed below on a scale of its own."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from notifications.rollups.reading import Hour
from notifications.states import MessageType

_WIDTH, _GAP, HEIGHT = 10.0, 1.5, 100.0  # of the drawing's own units, which its place stretches
_SCALES = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8)  # times a power of ten
_NEAR = 5  # hundredths of the width, half of a label
_LEAST = 1.5  # the height of the smallest bar, so that one among thousands is seen


@dataclass(frozen=True, slots=True)
class Period:
    """The period shown, and the hours per bar."""

    key: str
    label: str
    back: timedelta
    hours: int
    tick: int  # hours, or days, from one time on the axis to the next

    @property
    def each(self) -> str:
        """What one bar covers, in words."""
        return "hour" if self.hours == 1 else f"{self.hours} hours"


PERIODS = {
    period.key: period
    for period in (
        Period("24h", "24 hours", timedelta(hours=24), 1, 4),
        Period("7d", "7 days", timedelta(days=7), 1, 1),
        Period("30d", "30 days", timedelta(days=30), 6, 5),
    )
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A segment of a stack."""

    series: int
    x: float
    y: float
    height: float
    width: float = _WIDTH - _GAP


@dataclass(frozen=True, slots=True)
class Stack:
    """A bar with its segments, and its tooltip."""

    x: float
    words: str
    pieces: Sequence[Bar]
    width: float = _WIDTH


@dataclass(frozen=True, slots=True)
class Panel:
    """Stacks on one scale, which ends at `most`."""

    name: str
    whole: int
    most: int
    stacks: Sequence[Stack]


@dataclass(frozen=True, slots=True)
class Mark:
    """A highlighted time span: an incident."""

    x: float
    width: float
    words: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A time on the axis: its position, also in hundredths of the width."""

    x: float
    percent: float
    label: str


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the equivalent table: time, and sent and failed by channel."""

    label: str
    numbers: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Picture:
    """Both panels over the same time, and the equivalent table."""

    period: Period
    width: float
    series: Sequence[tuple[int, MessageType]]
    panels: Sequence[Panel]
    marks: Sequence[Mark]
    ticks: Sequence[Tick]
    rows: Sequence[Row]


def begins(period: Period, now: datetime) -> list[datetime]:
    """Return when each bar begins, the last being the current one, and when that ends."""
    local = timezone.localtime(now).replace(minute=0, second=0, microsecond=0)
    end = local - timedelta(hours=local.hour % period.hours) + timedelta(hours=period.hours)
    step = timedelta(hours=period.hours)
    return [end - step * number for number in range(int(period.back / step), -1, -1)]


def picture(
    hours: Sequence[Hour],
    period: Period,
    now: datetime,
    troubles: Iterable[tuple[datetime, datetime | None, str]] = (),
) -> Picture:
    """Return the chart of these hours; `troubles`: begin, end and description of incidents."""
    edges = begins(period, now)
    count, step = len(edges) - 1, timedelta(hours=period.hours)
    # Counted on the clock of the wall, as the bars are: a day may have 23 or 25 hours.
    placed = [((_begin(each) - edges[0]) // step, each) for each in hours]
    shown = [(place, each) for place, each in placed if 0 <= place < count]
    used = {each.channel for _, each in shown}
    series = [(number, channel) for number, channel in enumerate(MessageType) if channel in used]
    panels = []
    for name, number in _NUMBERS:
        stacks: list[Counter[MessageType]] = [Counter() for _ in range(count)]
        for place, each in shown:
            stacks[place][each.channel] += number(each)
        panels.append(_panel(name, stacks, edges))
    return Picture(
        period=period,
        width=count * _WIDTH,
        series=series,
        panels=panels,
        marks=[mark for trouble in troubles if (mark := _mark(edges, *trouble))],
        ticks=_ticks(edges[:-1], period),
        rows=_rows([each for _, each in shown], [channel for _, channel in series], period),
    )


def _sent(hour: Hour) -> int:
    return hour.sent


def _failed(hour: Hour) -> int:
    return hour.failed


_NUMBERS: Sequence[tuple[str, Callable[[Hour], int]]] = (("Sent", _sent), ("Failed", _failed))


def _panel(name: str, stacks: Sequence[Counter[MessageType]], edges: Sequence[datetime]) -> Panel:
    most = nice(max((stack.total() for stack in stacks), default=0))
    drawn = []
    for place, stack in enumerate(stacks):
        if not stack.total():
            continue
        parts = ", ".join(f"{channel.label} {stack[channel]:,}" for channel in MessageType if stack[channel])
        words = f"{_moment(edges[place])}: {stack.total():,} {name.lower()} ({parts})"
        drawn.append(Stack(place * _WIDTH, words, _pieces(place, stack, most)))
    return Panel(name, sum(stack.total() for stack in stacks), most, drawn)


def _pieces(place: int, stack: Counter[MessageType], most: int) -> list[Bar]:
    pieces, y = [], HEIGHT
    for number, channel in enumerate(MessageType):
        if stack[channel]:
            height = max(_LEAST, HEIGHT * stack[channel] / most)
            y -= height
            pieces.append(
                Bar(number, round(place * _WIDTH + _GAP / 2, 2), round(max(0.0, y), 2), round(height, 2))
            )
    return pieces


def nice(most: int) -> int:
    """Return the end of a scale for `most`: a round number slightly above."""
    power = 1
    while True:
        for factor in _SCALES:
            if factor * power >= most and float(factor * power).is_integer():
                return int(factor * power)
        power *= 10


def _mark(edges: Sequence[datetime], began: datetime, ended: datetime | None, words: str) -> Mark | None:
    if began >= edges[-1] or (ended or edges[-1]) < edges[0]:
        return None
    whole = (edges[-1] - edges[0]) / (len(edges) - 1)
    left, right = ((timezone.localtime(at) - edges[0]) / whole * _WIDTH for at in (began, ended or edges[-1]))
    left, right = max(0.0, left), min((len(edges) - 1) * _WIDTH, right)
    # As wide as is seen where the whole is as wide as a telephone.
    least = max(2.0, (len(edges) - 1) * _WIDTH / 150)
    return Mark(round(left, 2), round(max(least, right - left), 2), words)


def _rows(hours: Sequence[Hour], series: Sequence[MessageType], period: Period) -> list[Row]:
    """Return table rows by hour within a day, by day beyond; latest first."""
    found: dict[str, dict[MessageType, list[int]]] = {}
    for each in sorted(hours, key=lambda hour: -hour.minute):
        at = _begin(each)
        label = _moment(at) if period.back <= timedelta(days=1) else f"{at.day} {at:%b %Y}"
        numbers = found.setdefault(label, {}).setdefault(each.channel, [0, 0])
        numbers[0] += each.sent
        numbers[1] += each.failed
    return [
        Row(label, [(sent, failed) for sent, failed in (row.get(channel, [0, 0]) for channel in series)])
        for label, row in found.items()
    ]


def _ticks(begins: Sequence[datetime], period: Period) -> list[Tick]:
    """Return full hours within a day, midnights beyond; none so near to an end that it would be cut off."""
    found, of_a_day = [], period.back <= timedelta(days=1)
    for place, at in enumerate(begins):
        on_axis = (
            at.hour % period.tick == 0 if of_a_day else at.hour == 0 and at.toordinal() % period.tick == 0
        )
        percent = 100 * place / len(begins)
        if on_axis and _NEAR < percent < 100 - _NEAR:
            label = f"{at:%H:%M}" if of_a_day and at.hour else f"{at.day} {at:%b}"
            found.append(Tick(place * _WIDTH, round(percent, 2), label))
    return found


def _begin(hour: Hour) -> datetime:
    return timezone.localtime(datetime.fromtimestamp(hour.minute * 60, UTC))


def _moment(at: datetime) -> str:
    return f"{at.day} {at:%b %H:%M}"
