"""The dashboard: everybody's first page, which shows what one may see and counts nothing in full."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import strip_tags
from pytest_django import DjangoAssertNumQueries

from commlog.log import custom_views, stats
from commlog.models import CustomView, MenuItem, ViewPlace
from commlog.models.job import JobState
from notifications.failures import Reason
from notifications.models import Lane, Message
from notifications.states import Circuit, MessageState
from tests.factories import (
    admin,
    make_job,
    make_lane,
    make_message,
    make_resend,
    make_tally,
    make_user,
    officer,
    outsider,
    viewer,
)

pytestmark = pytest.mark.django_db


def _words(page: str) -> str:
    """The page without its tags, each run of blanks as one."""
    return " ".join(strip_tags(page[page.index("<main") : page.index("</main>")]).split())


def test_its_figures_are_those_of_logs_and_lead_there(client: Client) -> None:
    client.force_login(viewer())
    now = timezone.now()
    make_message(MessageState.SENT)
    make_message(MessageState.SENT, now=now - timedelta(hours=25))
    make_message(MessageState.WAITING, now=now - timedelta(days=3))
    make_resend(make_message(MessageState.FAILED), MessageState.SENT)
    make_message(MessageState.FAILED)
    page = client.get("/").text
    shown = _words(page)
    assert "Waiting to be sent 1 " in shown
    assert "Sent in the last 24 hours 2 " in shown
    assert "Failed in the last 24 hours 2 " in shown
    assert "Still not delivered 1 " in shown
    assert 'href="/communications/?state=PENDING"' in page
    figures = client.get("/").context["figures"]
    assert [len(client.get("/communications/" + each.query).context["log"].rows) for each in figures] == [
        1,
        2,
        2,
        1,
    ]


def test_what_was_sent_lately_counts_whenever_it_was_created(client: Client) -> None:
    client.force_login(viewer())
    now = timezone.now()
    late = make_message(
        MessageState.SENT, created_at=now - timedelta(days=3), sent_at=now - timedelta(hours=1)
    )
    edge = make_message(
        MessageState.SENT, created_at=now - timedelta(days=2), sent_at=now - timedelta(hours=23, minutes=59)
    )
    make_message(
        MessageState.SENT, created_at=now - timedelta(days=2), sent_at=now - timedelta(hours=24, minutes=1)
    )
    make_message(MessageState.FAILED, created_at=now)
    figure = client.get("/").context["figures"][1]
    assert (figure.label, figure.number) == ("Sent in the last 24 hours", "2")
    log = client.get("/communications/" + figure.query).context["log"]
    assert [row.message for row in log.rows] == [edge, late]
    assert [chip.condition.label for chip in log.chips] == ["State", "Sent"]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's query plan")
def test_what_was_sent_lately_is_counted_by_an_index() -> None:
    with CaptureQueriesContext(connection) as queries:
        stats.figures(Message.objects.all())
    (sql,) = [query["sql"] for query in queries if '"sent_at" >=' in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        assert "SEARCH notifications_message USING COVERING INDEX message_sent (sent_at>?" in " ".join(
            str(line[3]) for line in cursor.fetchall()
        )


def test_what_failed_today_is_grouped_by_its_reason(client: Client) -> None:
    client.force_login(viewer())
    for reason in (Reason.SMS_NOT_SENT, Reason.OTHER, Reason.OTHER):
        make_message(MessageState.FAILED, failure_reason=reason)
    make_message(MessageState.FAILED, now=timezone.now() - timedelta(days=2))
    failed = client.get("/").context["failed"]
    assert [(each.label, each.number) for each in failed.reasons] == [
        ("Unexpected error", "2"),
        ("The SMS gateway did not send the SMS", "1"),
    ]
    assert failed.whole.number == "3"
    assert len(client.get("/communications/" + failed.reasons[0].query).context["log"].rows) == 2


def test_nothing_is_counted_beyond_the_cap(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.force_login(viewer())
    monkeypatch.setattr(custom_views, "CAP", 2)
    for _ in range(4):
        make_message(MessageState.FAILED)
    found = client.get("/").context
    assert found["figures"][2].number == "2+"
    assert found["failed"].whole.number == "2+"


def test_the_oldest_of_what_waits_is_named_whatever_its_state(client: Client) -> None:
    client.force_login(viewer())
    assert "Nothing is waiting to be sent." in client.get("/").text
    make_message(MessageState.QUEUED)
    oldest = make_message(MessageState.WAITING, now=timezone.now() - timedelta(hours=1))
    make_message(MessageState.SENT, now=timezone.now() - timedelta(hours=2))
    response = client.get("/")
    assert response.context["oldest"] == oldest
    assert f"/communications/{oldest.key.hex}/" in response.text


def test_channels_in_trouble_jobs_and_favourites(client: Client) -> None:
    ada = officer()
    client.force_login(ada)
    assert [card.words for card in client.get("/").context["channels"]] == ["Idle"] * 4
    make_message()
    Lane.objects.update(
        circuit=Circuit.OPEN, probe_at=timezone.now(), trouble="421 secret words of the server"
    )
    make_job(ada, state=JobState.DONE)
    make_job(admin(), state=JobState.DONE)
    view = CustomView.objects.create(name="Mine", owner=ada, conditions={"state": "PENDING"})
    ViewPlace.objects.create(user=ada, view=view, favourite=True)
    response = client.get("/")
    shown = _words(response.text)
    assert "E-mail In trouble test: In trouble, nothing tried in the last hour; no success on record" in shown
    assert "secret words" not in shown
    assert len(response.context["jobs"]) == 1
    assert "Your favourite views Mine 1 " in shown


def test_it_shows_what_one_may_see(client: Client) -> None:
    client.force_login(outsider())
    assert "No access yet" in client.get("/").text
    user = make_user()
    user.user_permissions.add(Permission.objects.get(codename="view_client_details"))
    client.force_login(user)
    assert "The dashboard shows messages" in client.get("/").text
    MenuItem.objects.filter(type="COMMUNICATIONS").update(active=False)
    client.force_login(viewer())
    response = client.get("/")
    assert "figures" not in response.context
    assert "Your jobs" in response.text


def test_it_costs_the_same_whatever_there_is(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.force_login(viewer())
    make_tally(make_lane(), timezone.now(), delivered=1)
    client.get("/")
    for number in (1, 3):
        for _ in range(number):
            make_message(MessageState.FAILED)
            make_message()
        # A savepoint and a limit around each of the five counts.
        limits = 20 if connection.vendor == "postgresql" else 0
        with django_assert_num_queries(27 + limits):
            client.get("/")
