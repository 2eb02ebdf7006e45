"""The demo's bank: a past, made once; then programs of its own tell of events and read streams."""

import gc
import json
import time
import urllib.request
from contextlib import suppress
from dataclasses import astuple
from random import Random
from threading import Thread
from typing import Any

from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from commlog import audit
from commlog.administration.consumers import keeping
from commlog.demo import casting, generator, texts
from commlog.demo.generator import Happened
from commlog.demo.place import Place
from commlog.models import ApiConsumer
from notifications import channels
from notifications.events import MANUAL, Entry
from notifications.models import BusinessEvent, Message, NotificationTemplate, StreamEvent
from notifications.rollups import folding
from notifications.states import MessageState, MessageType

NAME, WAREHOUSE = "Core banking", "Data warehouse"
_SLEEPS = "Monthly reports"  # an application that subscribes, and is not running
_WEEKS = 5
# One of so many is to somebody busy. It is retried for 80 s, so at the usual pace two or three are waiting.
_EVERY_SO_MANY = 6
_PATIENCE = 29.0  # seconds: longer than a stream is silent
_AGAIN = 2.0  # seconds before the warehouse connects again


def past(place: Place) -> None:
    """Bring the tables up to date; make the past unless it is there."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        gc.disable()  # a third of the time that a first start migrates
        call_command("migrate", verbosity=0)
        gc.enable()
    memory = place.read()
    if not memory.finished:
        print(f"Making a past of {memory.messages:,} messages. This is done once.", flush=True)  # noqa: T201  shown in the terminal by the runner
        make_past(memory.messages, memory.receiver)
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
    with folding.to_be_counted():
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
    """The events of the stream messages, without a place: the cluster gives them theirs, as after an
    upgrade.
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


def feed(place: Place) -> None:
    """Tell something about every so many seconds, now and then of somebody unreachable, and read streams."""
    memory = place.read()
    rng, cast = Random(), casting.found(casting.DEMO)  # noqa: S311  no secret
    core = banking(memory.port)
    warehouse = Program(WAREHOUSE, memory.port, "read_streams", "read_message_content")
    Thread(target=read_streams, args=[warehouse], daemon=True).start()
    reminder, number = texts.WORDINGS[0], 0
    while True:
        now = timezone.localtime()
        what = generator.happen(cast, now, rng)
        if number % _EVERY_SO_MANY == 0:
            what = generator.to_client(reminder, cast.busy(), now, rng)
        # The pages do not answer yet: the next one is as good.
        with suppress(OSError):
            if what.wording.event != MANUAL:
                core.tell(what)
                number += 1
        time.sleep(memory.every * rng.uniform(0.6, 1.4))


class Program:
    """A program of the bank, with a new key that has these permissions alone."""

    def __init__(self, name: str, port: int, *permissions: str) -> None:
        self._api = f"http://127.0.0.1:{port}/api"
        with transaction.atomic():
            consumer = ApiConsumer.objects.filter(name=name).first()
            if consumer is None:
                role, _ = Role.objects.get_or_create(name=name)
                role.permissions.add(*Permission.objects.filter(codename__in=permissions))
                consumer = keeping.create(ApiConsumer(name=name), [role], by=audit.Command("demo"))
            self.key = keeping.issue(consumer, by=audit.Command("demo")).secret

    def tell(self, what: Happened) -> None:
        """Post an event. Raises OSError."""
        self.call("POST", "/events", body(what)).close()

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The answer. Raises OSError."""
        about = {"apiKey": self.key, "Content-Type": "application/json"} | headers
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._api + path, data, about, method=method)  # noqa: S310
        return urllib.request.urlopen(request, timeout=_PATIENCE)  # noqa: S310


def banking(port: int) -> Program:
    """The core banking system, which may tell of events and nothing else."""
    return Program(NAME, port, "send_events")


def body(what: Happened) -> dict[str, object]:
    """An event as the API takes it."""
    what.wording.said(what.facts)  # what the text says has been made up now
    named = {"clientKey": what.client, "groupKey": what.group, "userKey": what.user}
    data = {name: text for name, text in what.facts.items() if name not in texts.OURS}
    way = what.wording.way or what.wording.channel.value
    keys = {name: row.key.hex for name, row in named.items() if row is not None}
    told = {"event": what.wording.event, "occurredAt": what.facts.when.isoformat()}
    return {**told, "data": data | {texts.WAY: way}, **keys}


def read_streams(warehouse: Program) -> None:
    """Subscribe to every topic of the bank, and read on, for ever."""
    while True:
        # The pages do not answer yet, or have ended the stream.
        with suppress(OSError):
            _subscribed(warehouse, _SLEEPS)
            here = f"/v1/subscriptions/{_subscribed(warehouse, WAREHOUSE)}"
            with warehouse.call("GET", f"{here}/events?batch_limit=20&batch_flush_timeout=5") as stream:
                name = {"X-Mambu-StreamId": stream.headers["X-Mambu-StreamId"]}
                for batch in map(json.loads, stream):
                    if batch.get("events"):
                        read = {"items": [batch["cursor"]]}
                        warehouse.call("POST", f"{here}/cursors", read, **name).close()
        time.sleep(_AGAIN)


def _subscribed(warehouse: Program, application: str) -> str:
    topics = {each.way for each in texts.WORDINGS if each.channel == MessageType.EVENT_STREAM}
    wish = {"owning_application": application, "event_types": sorted(topics), "read_from": "begin"}
    with warehouse.call("POST", "/v1/subscriptions", wish) as answer:
        return str(json.load(answer)["id"])
