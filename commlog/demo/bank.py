"""The demo's bank: a past, made once; then its core banking tells of events, and staff write by hand."""

import argparse
import gc
import json
import time
import urllib.request
from contextlib import suppress
from dataclasses import astuple, replace
from datetime import timedelta
from random import Random

from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from commlog import audit
from commlog.administration.consumers import keeping
from commlog.demo import casting, fates, generator, texts
from commlog.demo.generator import Happened
from commlog.demo.place import Place
from commlog.models import ApiConsumer
from notifications import channels, outbox
from notifications.events import MANUAL, Entry
from notifications.models import BusinessEvent, Message, NotificationTemplate, StreamEvent
from notifications.outbox import Draft
from notifications.rollups import folding
from notifications.states import MessageState, MessageType

NAME = "Core banking"
_WEEKS = 5
# One of so many is to somebody busy. It is retried for 80 s, so at the usual pace two or three are waiting.
_EVERY_SO_MANY = 6
_PATIENCE = 20.0


def past(place: Place, options: argparse.Namespace) -> None:
    """Bring the tables up to date; make the past unless it is there."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        gc.disable()  # a third of the time that a first start migrates
        call_command("migrate", verbosity=0)
        gc.enable()
    memory = place.read()
    if not memory.finished:
        print(f"Making a past of {options.messages:,} messages. This is done once.", flush=True)  # noqa: T201  shown in the terminal by the runner
        make_past(options.messages, _receiver(place))
        connection.cursor().execute("ANALYZE")
        place.remember(replace(memory, finished=True))


def make_past(count: int, receiver: str) -> None:
    """Write the bank's people, templates, messages and events; one of each kind of failure comes on top."""
    now, rng = timezone.localtime(), Random(20_262)  # noqa: S311  the same people and texts each time
    cast = casting.of_demo(since=now - timedelta(weeks=_WEEKS, days=200), rng=rng)
    texts.make_templates(receiver)
    keys = dict(NotificationTemplate.objects.values_list("name", "pk"))
    on_top = sum(map(len, fates.FAILURES.values()))
    moments = generator.spread(count + on_top, _WEEKS * 7, now=now, rng=rng)
    lanes = {channel: channels.get(channel).lane(receiver) for channel in MessageType}
    with folding.to_be_counted():
        generator.Mill(cast, receiver, rng, keys, lanes).write(moments)
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
        events.append(BusinessEvent(name=message.event, trace=trace, message_count=1, **about, **told))
    made = BusinessEvent.objects.bulk_create(events, batch_size=500)
    for message, event in zip(messages, made, strict=True):
        message.business_event = event
    Message.objects.bulk_update(messages, ["business_event"], batch_size=500)


def _fill_topics() -> None:
    """The events of the stream messages, without a place: the cluster gives them theirs, as after an
    upgrade.
    """
    sent = Message.objects.filter(type=MessageType.EVENT_STREAM, state=MessageState.SENT).order_by("pk")
    StreamEvent.objects.bulk_create(
        [
            StreamEvent(
                topic=each.destination,
                key=each.key,
                event=each.event,
                content_type=each.content_type,
                body=each.content,
                appended_at=each.sent_at or each.created_at,
            )
            for each in sent
        ],
        batch_size=500,
    )


def feed(place: Place, options: argparse.Namespace) -> None:
    """Tell or write something about every `options.every` seconds; now and then to somebody unreachable."""
    rng, cast = Random(), casting.find_demo()  # noqa: S311  no secret
    key, number = banking_key(), 0
    reminder = next(wording for wording in texts.WORDINGS if wording.channel == MessageType.EMAIL)
    while True:
        now = timezone.localtime()
        busy = number % _EVERY_SO_MANY == 0
        what = (
            generator.to_client(reminder, cast.busy(), now, rng) if busy else generator.happen(cast, now, rng)
        )
        # Somebody holds the database, or the pages do not answer yet: the next one is as good.
        with suppress(OperationalError, OSError):
            tell(what, port=options.port, key=key)
            number += 1
        time.sleep(options.every * rng.uniform(0.6, 1.4))


def banking_key() -> str:
    """A key for the core banking system, which may tell of events and nothing else."""
    return key_of(NAME, "send_events")


def key_of(program: str, *permissions: str) -> str:
    """A new key for a program of the bank, which has these permissions alone."""
    with transaction.atomic():
        consumer = ApiConsumer.objects.filter(name=program).first()
        if consumer is None:
            role, _ = Role.objects.get_or_create(name=program)
            role.permissions.add(*Permission.objects.filter(codename__in=permissions))
            consumer = keeping.create(ApiConsumer(name=program), [role], by=audit.Command("demo"))
        return keeping.issue(consumer, by=audit.Command("demo")).secret


def draft(what: Happened) -> Draft:
    """A message that a member of staff writes, begun with a template."""
    subject, text, _ = what.wording.said(what.facts)
    target = texts.Target.GROUP if what.group else texts.Target.CLIENT
    template = NotificationTemplate.objects.filter(name=what.wording.name(target)).first()
    return Draft(
        what.wording.channel,
        subject=subject,
        body=text,
        event=MANUAL,
        client=what.client,
        group=what.group,
        sender=what.sender,
        template=template,
    )


def body(what: Happened) -> dict[str, object]:
    """An event as the API takes it."""
    what.wording.said(what.facts)  # what the text says has been made up now
    named = {"clientKey": what.client, "groupKey": what.group, "userKey": what.user}
    data = {name: text for name, text in what.facts.items() if name not in texts.OURS}
    way = what.wording.way or what.wording.channel.value
    keys = {name: row.key.hex for name, row in named.items() if row is not None}
    told = {"event": what.wording.event, "occurredAt": what.facts.when.isoformat()}
    return {**told, "data": data | {texts.WAY: way}, **keys}


def tell(what: Happened, *, port: int, key: str) -> None:
    """Post an event to the API, as programs do; people's messages go to the outbox. Raises OSError."""
    if what.wording.event == MANUAL:
        outbox.enqueue(draft(what))
        return
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/events",
        json.dumps(body(what)).encode(),
        headers={"Content-Type": "application/json", "apiKey": key},
    )
    with urllib.request.urlopen(request, timeout=_PATIENCE):  # noqa: S310
        pass


def _receiver(place: Place) -> str:
    return f"http://127.0.0.1:{place.read().webhook}"
