"""A client's timeline: what was sent, failed and was not sent, in one column, and who sees which of it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from commlog.models import MenuItem
from commlog.recipients import timeline
from notifications import events
from notifications.events import Happening
from notifications.models import BusinessEvent
from notifications.states import MessageState
from tests.factories import make_client, make_group, make_message, make_template, outsider, viewer

pytestmark = pytest.mark.django_db


def test_one_column_the_latest_first(pages: Client) -> None:
    ana = make_client(email="")
    make_template(event="CLIENT_CREATED", name="Welcome")
    event = events.raise_one(Happening("CLIENT_CREATED", client=ana)).event
    now = timezone.now()
    failed = make_message(MessageState.FAILED, client=ana, subject="Due", now=now - timedelta(hours=1))
    make_message(MessageState.SENT)
    lines = pages.get(f"/clients/{ana.key.hex}/").context["timeline"]

    assert [(line.message, line.event) for line in lines] == [(None, event), (failed, None)]
    page = pages.get(f"/clients/{ana.key.hex}/").text
    assert 'Not sent</span> <bdi class="what">Welcome' in page
    assert f"/communications/events/{event.key.hex}/" in page


def test_what_became_a_message_is_not_said_to_be_missing(pages: Client) -> None:
    ana = make_client()
    make_template(event="CLIENT_CREATED", name="Welcome")
    events.raise_one(Happening("CLIENT_CREATED", client=ana))

    (line,) = pages.get(f"/clients/{ana.key.hex}/").context["timeline"]
    assert line.message is not None


def test_it_ends_where_not_all_events_were_looked_through(
    pages: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "_EVENTS", 1)
    ana, now = make_client(), timezone.now()
    old = make_message(client=ana, now=now - timedelta(days=2))
    BusinessEvent.objects.create(name="CLIENT_CREATED", client=ana, occurred_at=now, received_at=now)
    new = make_message(client=ana, now=now + timedelta(seconds=1))

    found = [line.message for line in pages.get(f"/clients/{ana.key.hex}/").context["timeline"]]
    assert found == [new]
    assert old not in found


def test_each_sees_what_each_may_read() -> None:
    ana = make_client(email="")
    make_template(event="CLIENT_CREATED", name="Welcome")
    events.raise_one(Happening("CLIENT_CREATED", client=ana))
    message = make_message(client=ana)
    person = viewer()
    browser = Client()
    browser.force_login(person)
    assert len(browser.get(f"/clients/{ana.key.hex}/").context["timeline"]) == 2
    MenuItem.objects.filter(type__in=["COMMUNICATIONS", "EVENTS"]).delete()
    (line,) = browser.get(f"/clients/{ana.key.hex}/").context["timeline"]
    assert line.message == message
    browser.force_login(outsider())
    assert browser.get(f"/clients/{ana.key.hex}/").status_code == 403


def test_groups_have_one_too(pages: Client) -> None:
    group = make_group()
    message = make_message(group=group)
    (line,) = pages.get(f"/groups/{group.key.hex}/").context["timeline"]
    assert line.message == message
