"""Requests to the API in this process, over the whole stack except the socket; prints the times as JSON.

`bench.api` runs it.
"""

import json
import sys
import time
from collections.abc import Callable
from statistics import mean, median, quantiles
from typing import Any

import django

PAGES = 60
WALKED = 1_000_000
SEARCH = "/api/communications/messages:search"


def main() -> None:
    """Set up, measure and print."""
    django.setup()
    from django.contrib.auth.models import Group
    from django.test import Client

    from commlog.administration.consumers import changes
    from commlog.models import ApiConsumer
    from notifications.models import Client as Customer

    consumer = ApiConsumer.objects.filter(name="Benchmark").first()
    if consumer is None:
        consumer = changes.create(
            ApiConsumer(name="Benchmark"), [Group.objects.get(name="Administrator")], by=None
        )
    key = changes.issue(consumer, by=None).secret
    browser = Client(SERVER_NAME="127.0.0.1", headers={"apiKey": key})

    def ask(query: str, body: Any) -> Any:
        response = browser.post(f"{SEARCH}?{query}", json.dumps(body), content_type="application/json")
        if response.status_code != 200:
            raise SystemExit(f"{response.status_code} {response.content.decode()}")
        return response

    client = Customer.objects.order_by("pk").first()
    pages = {
        question: _timed(ask, body)
        for question, body in _questions(client.key.hex if client else "0" * 32).items()
    }
    json.dump({"pages": pages, "walk": _walk(ask)}, sys.stdout)


def _questions(client: str) -> dict[str, list[dict[str, Any]]]:
    def one(field: str, operator: str, **values: Any) -> dict[str, Any]:
        return {"field": field, "operator": operator} | values

    return {
        "everything": [],
        "failed e-mails": [one("state", "EQUALS", value="FAILED"), one("type", "EQUALS", value="EMAIL")],
        "SMS that were sent": [one("type", "EQUALS", value="SMS"), one("state", "EQUALS", value="SENT")],
        "the last 30 days": [one("creationDate", "LAST_DAYS", value=30)],
        "a client's": [one("clientKey", "EQUALS", value=client)],
        "a failure reason": [one("failureReason", "EQUALS", value="SMS_NOT_SENT")],
        "a destination's start": [one("destination", "STARTS_WITH", value="a")],
    }


def _timed(ask: Callable[[str, Any], Any], body: Any) -> dict[str, Any]:
    """Return the times of consecutive pages of fifty."""
    times, cursor, rows = [], "", 0
    for number in range(PAGES + 3):
        begun = time.perf_counter()
        response = ask(f"limit=50{cursor}", body)
        if number >= 3:  # the first ones warm the caches up
            times.append((time.perf_counter() - begun) * 1_000)
        rows = max(rows, len(response.json()))
        cursor = f"&cursor={response['Items-Next-Cursor']}" if "Items-Next-Cursor" in response else ""
    return {"p50": median(times), "p95": quantiles(times, n=20)[-1], "rows": rows}


def _walk(ask: Callable[[str, Any], Any]) -> dict[str, Any]:
    times, cursor, messages = [], "", 0
    begun = time.perf_counter()
    while messages < WALKED:
        start = time.perf_counter()
        response = ask(f"limit=1000{cursor}", [])
        times.append((time.perf_counter() - start) * 1_000)
        messages += response.content.count(b'"encodedKey"')
        if "Items-Next-Cursor" not in response:
            break
        cursor = f"&cursor={response['Items-Next-Cursor']}"
    tenth = max(1, len(times) // 10)
    whole = {"messages": messages, "pages": len(times), "seconds": time.perf_counter() - begun}
    return whole | {"first": mean(times[:tenth]), "last": mean(times[-tenth:])}


if __name__ == "__main__":
    main()
