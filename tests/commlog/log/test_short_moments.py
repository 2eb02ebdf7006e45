"""Moments of a log: a screen shows what tells them apart, and all of them is there; a row is drawn anew on
another day.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import time_machine

from commlog.log.table import LogRow
from commlog.message.offers import Offer
from commlog.templatetags.wording import brief
from notifications.models import Message

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@dataclass(frozen=True)
class _Log:
    days_only: bool
    now: datetime = NOW


@pytest.mark.parametrize(
    ("at", "days_only", "seen", "whole"),
    [
        (datetime(2026, 11, 30, 11, 2, tzinfo=UTC), False, "11:02", "30 Nov 2026 11:02"),
        (datetime(2026, 11, 26, 14, 57, tzinfo=UTC), False, "26 Nov 14:57", "26 Nov 2026 14:57"),
        (datetime(2025, 11, 30, 14, 57, tzinfo=UTC), False, "30 Nov 2025", "30 Nov 2025 14:57"),
        (datetime(2026, 11, 30, 11, 2, tzinfo=UTC), True, "30 Nov", "30 Nov 2026"),
        (datetime(2025, 11, 30, 11, 2, tzinfo=UTC), True, "30 Nov 2025", "30 Nov 2025"),
    ],
)
def test_a_screen_shows_what_tells_moments_apart(
    at: datetime, days_only: bool, seen: str, whole: str
) -> None:
    title, _, drawn = brief(at, _Log(days_only)).partition(">")
    shown = re.sub("<i>.*?</i>", "", drawn)
    assert re.sub("<[^>]+>", "", shown).strip() == seen
    assert re.sub("<[^>]+>", "", drawn) == whole
    assert title == f' title="{at.day} {at:%b %Y %H:%M:%S}.000000 UTC (UTC+0000)"'


def test_a_row_is_another_one_on_another_day() -> None:
    row = LogRow(Message(pk=1), Offer(Message().key))
    versions = []
    for day in (30, 30, 31):
        with time_machine.travel(datetime(2026, 10, day, 12, tzinfo=UTC)):
            versions.append(row.version)
    assert versions[0] == versions[1] != versions[2]
