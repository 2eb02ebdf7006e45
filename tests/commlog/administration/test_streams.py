from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from commlog.models import AuditEntry
from notifications.models import StreamCursor, StreamEvent, StreamSubscription
from notifications.streams import publishing, subscriptions
from notifications.streams.subscriptions import Wish
from tests.factories import admin, viewer

pytestmark = pytest.mark.django_db


def subscribed(name: str = "Reports") -> StreamSubscription:
    return subscriptions.subscribe(Wish(name, ("accounts",), read_from="begin"), owner=1, owner_name="Core")[
        0
    ]


def publish(count: int) -> None:
    publishing.append([StreamEvent(topic="accounts", key=uuid4(), body="{}") for _ in range(count)])


@pytest.fixture
def pages(client: Client) -> Client:
    client.force_login(admin())
    return client


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_costs_the_same_however_long(
    pages: Client, rows: int, django_assert_num_queries: Any
) -> None:
    for number in range(rows):
        subscribed(f"Reports {number}")
    publish(4)
    pages.get(reverse("administration-streams"))
    with django_assert_num_queries(8):
        page = pages.get(reverse("administration-streams")).content
    assert page.count(b'data-label="Unread" class="slim">4</td>') == rows
    assert b'data-label="Available" class="slim">4</td>' in page


def test_cursors_are_reset_by_who_may_and_the_trail_says_so(pages: Client) -> None:
    found = subscribed()
    publish(5)
    page = reverse("administration-stream", args=[found.key])
    assert "Skip all unread events" in pages.get(page).content.decode()

    answer = pages.post(
        reverse("administration-stream-reset", args=[found.key, "end"]), follow=True
    ).content.decode()
    assert "Position reset. Events published until now are skipped." in answer
    assert sum(map(subscriptions.unread, subscriptions.cursors_of(found))) == 0
    pages.post(reverse("administration-stream-reset", args=[found.key, "begin"]))
    assert set(StreamCursor.objects.values_list("committed", flat=True)) == {-1}
    entries = AuditEntry.objects.filter(target_kind="stream subscription", action="CHANGED").order_by("pk")
    assert [entry.after for entry in entries] == [{"cursors": "end"}, {"cursors": "begin"}]

    pages.force_login(viewer())
    assert pages.post(reverse("administration-stream-reset", args=[found.key, "end"])).status_code == 403
    assert set(StreamCursor.objects.values_list("committed", flat=True)) == {-1}


def test_stream_tail_shows_what_is_not_committed_and_commits_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found, key = subscribed(), UUID(int=3)
    publishing.append([StreamEvent(topic="accounts", key=key, body="line\nfeed")])

    for _ in range(2):
        call_command("stream_tail", str(found.key), "--once")
        assert capsys.readouterr().out == f"accounts 0 001-0001-000000000000000000 {key.hex} line\\nfeed\n"
    with pytest.raises(CommandError, match="Subscription not found"):
        call_command("stream_tail", "x")
