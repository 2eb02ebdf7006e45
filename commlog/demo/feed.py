"""The trickle of new messages while the demo runs; now and then one that cannot be delivered yet, so that something is always waiting."""

import argparse
import time
from random import Random

from django.db import OperationalError
from django.utils import timezone

from commlog.demo import people
from commlog.demo.place import Place
from commlog.demo.stories import Stories
from notifications import outbox

_EVERY_SO_MANY = 6  # one of so many is to somebody busy. It is retried for 80 s, so at the usual pace two or three are waiting


def run(place: Place, options: argparse.Namespace) -> None:
    """Enqueue one message about every `options.every` seconds, for ever."""
    rng = Random()  # noqa: S311  no secret
    receiver = f"http://127.0.0.1:{place.read().webhook}"
    stories = Stories(people.find_cast(), receiver, rng)
    number = 0
    while True:
        now = timezone.localtime()
        draft = stories.troubled(now) if number % _EVERY_SO_MANY == 0 else stories.any(now)
        try:
            outbox.enqueue(draft)
        except OperationalError:  # somebody holds the database for longer than 20 s: the next one is as good
            continue
        number += 1
        time.sleep(options.every * rng.uniform(0.6, 1.4))
