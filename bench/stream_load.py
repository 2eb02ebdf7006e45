"""python -m bench.stream_load COUNT SECONDS TOPIC…: stores stream messages for many recipients.

They are stored in lists of 500, or one by one with SECONDS between them. Each has a number, and the time it
was stored.
"""

import json
import os
import subprocess
import sys
import time

import django

from bench.installation import Installation

RECIPIENTS = 500
_LIST = 500


def main(count: int, pause: float, topics: list[str]) -> None:
    """Store the messages, and print how many a second."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "commlog.settings")
    django.setup()
    from notifications import outbox
    from notifications.drafts import Draft
    from notifications.models import Client
    from notifications.states import MessageType

    if not Client.objects.exists():
        Client.objects.bulk_create(
            Client(client_id=f"C{number:06}", first_names="Ana", last_name=f"Silva {number}")
            for number in range(RECIPIENTS)
        )
    clients = list(Client.objects.order_by("pk")[:RECIPIENTS])

    def draft(number: int) -> Draft:
        body = {"number": number, "recipient": number % RECIPIENTS, "stored": time.time(), "text": "x" * 150}
        return Draft(
            MessageType.EVENT_STREAM,
            destination=topics[number // RECIPIENTS % len(topics)],
            client=clients[number % RECIPIENTS],
            content_type="application/json",
            body=json.dumps(body),
        )

    began, at_once = time.perf_counter(), 1 if pause else _LIST
    for first in range(0, count, at_once):
        outbox.enqueue_many([draft(number) for number in range(first, min(first + at_once, count))])
        time.sleep(pause)
    print(f"{count / (time.perf_counter() - began):.0f}")


def loading(installation: Installation, count: int, pause: float, topics: list[str]) -> subprocess.Popen[str]:
    """Start a process that stores `count` messages."""
    return installation.beside("-m", "bench.stream_load", count, pause, *topics)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])
