"""Time to delivery: by channel and day, and by lane."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone

from notifications.models import WAITS
from notifications.rollups.reading import Hour, LaneFigures
from notifications.states import MessageType


@dataclass(frozen=True, slots=True)
class Day:
    """A day, and each channel's share delivered within the promised time, in words."""

    label: str
    shares: Sequence[str]


@dataclass(frozen=True, slots=True)
class Promise:
    """The days, latest first."""

    channels: Sequence[MessageType]
    days: Sequence[Day]


@dataclass(frozen=True, slots=True)
class LaneLine:
    """A lane, its share of accepted attempts from 0 to 100 and in words, and its times in words."""

    name: str
    channel: str
    tried: int
    percent: float
    share: str
    half: str
    most: str


def promise(hours: Sequence[Hour]) -> Promise:
    """Return by day the share of finished messages that were accepted by the provider within ten seconds.

    Counted from acceptance here; finished: accepted by the provider, or failed for good.
    """
    ended: defaultdict[date, Counter[MessageType]] = defaultdict(Counter)
    soon: defaultdict[date, Counter[MessageType]] = defaultdict(Counter)
    for each in hours:
        day = datetime.fromtimestamp(each.minute * 60, timezone.get_default_timezone()).date()
        ended[day][each.channel] += each.sent + each.failed
        soon[day][each.channel] += each.soon
    shown = [channel for channel in MessageType if any(day[channel] for day in ended.values())]
    return Promise(
        shown,
        [
            Day(
                f"{day.day} {day:%b}",
                [percent(soon[day][channel], ended[day][channel]) for channel in shown],
            )
            for day in sorted(ended, reverse=True)
        ],
    )


def percent(part: int, whole: int) -> str:
    """Return a share in words; 100 % only if it is complete."""
    return f"{part * 1_000 // whole / 10:g} %" if whole else "–"


def lines(lanes: Sequence[LaneFigures]) -> list[LaneLine]:
    """Return what the table of lanes shows."""
    return [
        LaneLine(
            name=each.lane.name,
            channel=each.lane.get_channel_display(),
            tried=each.tried,
            percent=round((each.share or 0.0) * 100, 1),
            share=percent(each.accepted, each.tried),
            half=took(each, 0.5),
            most=took(each, 0.95),
        )
        for each in lanes
        if each.tried
    ]


def took(lane: LaneFigures, part: float) -> str:
    """Return in words the time within which `part` was delivered."""
    seconds = lane.quantile(part)
    if seconds is None:
        return f"over {duration(WAITS[-1])}" if lane.accepted else "–"
    return duration(seconds)


def duration(seconds: float) -> str:
    """Return a duration, as short as is clear."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3_600 else f"{seconds / 3_600:.1f} h"
