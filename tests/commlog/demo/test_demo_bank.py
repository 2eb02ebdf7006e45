"""The demo's core banking system: sound templates, and an event for every everyday message."""

from datetime import timedelta
from ipaddress import ip_network
from random import Random
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from commlog.demo import bank, feed, people
from commlog.demo.stories import Stories
from notifications import events
from notifications.events import Happening
from notifications.models import BusinessEvent, Message, NotificationTemplate
from notifications.states import MessageType
from notifications.templating.checks import problems

RECEIVER = "http://127.0.0.1:8099"


@pytest.fixture
def stories(db: Any, settings: Any) -> Stories:
    settings.WEBHOOK_ALLOWED_NETS, settings.WEBHOOK_ALLOW_HTTP = [ip_network("127.0.0.0/8")], True
    rng = Random(3)
    cast = people.make_cast(since=timezone.localtime() - timedelta(weeks=5), rng=rng)
    bank.make_templates(RECEIVER)
    return Stories(cast, RECEIVER, rng)


def test_every_template_of_the_bank_is_sound(stories: Stories) -> None:
    assert [(template.name, wrong) for template in NotificationTemplate.objects.all() for wrong in problems(template)] == []


def test_each_event_of_the_bank_makes_one_message_over_the_channel_that_was_meant(stories: Stories) -> None:
    now = timezone.localtime()
    for channel in MessageType:
        for _ in range(25):
            draft = stories.over(channel, now, steady=True)
            told = bank.told(draft, now, stories.rng)
            if isinstance(told, Happening):
                (key,) = events.raise_one(told).messages
                message = Message.objects.get(key=key)
                assert (message.type, message.destination or "-") == (channel, draft.destination or message.destination)
            else:
                assert told.template is not None


@pytest.mark.django_db(transaction=True)
def test_the_core_banking_system_tells_over_the_api(stories: Stories, live_server: LiveServer, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    now, port = timezone.localtime(), int(live_server.url.rpartition(":")[2])
    told = Happening("LOAN_REPAYMENT", client=stories.cast.steady[0], data={"AMOUNT": "1"}, occurred_at=now)
    feed.tell(told, port=port, key=feed.banking_key())
    event = BusinessEvent.objects.get()
    assert (event.name, event.client, event.source) == ("LOAN_REPAYMENT", stories.cast.steady[0], "Core banking")
