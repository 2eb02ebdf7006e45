"""The demo's core banking system: sound templates, and an event for every everyday message."""

from datetime import timedelta
from ipaddress import ip_network
from random import Random
from typing import Any

import pytest
from django.utils import timezone

from commlog.demo import bank, casting, generator, texts
from commlog.demo.casting import Cast
from notifications.models import Message, NotificationTemplate
from notifications.states import MessageType
from notifications.templating.checks import problems

RECEIVER = "http://127.0.0.1:8099"


@pytest.fixture
def cast(db: Any, settings: Any) -> Cast:
    settings.WEBHOOK_ALLOWED_NETS, settings.WEBHOOK_ALLOW_HTTP = [ip_network("127.0.0.0/8")], True
    since = timezone.localtime() - timedelta(weeks=5)
    made = casting.gather(0, since=since, rng=Random(3), prefix=casting.DEMO)
    texts.make_templates(RECEIVER)
    return made


def test_every_template_of_the_bank_is_sound(cast: Cast) -> None:
    assert [
        (template.name, wrong)
        for template in NotificationTemplate.objects.all()
        for wrong in problems(template)
    ] == []


def test_each_event_of_the_bank_makes_one_message_over_the_channel_that_was_meant(cast: Cast) -> None:
    now, rng, seen = timezone.localtime(), Random(3), set()
    for _ in range(120):
        what = generator.happen(cast, now, rng)
        seen.add(what.wording.channel)
        if what.sender is None:
            told = bank.tell(what)
            message = Message.objects.get(key=told.messages[0])
            expected = texts.destination(what.wording, RECEIVER) or message.destination
            assert (message.type, message.destination) == (what.wording.channel, expected)
            assert (told.event.name, told.event.source, len(told.messages)) == (
                what.wording.event,
                "Core banking",
                1,
            )
    assert seen == set(MessageType)


def test_it_tells_of_people_as_they_are_on_file_now(cast: Cast) -> None:
    busy = cast.busy()
    assert busy
    told = bank.tell_something(Random(3), to_busy=True)
    assert Message.objects.get(key=told.messages[0]).destination == busy.email

    busy.email = "reached@example.org"
    busy.save()

    assert bank.tell_something(Random(3), to_busy=True).event.client != busy
