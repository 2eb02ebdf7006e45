"""The pages of incidents, and the one action that resends what still failed."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from commlog import jobs
from commlog.bulk import selection
from commlog.incidents import report
from commlog.kit.limits import TookTooLong
from commlog.models import AuditEntry, Job
from notifications.models import Incident, IncidentNotice, Lane, Message
from notifications.states import Circuit, MessageState, Outcome
from tests.factories import (
    admin,
    make_incident,
    make_lane,
    make_message,
    make_resend,
    officer,
    set_up_channels,
    viewer,
)

pytestmark = pytest.mark.django_db
FAILED = MessageState.FAILED


@pytest.fixture(autouse=True)
def _channels_are_set_up(settings: Any) -> None:
    set_up_channels(settings)


@pytest.fixture
def began() -> datetime:
    return timezone.now() - timedelta(minutes=10)


def _failed(at: datetime, level: str = "REFUSED", **fields: Any) -> Message:
    return make_message(FAILED, failed_at=at, failure_level=level, failures=6, **fields)


def _resend(client: Client, incident: Incident, **fields: Any) -> None:
    answer = client.post(f"/incidents/{incident.key.hex}/resend/", {"key": uuid4().hex} | fields)
    assert answer.status_code == 302


def test_one_action_resends_exactly_what_still_failed(client: Client, began: datetime) -> None:
    client.force_login(officer())
    lane = make_lane()
    incident = make_incident(lane, began_at=began)
    Lane.objects.filter(pk=lane.pk).update(
        circuit=Circuit.OPEN, opened_at=began, probe_at=began + timedelta(days=1)
    )
    wanted = {_failed(began + timedelta(seconds=each)).pk for each in range(3)}
    _failed(began, "ADDRESS")
    doubtful = _failed(began, "TECHNICAL", outcome=Outcome.UNKNOWN)
    make_resend(_failed(began), MessageState.SENT)
    _failed(began - timedelta(seconds=1))  # before it began

    key = uuid4().hex
    for _ in range(2):  # the same form twice
        _resend(client, incident, key=key)
    job = Job.objects.get()
    assert "This resend has already been started." in client.get(f"/incidents/{incident.key.hex}/").text
    assert set(job.items.values_list("message", flat=True)) == wanted
    assert (job.total, job.incident, job.options) == (3, incident, {"unknown": False})
    assert AuditEntry.objects.filter(target_kind="job", action="RESENT").count() == 1
    lane.refresh_from_db()
    assert lane.probe_at is not None
    assert lane.probe_at <= timezone.now()

    assert "Ada Officer asked to resend 3 messages" in client.get(f"/incidents/{incident.key.hex}/").text
    claimed = jobs.claim(1)
    assert claimed is not None
    jobs.run(*claimed[1])
    shown = client.get(f"/incidents/{incident.key.hex}/")
    found = shown.context["report"].standing
    assert (found.failed, found.resent, found.under_way, found.left) == (6, 4, 3, 0)
    assert (found.dead, found.doubtful, found.delivered) == (1, 1, 1)
    assert "resent 3 messages" in shown.text

    _resend(client, incident)
    assert Job.objects.count() == 1  # nothing is left
    _resend(client, incident, unknown="1", pace="60")
    last = Job.objects.latest("pk")
    assert list(last.items.values_list("message", flat=True)) == [doubtful.pk]
    assert last.options == {"unknown": True, "pace": 60}
    assert "asked to resend 1 message<" in client.get(f"/incidents/{incident.key.hex}/").text


def test_two_people_who_resend_at_the_same_time_resend_each_message_once(
    client: Client, began: datetime
) -> None:
    incident = make_incident(make_lane(), began_at=began)
    failed = {_failed(began + timedelta(seconds=each)).pk for each in range(3)}
    for person in (officer(), admin()):
        client.force_login(person)
        _resend(client, incident)
    assert [set(job.items.values_list("message", flat=True)) for job in Job.objects.all()] == [failed] * 2

    while claimed := jobs.claim(1):
        jobs.run(*claimed[1])

    resent = Message.objects.filter(resend_of__in=failed)
    assert (resent.count(), set(resent.values_list("resend_of", flat=True))) == (3, failed)
    found = client.get(f"/incidents/{incident.key.hex}/").context["report"].standing
    assert (found.failed, found.resent, found.under_way, found.left) == (3, 3, 3, 0)


def test_more_waits_than_is_counted(client: Client, began: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    client.force_login(viewer())
    incident = make_incident(lane := make_lane(), began_at=began)
    for _ in range(2):
        make_message(MessageState.WAITING, lane=lane)
    monkeypatch.setattr(report, "MOST_WAITING", 1)
    shown = client.get(f"/incidents/{incident.key.hex}/")
    assert "<b>too many to count</b> waiting: sent automatically after recovery" in shown.text


def _too_slow(*_: object, **__: object) -> None:
    raise TookTooLong


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("MOST", 2, "3 messages match; at most 2 can be resent at once."),
        ("preview", _too_slow, "Counting takes over 15 seconds."),
    ],
)
def test_it_says_why_nothing_was_resent(
    client: Client, began: datetime, monkeypatch: pytest.MonkeyPatch, name: str, value: Any, why: str
) -> None:
    client.force_login(officer())
    incident = make_incident(make_lane(), began_at=began)
    for _ in range(3):
        _failed(began)
    monkeypatch.setattr(selection, name, value)
    _resend(client, incident)
    said = f"Nothing was resent. {why} Choose some of them in the log, by their date."
    assert said in client.get(f"/incidents/{incident.key.hex}/").text
    assert not Job.objects.exists()


def test_what_happened_to_lanes_together_is_one_line(client: Client, began: datetime) -> None:
    client.force_login(viewer())
    lanes = [make_lane(name=name) for name in "abc"]
    incident = make_incident(*lanes, began_at=began)
    incident.lanes.filter(lane=lanes[2]).update(began_at=began + timedelta(seconds=40))
    shown = client.get(f"/incidents/{incident.key.hex}/").context["report"].line
    assert [moment.words for moment in shown] == [
        "First failure: E-mail by a, E-mail by b",
        "Incident opened: E-mail by a, E-mail by b, E-mail by c",
        "First failure: E-mail by c",
    ]


def test_an_incident_of_a_lane_that_nobody_uses_is_not_said_to_be_over(
    client: Client, began: datetime
) -> None:
    client.force_login(officer())
    incident = make_incident(make_lane(name="mail:25"), began_at=began, closed_at=timezone.now())
    page = client.get(f"/incidents/{incident.key.hex}/").text
    assert ("recovered</h1>" in page, "Working again since" in page) == (True, True)

    incident.lanes.update(unconfirmed=True)

    page = client.get(f"/incidents/{incident.key.hex}/").text
    assert ("no more failures</h1>" in page, "Working again" in page) == (True, False)
    assert "Nothing was delivered there since, so it is not known whether it works again." in page
    assert "(not confirmed)" in client.get("/incidents/").text
    assert "No more failures, recovery not confirmed" in client.get("/").text


def test_a_damaged_form_resends_nothing(client: Client, began: datetime) -> None:
    client.force_login(officer())
    incident = make_incident(make_lane(), began_at=began)
    _failed(began)
    _resend(client, incident, pace="0")
    assert not Job.objects.exists()
    assert "Enter a whole number from 1 to 10,000" in client.get(f"/incidents/{incident.key.hex}/").text


def test_every_page_leads_to_an_open_incident(client: Client, began: datetime) -> None:
    client.force_login(viewer())
    lane = make_lane()
    incident = make_incident(lane, began_at=began)
    Lane.objects.filter(pk=lane.pk).update(circuit=Circuit.OPEN, opened_at=began, probe_at=began)
    link = f'href="/incidents/{incident.key.hex}/"'
    for page in ("/communications/", "/jobs/"):
        assert link in client.get(page).text
    dashboard = client.get("/").text
    assert dashboard.count(link) == 2
    assert "Nothing is delivered" in dashboard
    shown = client.get(f"/incidents/{incident.key.hex}/").text
    assert "None: no address for alerts is set" in shown
    assert "/resend/" not in shown  # a viewer may not


@pytest.mark.parametrize("number", [1, 3])
def test_pages_cost_the_same_for_one_and_for_three(
    client: Client, began: datetime, number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.force_login(viewer())
    for each in range(number):
        incident = make_incident(make_lane(name=f"l{each}"), began_at=began, closed_at=began)
        told = make_message(MessageState.SENT)
        IncidentNotice.objects.create(incident=incident, message=told)
    # Session, user with permissions; the incidents, their parts, the lanes; menu, banner.
    with django_assert_num_queries(8):
        client.get("/incidents/")
    limits = 8 if connection.vendor == "postgresql" else 0
    with django_assert_num_queries(12 + limits):
        client.get(f"/incidents/{incident.key.hex}/")
