"""One round over the pages of the log in the database of DATABASE_URL; prints JSON.

It is a process of its own: bench/log.py compares databases. Requests go through the real middleware in this
process. Every statement is recorded: a page that counts or skips rows fails the round.
"""

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import django

# Rows before the deep page, or half of them all where there are fewer, but so that it is full if it can be.
DEEP = 100_000
PAGE = 50
REPEATS = 6
FORBIDDEN = re.compile(r"COUNT\(\*\)|\bOFFSET\b")
ROW = b'<tr id="row-'
SEARCH_DAYS = 30


@dataclass
class Timing:
    """The measurements of a page: milliseconds in all and within the database, statements, and rows shown."""

    took: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)
    statements: int = 0
    rows: int = 0


class Statements:
    """A record of every statement of a request, and the time in the database."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.seconds = 0.0

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        """Run a statement, as Django's hook around each of them."""
        self.texts.append(sql)
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.seconds += time.perf_counter() - began


class Visitor:
    """An administrator who looks at pages."""

    def __init__(self) -> None:
        from django.contrib.auth.models import Group as Role
        from django.test import Client

        from commlog.models import User

        user, _ = User.objects.get_or_create(username="bench.visitor")
        user.groups.add(Role.objects.get(name="Administrator"))
        self.user = User.objects.get(pk=user.pk)
        self.client = Client(SERVER_NAME="127.0.0.1")
        self.client.force_login(self.user)

    def see(self, path: str, *, repeats: int = REPEATS) -> Timing:
        """Return the page's timing. Exits if the page refuses, counts or skips rows."""
        from django.db import connection

        found = Timing()
        for number in range(repeats + 1):  # one that is not counted: caches are warm
            statements = Statements()
            with connection.execute_wrapper(statements):
                began = time.perf_counter()
                response = self.client.get(path)
                took = time.perf_counter() - began
            if response.status_code != 200 or b"was stopped" in response.content:
                raise SystemExit(f"{path}: {response.status_code}, or it was stopped after {took:.1f} s")
            if wrong := next((text for text in statements.texts if FORBIDDEN.search(text)), None):
                raise SystemExit(f"{path} counts or skips rows: {wrong}")
            if number:
                found.took.append(took * 1_000)
                found.database.append(statements.seconds * 1_000)
            found.statements, found.rows = len(statements.texts), response.content.count(ROW)
        return found


def filters() -> dict[str, dict[str, str]]:
    """Return the combinations of conditions, as parameters of query strings."""
    from django.db.models import Count
    from django.utils import timezone

    from commlog.models import User
    from notifications.models import Client

    today = timezone.localdate()
    officer = User.objects.annotate(wrote=Count("sent_messages")).order_by("-wrote")[:1].get()
    client = Client.objects.order_by("pk")[30]
    return {
        "everything": {},
        "failed": {"state": "FAILED"},
        "not yet delivered": {"state": "UNDELIVERED"},
        "waiting to be sent": {"state": "PENDING"},
        "SMS": {"type": "SMS"},
        "failed webhooks, oldest first": {"type": "WEB_HOOK", "state": "FAILED", "sort": "created"},
        "sent by an officer": {"sender": officer.key.hex},
        "e-mails of one week": {
            "type": "EMAIL",
            "created_from": str(today - timedelta(days=20)),
            "created_to": str(today - timedelta(days=14)),
        },
        "one client, sent": {"state": "SENT", "c": f"client.equals.{client.key.hex}"},
        "an event, tried more than once": {
            "c": "attempts.more_than.1",
            "f1": "event",
            "o1": "EQUALS",
            "v1": "REPAYMENT_REMINDER",
        },
        "failed or may be a duplicate": {
            "match": "any",
            "c": "possible_duplicate.equals.true",
            "f1": "state",
            "o1": "EQUALS",
            "v1": "FAILED",
        },
    }


def searches() -> dict[str, dict[str, str]]:
    """Return searches within the last 30 days: with many, few and no results."""
    from django.utils import timezone

    from notifications.models import Client

    since = {"created_from": str(timezone.localdate() - timedelta(days=SEARCH_DAYS))}
    words = {
        "the name of a person": Client.objects.order_by("pk")[30].name,
        "a common word": "instalment",
        "a rare text": "LN-4711",
        "an address": "ana.silva.7",
        "a number": "+44 7700 900123",
        "two letters": "zq",
        "nothing at all": "xylophone orchestra",
    }
    return {what: {"q": text} | since for what, text in words.items()}


def deep(query: dict[str, str]) -> str:
    """Return the cursor of the row at depth DEEP. It is found with an offset, which is not measured."""
    from commlog.kit import paging
    from commlog.log import reading
    from commlog.log.columns import DEFAULT_SORTING, sorting_for
    from notifications.models import Message

    sorting = sorting_for(query.get("sort", "")) or DEFAULT_SORTING
    chosen = reading.of_pairs(query.items()).over(Message.objects.all())
    if not chosen.sound:
        raise SystemExit(f"{query} is not understood")
    sign = "-" if sorting.descending else ""
    places = chosen.messages.order_by(*(f"{sign}{name}" for name in (*sorting.columns, "pk"))).values_list(
        "pk", flat=True
    )
    count = places.count()
    place = max(0, min(DEEP, count // 2, count - PAGE - 1))
    row = Message.objects.filter(pk__in=list(places[place : place + 1])).first()
    return paging.cursor_of(row, sorting) if row else ""


def others(visitor: Visitor) -> Iterator[tuple[str, str]]:
    """Yield further pages.

    They are tabs of people with many messages, counts of views, a message with its neighbours, and sorted
    columns.
    """
    from django.db.models import Count

    from commlog.models import User
    from notifications.models import Client, Group, Message

    client = Client.objects.order_by("pk")[0]
    group = Group.objects.order_by("pk")[0]
    user = User.objects.annotate(wrote=Count("sent_messages")).order_by("-wrote")[:1].get()
    yield "tab of a client with many", f"/clients/{client.key.hex}/communications/"
    yield "the same, failed", f"/clients/{client.key.hex}/communications/?state=FAILED"
    yield "tab of a group", f"/groups/{group.key.hex}/communications/"
    yield "tab of a user who writes a lot", f"/users/{user.key.hex}/communications/"
    yield "counts of the views", "/communications/?counts=1"
    message = Message.objects.failed().order_by("-pk")[50]
    for what, origin in (
        ("log", "/communications/"),
        ("failed", "/communications/?state=FAILED"),
        ("SMS", "/communications/?type=SMS"),
    ):
        yield (
            f"a message from the log: {what}",
            f"/communications/{message.key.hex}/?{urlencode({'from': origin})}",
        )
    for alias in ("state", "-sent", "recipient", "-attempts"):
        yield (
            f"failed of a month by {alias}",
            f"/communications/?{urlencode({'sort': alias, 'state': 'FAILED'})}",
        )
    yield "clients by name", "/clients/?sort=name"
    yield "rows that move", f"/communications/?{urlencode({'newest': message.pk, 'live': message.pk})}"


@contextmanager
def as_in_production() -> Iterator[None]:
    """Keep compiled templates; static files have their plain names, as nobody has collected them."""
    from django.test import override_settings

    backend = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with override_settings(
        STORAGES={
            "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
            "staticfiles": backend,
        }
    ):
        yield


def main() -> None:
    """Measure and print."""
    django.setup()
    import commlog.wsgi  # noqa: F401  loaded as a server loads it

    with as_in_production():
        visitor = Visitor()
        measured: dict[str, dict[str, Timing]] = {"filters": {}, "searches": {}, "others": {}}
        for what, query in filters().items():
            measured["filters"][what] = visitor.see(f"/communications/?{urlencode(query)}")
            cursor = deep(query)
            measured["filters"][f"{what}, deep"] = visitor.see(
                f"/communications/?{urlencode(query | {'after': cursor})}"
            )
        for what, query in searches().items():
            measured["searches"][what] = visitor.see(f"/communications/?{urlencode(query)}", repeats=2)
        for what, path in others(visitor):
            measured["others"][what] = visitor.see(path)
    json.dump(
        {part: {what: vars(timing) for what, timing in found.items()} for part, found in measured.items()},
        sys.stdout,
    )


if __name__ == "__main__":
    main()
