"""python -m bench.telling KEY EVENTS A_CALL ROUNDS: posts events to the API, and prints messages a second.

It does so in this process. Each event concerns four templates, as in a busy bank: one e-mail fires, one waits
for a larger amount, one is switched off, one is for subscribers only. Everything behind the socket is
measured: authentication, JSON, look-ups, templates, outbox, commit, answer.
"""

import json
import os
import sys
import time
from statistics import median

import django

CLIENTS = 2_000


def main(key: str, count: int, a_call: int, rounds: int) -> None:
    """Set up, post the events and count."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "commlog.settings")
    django.setup()
    from django.conf import settings
    from django.test import Client as Browser

    from notifications.models import Client, Message, NotificationTemplate

    settings.ALLOWED_HOSTS = ["*"]
    Client.objects.bulk_create(
        Client(
            client_id=f"C{number:06}",
            first_names="Ana",
            last_name=f"Silva {number}",
            email=f"ana{number}@example.org",
        )
        for number in range(CLIENTS)
    )
    shared = {"type": "EMAIL", "event": "LOAN_REPAYMENT", "subject": "We received {AMOUNT}"}
    text = (
        "Dear {CLIENT_NAME},\n\nwe received your payment of {AMOUNT} for {ACCOUNT_ID}. Thank you.\n\nKind "
        "regards"
    )
    large = [{"field": "AMOUNT", "operator": "MORE_THAN", "values": ["1000000"]}]
    for name, more in (
        ("Paid", {}),
        ("Much", {"conditions": large}),
        ("Off", {"active": False}),
        ("News", {"subscription": "OPT_IN"}),
    ):
        NotificationTemplate.objects.create(name=name, text=text, **shared, **more)
    browser, rates = Browser(), []
    for _ in range(rounds):
        bodies = [
            json.dumps([_event(number) for number in range(first, first + a_call)])
            for first in range(0, count, a_call)
        ]
        before, began = Message.objects.count(), time.perf_counter()
        for body in bodies:
            answer = browser.post(
                "/api/events", body, content_type="application/json", headers={"apiKey": key}
            )
            assert answer.status_code == 202, answer.content[:500]
        took = time.perf_counter() - began
        made = Message.objects.count() - before
        assert made == count, f"{made} messages of {count} events"
        rates.append(made / took)
    each = ", ".join(f"{rate:,.0f}" for rate in rates)
    print(
        f"  {count:,} events, {a_call:,} a call, 4 templates each: {median(rates):,.0f} messages a second "
        f"(rounds: {each})"
    )


def _event(number: int) -> dict[str, object]:
    data = {"amount": f"{number % 900}.50", "account": {"id": f"LN-{number}"}}
    return {"event": "LOAN_REPAYMENT", "clientId": f"C{number % CLIENTS:06}", "data": data}


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
