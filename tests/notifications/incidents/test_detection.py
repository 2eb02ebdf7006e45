"""Incidents open, join, relapse and close; what failed because of them is found by lane and time."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from bench.standins import StandIns
from commlog.models import AuditEntry
from notifications import outbox, tasks
from notifications.database.clock import db_now
from notifications.delivery import lane_failures
from notifications.incidents import attribution, detection, notices
from notifications.incidents.attribution import Standing
from notifications.models import Incident, IncidentLane, Lane, LaneRefusal, LaneTally, Message
from notifications.retry import RetryPolicy
from notifications.states import Circuit, MessageState, MessageType, Outcome
from tests.factories import make_lane, make_message, make_resend

pytestmark = pytest.mark.django_db
FAILED, SENT = MessageState.FAILED, MessageState.SENT


def _break(lane: Lane, now: datetime) -> None:
    LaneTally.objects.create(
        lane=lane, worker="w", minute=int(now.timestamp() // 60), outcome=Outcome.REFUSED, messages=5, tries=5
    )
    Lane.objects.filter(pk=lane.pk).update(failing_since=now, failing_with="550 5.7.1 no")


def _repair(lane: Lane, now: datetime) -> None:
    LaneTally.objects.create(
        lane=lane,
        worker="v",
        minute=int(now.timestamp() // 60),
        outcome=Outcome.ACCEPTED,
        messages=1,
        tries=1,
        accepted_at=now,
    )


def _failed(lane: Lane, at: datetime, **fields: Any) -> Message:
    return make_message(FAILED, lane=lane, failed_at=at, failures=6, **fields)


def test_lanes_that_fail_together_are_one_incident_and_end_with_their_recovery(settings: Any) -> None:
    settings.ALERT_EMAIL = "operations@example.org"
    now = db_now()
    mail, sms = make_lane(MessageType.EMAIL, "mail:25"), make_lane(MessageType.SMS, "twilio")
    detection.watch(now)
    assert not Incident.objects.exists()

    _break(mail, now)
    detection.watch(now)
    _break(sms, now)
    detection.watch(now + timedelta(seconds=59))
    detection.watch(now + timedelta(seconds=59))
    incident = Incident.objects.get()
    parts = {part.lane: part for part in incident.lanes.all()}
    assert (set(parts), parts[mail].cause, parts[mail].began_at) == ({mail, sms}, "550 5.7.1 no", now)
    assert [each.message.subject for each in incident.notices.all()] == ["Commlog: E-mail by mail:25 failing"]

    later = now + timedelta(seconds=60)
    for lane in (mail, sms):
        _repair(lane, later)
    detection.watch(later)
    detection.watch(later + timedelta(seconds=14))
    incident.refresh_from_db()
    assert incident.closed_at is None
    detection.watch(later + timedelta(seconds=15))
    incident.refresh_from_db()
    assert incident.closed_at == later
    assert [each.message.subject for each in incident.notices.order_by("pk")][1:] == [
        "Commlog: delivery has recovered"
    ]
    assert incident.notices.latest("pk").message.content == (
        "Recovered after about 1 minute.\n\nMessages that failed permanently: 0\nStill not delivered: 0\n"
        "Of these, with an address that does not exist: 0\n\nThere is nothing left to resend."
    )
    audited = AuditEntry.objects.filter(target_kind="incident").order_by("pk")
    assert [set(entry.after or {}) for entry in audited] == [{"failing"}, {"failing"}, {"state"}]


def test_a_lane_that_nobody_uses_for_an_hour_is_not_said_to_work(settings: Any) -> None:
    settings.ALERT_EMAIL = "operations@example.org"
    now = db_now()
    _break(make_lane(MessageType.SMS, "twilio"), now)
    detection.watch(now)

    for seconds in (0, 15):
        detection.watch(now + timedelta(minutes=61, seconds=seconds))

    incident = Incident.objects.get()
    assert (incident.closed_at, incident.unconfirmed) == (now + timedelta(minutes=61), True)
    told = incident.notices.latest("pk").message
    assert told.subject == "Commlog: nothing fails any more"
    assert told.content.startswith(
        "No message by SMS by twilio fails any more, but none was accepted there since the failures. It "
        "is not known whether delivery works again.\n\nClosed after about 61 minutes.\n"
    )


def test_a_lane_that_fails_later_is_another_incident() -> None:
    now = db_now()
    first, second = make_lane(MessageType.EMAIL, "mail:25"), make_lane(MessageType.SMS, "twilio")
    _break(first, now)
    detection.watch(now)
    _break(second, now)
    detection.watch(now + timedelta(seconds=61))
    assert Incident.objects.count() == 2


def test_a_lane_that_fails_again_at_once_has_not_recovered() -> None:
    now = db_now()
    lane = make_lane(MessageType.EMAIL, "mail:25")
    probing = {"circuit": Circuit.OPEN, "opened_at": now, "probe_at": now, "trouble": "down"}
    Lane.objects.filter(pk=lane.pk).update(**probing)
    for minutes in (8, 2, 1):  # what failed long before its circuit opened was something else
        _seen(1, lane, now - timedelta(minutes=minutes)).save()
    detection.watch(now)
    assert IncidentLane.objects.get().began_at == now - timedelta(minutes=2)
    Lane.objects.filter(pk=lane.pk).update(circuit=Circuit.HALF_OPEN)
    detection.watch(now + timedelta(seconds=2))
    Lane.objects.filter(pk=lane.pk).update(circuit=Circuit.OPEN)
    detection.watch(now + timedelta(seconds=20))
    part = IncidentLane.objects.get()
    assert (part.recovered_at, part.well_since, Incident.objects.count()) == (None, None, 1)


def test_what_failed_because_of_it_adds_up_each_message_once() -> None:
    now = db_now()
    lane, other = make_lane(MessageType.EMAIL, "mail:25"), make_lane(MessageType.SMS, "twilio")
    _break(lane, now)
    detection.watch(now)
    later = now + timedelta(seconds=5)
    left = _failed(lane, later, failure_level="REFUSED")
    _failed(lane, later, failure_level="ADDRESS")
    _failed(lane, later, failure_level="TECHNICAL", outcome=Outcome.UNKNOWN)
    make_resend(_failed(lane, later, failure_level="REFUSED"), SENT)
    make_resend(_failed(lane, later, failure_level="REFUSED"), MessageState.QUEUED)
    again = _failed(lane, later, failure_level="REFUSED")
    second = make_resend(again, FAILED)
    Message.objects.filter(pk=second.pk).update(lane=lane, failed_at=later, failures=6)
    _failed(lane, now - timedelta(seconds=1))
    _failed(other, later)
    make_message(SENT, lane=lane)

    incident = Incident.objects.get()
    assert attribution.standing(incident) == Standing(
        failed=6, tries=36, resent=2, delivered=1, under_way=1, dead=1, doubtful=1, left=2
    )
    found = set(attribution.resendable(incident).values_list("pk", flat=True))
    assert {left.pk, second.pk} <= found
    assert attribution.failed_by(incident).count() - len(found) == 1


def test_no_more_of_what_failed_is_counted_for_an_alert_than_takes_a_moment(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ALERT_EMAIL = "operations@example.org"
    monkeypatch.setattr(notices, "MOST_COUNTED", 3)
    now = db_now()
    lanes = [make_lane(MessageType.EMAIL, "mail:25"), make_lane(MessageType.SMS, "twilio")]
    for lane in lanes:
        _break(lane, now)
    detection.watch(now)
    for number in range(3):
        _failed(lanes[number % 2], now)
    incident = Incident.objects.get()

    notices.recovered(incident)
    _failed(lanes[0], now)
    with CaptureQueriesContext(connection) as queries:
        notices.recovered(incident)

    exact, capped = (each.message.content for each in incident.notices.order_by("-pk")[:2][::-1])
    assert "failed permanently: 3\nStill not delivered: 3\n" in exact
    assert capped.endswith(
        "\n\nMessages that failed permanently: more than 3\n\n"
        "Those still not delivered can be resent from the page of the incident."
    )
    counting = [query["sql"] for query in queries if '"failed_at" >=' in query["sql"]]
    assert [query.rpartition("LIMIT ")[2].split(")")[0] for query in counting] == ["4", "1"]


def test_a_look_costs_two_questions_while_all_is_well() -> None:
    make_lane(MessageType.EMAIL, "mail:25")
    now = db_now()
    with CaptureQueriesContext(connection) as queries:
        detection.watch(now)
    assert len(queries) == 2


def test_what_failed_is_found_by_the_index_of_lane_and_time() -> None:
    now = db_now()
    for lane in (make_lane(MessageType.EMAIL, "mail:25"), make_lane(MessageType.SMS, "twilio")):
        _break(lane, now)
    detection.watch(now)
    with CaptureQueriesContext(connection) as queries:
        attribution.standing(Incident.objects.get())
    assert (
        queries[-1]["sql"].count('"failed_at" >=') == 2
    )  # once a lane: asked again a message, it is quadratic
    if connection.vendor == "sqlite":
        plan = attribution.failed_by(Incident.objects.get()).order_by().values("pk").explain()
        assert ("SCAN" in plan, plan.count("message_failed_at")) == (False, 2)


def _seen(number: int, lane: Lane, at: datetime, **fields: Any) -> Any:
    values = {"message_id": number, "whom": str(number), "answer": "550 5.1.1", "of_lane": False} | fields
    return lane_failures.LaneRefusal(lane=lane, at=at, throttled=False, **values)


def test_one_refusal_and_four_dead_addresses_open_nothing_and_the_fifth_does() -> None:
    now, lane = db_now(), make_lane(MessageType.EMAIL, "mail:25")
    hour = [now + timedelta(minutes=6 * each) for each in range(5)]
    dead = [_seen(number, lane, at) for number, at in enumerate(hour)]
    assert [lane_failures.is_failing(dead[:most]) for most in (1, 4, 5)] == [False, False, True]
    # A single 404, tried six times over a minute.
    times = [now + timedelta(seconds=12 * each) for each in range(6)]
    tries = [_seen(1, lane, at, answer="HTTP 404", of_lane=True, unclear=True) for at in times]
    assert not lane_failures.is_failing(tries)
    # Down: the first message, once it has been tried for twenty seconds.
    down = [_seen(1, lane, now + timedelta(seconds=each), of_lane=True) for each in (0, 2, 8, 26)]
    assert [lane_failures.is_failing(down[:most]) for most in (3, 4)] == [False, True]


@pytest.mark.django_db(transaction=True)
def test_what_one_recipient_is_refused_for_opens_nothing_however_often_it_is_tried(
    providers: StandIns, settings: Any
) -> None:
    hours = RetryPolicy(back_off_delay=3600, back_off_max_delay=3600)
    settings.RETRY_POLICIES = {MessageType.EMAIL: hours, MessageType.WEB_HOOK: hours}
    mails = [f"x{each}@nobody.example.org" for each in range(4)]  # 550 5.1.1
    mails.append("ana@busy.example.org")  # 451 4.7.1, greylisted
    outbox.enqueue_many(
        outbox.Draft(MessageType.EMAIL, destination=to, subject="s", body="b") for to in mails
    )
    outbox.enqueue(
        outbox.Draft(MessageType.WEB_HOOK, destination=providers.webhook_url("/fail/404"), body="{}")
    )
    for _ in range(3):
        Message.objects.live().update(due_at=db_now())
        for way in ("EMAIL", "WEB_HOOK"):
            tasks.drain(way)
        detection.watch(db_now())
        LaneRefusal.objects.update(at=F("at") - timedelta(seconds=12))
    refused = Message.objects.live().order_by("pk").values_list("failures", flat=True)
    assert (list(refused), Incident.objects.count()) == ([4] * 6, 0)
    outbox.enqueue(
        outbox.Draft(MessageType.EMAIL, destination="x5@nobody.example.org", subject="s", body="b")
    )
    tasks.drain("EMAIL")
    detection.watch(db_now())
    assert [str(part.lane.channel) for part in IncidentLane.objects.all()] == ["EMAIL"]
