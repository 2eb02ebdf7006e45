"""Makes the demo's database: the tables, the people, and a past of some thousand messages that were really sent to the stand-ins."""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from commlog.demo import bank, dating, environment, history, people
from commlog.demo.history import Past
from commlog.demo.place import BASE, CHANNELS, Place
from commlog.demo.processes import Children
from commlog.demo.stories import Stories
from notifications.models import Lane, Message
from notifications.models.lane import SOUND
from notifications.states import Circuit

_PROVIDERS = ("EMAIL_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM", "TWILIO_API_URL", "WEBHOOK_ALLOW_HTTP")
_LONGEST_WAIT = 180.0  # seconds without the end of a round before something is wrong
_LOOK = 0.2


def run(place: Place, options: argparse.Namespace) -> None:
    """Bring the tables up to date; make the past unless it is there."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0)
    memory = place.read()
    if not memory.finished:
        _make(place, options.messages, memory.webhook)
        place.remember(replace(memory, finished=True))


def _make(place: Place, count: int, receiver_port: int) -> None:
    now = timezone.localtime()
    rng = Random(20_262)  # noqa: S311  the same people and texts each time
    _say(f"Making a past of {count:,} messages. This is done once.")
    cast = people.make_cast(since=now - timedelta(weeks=5), rng=rng)
    stories = Stories(cast, f"http://127.0.0.1:{receiver_port}", rng)
    bank.make_templates(stories.receiver)
    past = history.unobtainable(stories, now=now)
    past |= _before_the_set_up(stories, now)
    past |= _bad_morning(place, stories, max(6, count // 40), now)
    past |= _weeks(place, stories, count, past, now)
    dating.date_back(past, rng=rng)
    connection.cursor().execute("ANALYZE")


def _before_the_set_up(stories: Stories, now: datetime) -> Past:
    """The ordinary command, in an environment without providers: it stores these as failed, with the reason."""
    lines = history.before_the_set_up(stories, now=now)
    text = "\n".join(json.dumps(line) for _, line in lines)
    bare = {name: value for name, value in os.environ.items() if name not in _PROVIDERS}
    command = [sys.executable, "-m", "django", "enqueue", "-"]
    done = subprocess.run(command, input=text, env=bare, cwd=BASE, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    keys = [UUID(key) for key in done.stdout.split()]
    by_key = dict(Message.objects.filter(key__in=keys).values_list("key", "pk"))
    return {by_key[key]: when for key, (when, _) in zip(keys, lines, strict=True)}


def _bad_morning(place: Place, stories: Stories, count: int, now: datetime) -> Past:
    """A cluster with the wrong passwords, and an outage of the webhooks' receiver."""
    past = history.store(history.locked_out(stories, count, now=now))
    wrong = {"TWILIO_AUTH_TOKEN": "changed", "EMAIL_URL": os.environ["EMAIL_URL"].replace("://", "://commlog:changed@")}
    place.flag("webhook").touch()
    with _cluster(place, os.environ | wrong):
        _until_final()
    for channel in CHANNELS:
        place.flag(channel).unlink(missing_ok=True)
    return past


def _weeks(place: Place, stories: Stories, count: int, bad: Past, now: datetime) -> Past:
    """All the others, and what staff resent of them: the failed of the bad morning arrive now, most others fail once more."""
    past = history.store(history.ordinary(stories, count, now=now))
    failed = Message.objects.failed().order_by("pk")
    with _cluster(place, os.environ):
        past |= history.resend(bad, list(failed), stories, percent=75, now=now)
        _until_final()
        again = history.resend(past, list(failed), stories, percent=25, now=now)
        _until_final()
        again |= history.resend(again, list(failed.filter(pk__in=again)), stories, percent=30, now=now)
        again |= history.resend(bad, list(failed.filter(pk__in=bad)), stories, percent=4, now=now, again=True)
        _until_final()
    return past | again


def _cluster(place: Place, environ: Mapping[str, str]) -> Children:
    children = Children(place.logs)
    children.start("first-cluster", ["-m", "django", "qcluster"], environment=environment.impatient(environ))
    return children


def _until_final() -> None:
    """Wait until everything is sent or failed, saying how far it is."""
    until = time.monotonic() + _LONGEST_WAIT
    said = 0.0
    while left := Message.objects.live().count():
        _close_circuits()
        if time.monotonic() > until:
            sys.exit(f"{left} messages are still on their way after {_LONGEST_WAIT:.0f} seconds.")
        if time.monotonic() - said > 3:
            said = time.monotonic()
            _say(f"  {left:,} to go")
        time.sleep(_LOOK)


def _close_circuits() -> None:
    """In the past every retry was waited for; a circuit that opens now, because an hour's failures come in a second, would hold them up."""
    Lane.objects.exclude(circuit=Circuit.CLOSED).update(**SOUND)


def _say(words: str) -> None:
    print(words, flush=True)  # noqa: T201  shown in the terminal by the runner
