"""The demo's bank: a past, made once; then its core banking tells of events."""

import gc
import time
from contextlib import suppress
from dataclasses import astuple
from random import Random
from typing import Any

from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from commlog import audit
from commlog.administration.consumers import changes
from commlog.demo import casting, generator, texts
from commlog.demo.generator import Happened
from commlog.demo.place import Place
from commlog.models import ApiConsumer
from notifications import channels, events
from notifications.events import MANUAL, Entry, Happening
from notifications.models import BusinessEvent, Message, NotificationTemplate, StreamEvent
from notifications.rollups import hourly
from notifications.states import MessageState, MessageType
from notifications.streams.subscriptions import BEGIN, Wish, subscribe

NAME, _READER = "Core banking", "Data warehouse"
_WEEKS = 5
# One of so many is to somebody busy. It is retried for 80 s, so at the usual pace two or three are waiting.
_EVERY_SO_MANY = 6


def past(place: Place, count: int) -> None:
    """Bring the tables up to date; make the past, of so many messages, unless it is there."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        gc.disable()  # a third of the time that a first start migrates
        call_command("migrate", verbosity=0)
        gc.enable()
    memory = place.read()
    if not memory.finished:
        print(f"Making a past of {count:,} messages. This is done once.", flush=True)  # noqa: T201  shown in the terminal by the runner
        make_past(count, f"http://127.0.0.1:{memory.webhook}")
        connection.cursor().execute("ANALYZE")
        place.remember(finished=True)


def make_past(count: int, receiver: str) -> None:
    """Write the bank's people, templates, messages and events."""
    rng = Random(20_262)  # noqa: S311  the same people and texts each time
    texts.make_templates(receiver)
    setting = generator.Setting(
        receiver,
        dict(NotificationTemplate.objects.values_list("name", "pk")),
        {channel: channels.get(channel).lane(receiver) for channel in MessageType},
    )
    with hourly.to_be_counted():
        generator.generate(
            count, days=_WEEKS * 7, rng=rng, now=timezone.localtime(), setting=setting, prefix=casting.DEMO
        )
    sent = Message.objects.exclude(template=None).values("template")
    NotificationTemplate.objects.filter(pk__in=sent).update(in_use=True)
    _add_events()
    _fill_topics()


def _add_events() -> None:
    """The events that the automatic messages came of."""
    those = Message.objects.exclude(event=MANUAL).exclude(template=None).filter(first=None)
    messages = list(those.select_related("template", "client", "group", "user"))
    events = []
    for message in messages:
        assert message.template
        template, at = message.template, message.created_at
        entry = Entry(template.key.hex, template.name, message.type, messages=[message.key.hex])
        about = {"client": message.client, "group": message.group, "user": message.user}
        told = {"subject_name": message.recipient_name, "occurred_at": at, "received_at": at, "source": NAME}
        trace = [list(astuple(entry))]
        event = BusinessEvent(name=message.event, trace=trace, message_count=1, **about, **told)
        message.business_event = event
        events.append(event)
    BusinessEvent.objects.bulk_create(events, batch_size=500)
    Message.objects.bulk_update(messages, ["business_event"], batch_size=500)


def _fill_topics() -> None:
    """The events of the stream messages, without a place: the cluster gives them theirs, as after an upgrade.
    A program has subscribed to them, and has not read any yet.
    """
    sent = Message.objects.filter(type=MessageType.EVENT_STREAM, state=MessageState.SENT).order_by("pk")
    rows = [
        StreamEvent(
            topic=each.destination, key=each.key, event=each.event, content_type=each.content_type,
            body=each.content, appended_at=each.sent_at or each.created_at,
        )
        for each in sent
    ]  # fmt: skip
    StreamEvent.objects.bulk_create(rows, batch_size=500)
    reader = changes.create(ApiConsumer(name=_READER), [], by=audit.Command("demo"))
    wish = Wish(_READER, tuple({row.topic for row in rows}), read_from=BEGIN)
    subscribe(wish, owner=reader.pk, owner_name=reader.name)


def feed(place: Place, every: float) -> None:
    """Tell something about every so many seconds, now and then of somebody unreachable."""
    rng, number = Random(), 0  # noqa: S311  no secret
    while True:
        # Somebody holds the database, or has just removed whom it is about: the next one is as good.
        with suppress(DatabaseError):
            tell_something(rng, to_busy=number % _EVERY_SO_MANY == 0)
            number += 1
        time.sleep(every * rng.uniform(0.6, 1.4))


def tell_something(rng: Random, *, to_busy: bool = False) -> events.Raised:
    """Tell of one of the people as they are on file now, if there is one of those who cannot be reached."""
    cast, now = casting.found(casting.DEMO), timezone.localtime()
    if to_busy and (busy := cast.busy()):
        return tell(generator.about(busy, texts.WORDINGS[0], now, rng))
    while (what := generator.happen(cast, now, rng)).wording.event == MANUAL:
        pass  # people's messages are written on pages
    return tell(what)


def tell(what: Happened) -> events.Raised:
    """Report it, as a program does."""
    what.wording.said(what.facts)  # what the text says has been made up now
    data = {name: text for name, text in what.facts.items() if name not in texts.OURS}
    way = what.wording.way or what.wording.channel.value
    whom: dict[str, Any] = {what.kind: what.recipient}
    happening = Happening(
        what.wording.event, data=data | {texts.WAY: way}, occurred_at=what.facts.when, **whom
    )
    return events.raise_one(happening, source=NAME)
