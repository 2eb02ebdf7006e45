"""The trickle of new messages while the demo runs: the core banking system tells of events over the API, and staff write by hand.

Now and then it is about somebody who cannot be reached yet, so that something is always waiting.
"""

import argparse
import json
import time
import urllib.request
from contextlib import suppress
from random import Random

from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission
from django.db import OperationalError, transaction
from django.utils import timezone

from commlog import audit
from commlog.administration.consumers import keeping
from commlog.demo import bank, people
from commlog.demo.history import BANKING
from commlog.demo.place import Place
from commlog.demo.stories import Stories
from commlog.models import ApiConsumer
from notifications import outbox
from notifications.events import Happening
from notifications.outbox import Draft

_EVERY_SO_MANY = 6  # one of so many is to somebody busy. It is retried for 80 s, so at the usual pace two or three are waiting
_PATIENCE = 20.0


def run(place: Place, options: argparse.Namespace) -> None:
    """Tell of one event or write one message about every `options.every` seconds, for ever."""
    rng = Random()  # noqa: S311  no secret
    receiver = f"http://127.0.0.1:{place.read().webhook}"
    stories = Stories(people.find_cast(), receiver, rng)
    key, number = banking_key(), 0
    while True:
        now = timezone.localtime()
        draft = stories.troubled(now) if number % _EVERY_SO_MANY == 0 else stories.any(now)
        with suppress(OperationalError, OSError):  # somebody holds the database, or the pages do not answer yet: the next one is as good
            tell(bank.told(draft, now, rng), port=options.port, key=key)
            number += 1
        time.sleep(options.every * rng.uniform(0.6, 1.4))


def banking_key() -> str:
    """A key for the core banking system, which may tell of events and nothing else."""
    with transaction.atomic():
        consumer = ApiConsumer.objects.filter(name=BANKING).first()
        if consumer is None:
            role, _ = Role.objects.get_or_create(name=BANKING)
            role.permissions.add(Permission.objects.get(codename="send_events"))
            consumer = keeping.create(ApiConsumer(name=BANKING), [role], by=audit.Command("demo"))
        return keeping.issue(consumer, by=audit.Command("demo")).secret


def tell(what: Draft | Happening, *, port: int, key: str) -> None:
    """Post an event to the API, as any program would; what a person writes goes into the outbox. Raises OSError."""
    if isinstance(what, Draft):
        outbox.enqueue(what)
        return
    named = {"clientKey": what.client, "groupKey": what.group, "userKey": what.user}
    body = {name: row.key.hex for name, row in named.items() if row is not None} | {"event": what.name, "data": what.data}
    moment = what.occurred_at or timezone.localtime()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/events",
        json.dumps(body | {"occurredAt": moment.isoformat()}).encode(),
        headers={"Content-Type": "application/json", "apiKey": key},
    )
    with urllib.request.urlopen(request, timeout=_PATIENCE):  # noqa: S310
        pass
