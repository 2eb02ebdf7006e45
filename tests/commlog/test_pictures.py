"""Pictures of how sending goes: what they draw is what was counted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from commlog.pictures.bars import PERIODS, begins, nice, picture
from commlog.pictures.dashboard import period_of, pictures
from commlog.pictures.promise import duration, percent
from commlog.pictures.spark import spark
from notifications.models import Backfill, Incident, IncidentLane, LaneHour, LaneTally, Message
from notifications.rollups.reading import Hour, quantile
from notifications.states import MessageState, MessageType, Outcome
from tests.factories import make_client, make_lane, make_message, make_tally, outsider, viewer

NOW = datetime(2026, 6, 10, 14, 20, tzinfo=UTC)
EMAIL, SMS = MessageType.EMAIL, MessageType.SMS


def minute(at: datetime) -> int:
    return int(at.timestamp() // 60)


def hour(ago: int, channel: MessageType = EMAIL, sent: int = 0, failed: int = 0) -> Hour:
    return Hour(minute(NOW.replace(minute=0) - timedelta(hours=ago)), channel, sent, sent, failed)


def test_each_bar_is_as_high_as_what_was_sent_and_failed() -> None:
    drawn = picture(
        [hour(0, sent=20, failed=1), hour(0, SMS, sent=10), hour(23, sent=50)], PERIODS["24h"], NOW
    )
    sent, failed = drawn.panels
    assert (sent.name, sent.whole, sent.most, failed.name, failed.whole, failed.most) == (
        *("Sent", 80, 50),
        *("Failed", 1, 1),
    )
    first, last = sent.stacks
    assert [(bar.series, bar.height) for bar in first.pieces] == [(0, 100.0)]
    assert [(bar.series, bar.y, bar.height) for bar in last.pieces] == [(0, 60.0, 40.0), (1, 40.0, 20.0)]
    assert (first.x, last.x, drawn.width) == (0.0, 230.0, 240.0)
    assert last.words == "10 Jun 14:00: 30 sent (E-mail 20, SMS 10)"
    assert [(row.label, row.numbers) for row in drawn.rows] == [
        ("10 Jun 14:00", [(20, 1), (10, 0)]),
        ("9 Jun 15:00", [(50, 0), (0, 0)]),
    ]


def test_trouble_is_marked_where_it_was() -> None:
    def marks(began: float, ended: float | None) -> list[tuple[float, float]]:
        at = NOW.replace(minute=0) + timedelta(hours=1)
        times = (at - timedelta(hours=began), None if ended is None else at - timedelta(hours=ended))
        return [(mark.x, mark.width) for mark in picture([], PERIODS["24h"], NOW, [(*times, "down")]).marks]

    assert marks(3, 1) == [(210.0, 20.0)]
    assert marks(3, None) == [(210.0, 30.0)]
    assert marks(30, 23) == [(0.0, 10.0)]
    assert marks(3, 2.999) == [(210.0, 2.0)]
    assert marks(40, 30) == []


def test_bars_of_six_hours_begin_with_the_organisations_day(settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Kolkata"
    edges = begins(PERIODS["30d"], NOW)
    assert (len(edges), str(edges[-1]), str(edges[0])) == (
        121,
        "2026-06-11 00:00:00+05:30",
        "2026-05-12 00:00:00+05:30",
    )


@pytest.mark.parametrize(
    ("utc", "said"),
    [
        ("2026-10-26T09:20Z", "26 Oct 10:00: 5 sent (E-mail 5)"),
        ("2026-03-30T08:20Z", "30 Mar 10:00: 5 sent (E-mail 5)"),
    ],
    ids=["an hour twice", "an hour left out"],
)
def test_bars_say_the_right_hour_once_the_clocks_were_changed(settings: Any, utc: str, said: str) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    now = datetime.fromisoformat(utc)
    began = now.replace(minute=0)
    drawn = picture([Hour(minute(began), EMAIL, 5, 5, 0)], PERIODS["7d"], now, [(began, None, "down")])
    sent = drawn.panels[0]
    assert [(stack.x, stack.words) for stack in sent.stacks] == [(1670.0, said)]
    assert [(mark.x, mark.width) for mark in drawn.marks] == [(1670.0, 11.2)]
    assert (sent.whole, drawn.rows[0].numbers) == (5, [(5, 0)])


def test_the_axis_has_times_within_a_day_and_midnights_beyond() -> None:
    assert [(tick.percent, tick.label) for tick in picture([], PERIODS["24h"], NOW).ticks] == [
        (20.83, "20:00"),
        (37.5, "10 Jun"),
        (54.17, "04:00"),
        (70.83, "08:00"),
        (87.5, "12:00"),
    ]
    assert [tick.label for tick in picture([], PERIODS["7d"], NOW).ticks] == [
        f"{day} Jun" for day in range(4, 11)
    ]
    assert len(picture([], PERIODS["30d"], NOW).ticks) == 6


@pytest.mark.parametrize(
    ("most", "end"), [(0, 1), (1, 1), (3, 3), (7, 8), (9, 10), (12, 15), (21, 25), (1_250, 1_500)]
)
def test_a_scale_ends_at_a_round_number(most: int, end: int) -> None:
    assert nice(most) == end


def test_shares_and_times_are_never_said_better_than_they_are() -> None:
    assert [percent(*each) for each in ((0, 0), (9_999, 10_000), (1, 1), (1, 3))] == [
        "–",
        "99.9 %",
        "100 %",
        "33.3 %",
    ]
    assert [duration(each) for each in (0.25, 9.94, 12.3, 90, 5_400)] == [
        "0.25 s",
        "9.9 s",
        "12 s",
        "2 min",
        "1.5 h",
    ]
    assert quantile([0, 10, 0], 10, 0.5) == pytest.approx(0.3)  # between 0.1 and 0.5
    assert quantile([1, 0, 0], 2, 0.95) is None
    assert quantile([], 0, 0.5) is None


@pytest.mark.django_db
def test_pictures_are_of_what_was_counted_by_minute_and_by_hour() -> None:
    lane, other = make_lane(), make_lane(SMS, "gateway")
    now = {"lane": lane, "minute": minute(NOW), "outcome": Outcome.ACCEPTED}
    LaneTally.objects.create(**now, worker="a", tries=3, wait_0=1, wait_5=1, wait_6=1, waited=1)
    LaneTally.objects.create(
        **(now | {"outcome": Outcome.REFUSED}), reason="OTHER", worker="b", tries=2, final=1
    )
    before = {"lane": other, "minute": minute(NOW.replace(minute=0) - timedelta(hours=20))}
    LaneHour.objects.create(**before, outcome=Outcome.ACCEPTED, tries=4, wait_1=4)
    LaneHour.objects.create(**(before | {"minute": 0}), outcome=Outcome.ACCEPTED, tries=99)
    LaneHour.objects.create(**before, final=1)
    drawn = pictures(PERIODS["24h"], NOW)
    assert drawn.whole
    Backfill.objects.create(before=NOW, oldest=1, newest=9)
    assert not pictures(PERIODS["24h"], NOW).whole
    assert [(panel.name, panel.whole) for panel in drawn.picture.panels] == [("Sent", 7), ("Failed", 2)]
    assert [(line.name, line.share, line.half, line.most) for line in drawn.lanes] == [
        ("test", "60 %", "7.5 s", "27 s"),
        ("gateway", "100 %", "0.30 s", "0.48 s"),
    ]
    assert [(day.label, day.shares) for day in drawn.promise.days] == [
        ("10 Jun", ["50 %", "–"]),
        ("9 Jun", ["–", "80 %"]),
    ]
    assert drawn.picture.marks == []
    assert period_of("7d").label == "7 days"


@pytest.mark.django_db
def test_incidents_are_marked_in_the_picture() -> None:
    for ago, lasted in ((3, 1), (40, 1)):
        began = NOW - timedelta(hours=ago)
        incident = Incident.objects.create(opened_at=began, closed_at=began + timedelta(hours=lasted))
        IncidentLane.objects.create(
            incident=incident,
            lane=make_lane(),
            cause="451",
            began_at=began,
            opened_at=began,
            recovered_at=began,
        )
    (mark,) = pictures(PERIODS["24h"], NOW).picture.marks
    assert (mark.width, mark.words) == (10.0, "Incident of 10 Jun 2026 11:20: E-mail by test")


def test_a_period_that_is_none_is_a_day() -> None:
    assert period_of("1' OR 1=1").key == "24h"


@pytest.mark.django_db
def test_the_dashboard_shows_them_without_a_style_or_script_of_its_own(client: Client) -> None:
    make_tally(make_lane(), datetime.now(UTC), delivered=3)
    client.force_login(viewer())
    shown = client.get("/?period=7d").text
    assert '<b>Sent</b> 3 <span class="muted">in 7 days' in shown
    assert '<a href="?period=7d" aria-current="true">7 days</a>' in shown
    assert '<rect class="series-0"' in shown
    assert "style=" not in shown
    client.force_login(outsider())
    assert "Sent and failed" not in client.get("/").text


@pytest.mark.django_db
def test_a_client_has_a_spark_of_its_messages_of_thirty_days(client: Client) -> None:
    ana, now = make_client(), datetime.now(UTC)
    for state, days in ((MessageState.SENT, 0), (MessageState.FAILED, 0), (MessageState.SENT, 40)):
        make_message(state, client=ana, created_at=now - timedelta(days=days))
    found = spark(Message.objects.filter(client=ana), now)
    assert found is not None
    assert [(day.x, day.other, day.failed_y, day.failed) for day in found.days] == [(290, 20.0, 0.0, 20.0)]
    one = spark(Message.objects.filter(state=MessageState.FAILED), now)
    assert one is not None
    assert (one.words, one.days[0].words) == (
        "1 message in 30 days, 1 failed",
        f"{now.day} {now:%b}: 1 message, 1 failed",
    )
    client.force_login(viewer())
    assert 'aria-label="2 messages in 30 days, 1 failed"' in client.get(f"/clients/{ana.key.hex}/").text
    assert spark(Message.objects.none(), now) is None
