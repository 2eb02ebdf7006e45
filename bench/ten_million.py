"""Fast lookups over many messages beside ten thousand, in interleaved rounds.

    python -m bench ten_million --rows 10000000 --server URL --only [--keep]

They are: people named in the search box, a condition on each field, any of several, waiting messages, tabs,
pages deep in the log, and words over all years. Run as a module of its own it is one round over the database
of DATABASE_URL, and prints JSON.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

from bench.installation import Installation
from bench.log import FEW, filled, in_production
from bench.log_pages import Visitor, as_in_production, deep

if TYPE_CHECKING:
    from notifications.criteria import Field
    from notifications.models.message import MessageQuerySet

ROWS = 100_000  # unless another number is asked for: what the whole bench has time for
ROUNDS = 3
SLOWEST, WORST_RATIO = 45.0, 1.2  # milliseconds at the 95th percentile, and between the two sizes
PERSON = 60.0  # milliseconds for whom the box names
WORDS = 150.0  # milliseconds for words


def run(installation: Installation, *, rows: int = ROWS, keep: bool = False) -> None:
    """Measure both sizes in turns; print milliseconds, ratios and what misses the limits."""
    url = installation.environment["DATABASE_URL"]
    server = "" if url.startswith("sqlite") else url
    with ExitStack() as stack:
        sizes = {
            count: stack.enter_context(filled(installation, server, count, keep)) for count in (FEW, rows)
        }
        rounds: dict[int, list[Any]] = {count: [] for count in sizes}
        for _ in range(ROUNDS):
            for count, database in sizes.items():
                rounds[count].append(in_production(installation, database, "bench.ten_million"))
    print(
        f"  milliseconds at {rows:,} messages: p50 (of them in the database), p95; "
        f"p50 at {FEW:,}, and the ratio"
    )
    missed = [what for what in rounds[rows][0] if not _told(what, rounds[FEW], rounds[rows])]
    print(
        f"  p95 ≤ {SLOWEST:.0f} ms (the box {PERSON:.0f}, words {WORDS:.0f}), {WORST_RATIO} × of {FEW:,}: "
        f"{'missed by ' + ', '.join(missed) if missed else 'held by all'}"
    )


def _told(what: str, few: list[Any], many: list[Any]) -> bool:
    """Print a line. Returns whether its limits hold."""
    took = [each for one in many for each in one[what]["took"]]
    inside = median(each for one in many for each in one[what]["database"])
    half, before = median(took), median(each for one in few for each in one[what]["took"])
    p95 = quantiles(took, n=20, method="inclusive")[-1]
    print(
        f"  {what:<34} {half:7.1f} ({inside:6.1f}) {p95:7.1f}  {before:7.1f} × {half / before:5.2f}   "
        f"{many[0][what]['rows']:>3} rows, {many[0][what]['statements']:>2} statements"
    )
    if what.startswith("words"):  # what is rare among many is none among few, which costs less
        return p95 <= WORDS
    return p95 <= (PERSON if what.startswith("box") else SLOWEST) and half <= WORST_RATIO * before


def questions() -> dict[str, str]:
    """Return the addresses of the pages by their titles."""
    from django.db.models import Count

    from commlog.models import User
    from notifications.models import Client, Group, Message

    mail, text = (
        Message.objects.filter(type=each, client__isnull=False).order_by("-pk")[50]
        for each in ("EMAIL", "SMS")
    )
    client = Client.objects.order_by("pk")[30]
    writer = User.objects.annotate(wrote=Count("sent_messages")).order_by("-wrote")[0]
    either = [("c", f"destination.equals.{mail.destination}"), ("c", "state.equals.FAILED"), ("match", "any")]
    asked = {
        "log": {},
        "log, deep": {"after": deep({})},
        "failed": {"state": "FAILED"},
        "waiting to be sent": {"state": "PENDING"},
        "box: an address": {"q": mail.destination},
        "box: a number": {"q": text.destination},
        "box: an ID": {"q": client.client_id},
        "box: a name": {"q": client.name},
        "destination is": {"c": f"destination.equals.{mail.destination}"},
        "destination is nobody's": {"c": "destination.equals.nobody@nowhere.example"},
        "destination begins with": {"c": f"destination.starts_with.{mail.destination[:8]}"},
        "destination is a number": {"c": f"destination.equals.{text.destination}"},
    }
    asked |= {f"words: {what}": params for what, params in _words().items()}
    pages = {what: f"/communications/?{urlencode(params)}" for what, params in asked.items()}
    return pages | {
        "any of two": f"/communications/?{urlencode(either)}",
        "tab of a client": f"/clients/{client.key.hex}/communications/",
        "tab of a user": f"/users/{writer.key.hex}/communications/",
        "tab of a group": f"/groups/{Group.objects.order_by('pk')[0].key.hex}/communications/",
        "counts of the views": "/communications/?counts=1",
        "dashboard": "/",
        **{what: f"/communications/?{urlencode({'c': asked})}" for what, asked in _of_each_field().items()},
    }


def _of_each_field() -> dict[str, str]:
    """Return conditions on each field.

    They use what an old message has there and, where it applies, the beginning of that; some use what no
    message has.
    """
    from django.utils import timezone

    from notifications.criteria import FIELDS, Kind, Operator
    from notifications.models import Message

    old, today = Message.objects.order_by("pk")[:50_000], timezone.localdate()
    nobodys = ("sender", "template_name", "resent_by", "reference", "subject", "recipient")
    found = {f"{name} is nobody's": f"{name}.equals.nothing there" for name in nobodys}
    for field in FIELDS.values():
        if field.holds:
            found[field.key] = f"{field.key}.equals.true"
        elif field.kind == Kind.DATE_TIME:
            found[field.key] = f"{field.key}.between.{today - timedelta(60)},{today - timedelta(59)}"
        elif value := next((each for each in _values(field, old) if each), ""):
            asked = {Operator.EQUALS: value, Operator.IN: value, Operator.STARTS_WITH: value[:6]}
            found |= {
                f"{field.key} {operator.label}": f"{field.key}.{operator.lower()}.{value}"
                for operator, value in asked.items()
                if operator in field.operators
            }
    return found


def _values(field: "Field", messages: "MessageQuerySet") -> Iterator[str]:
    """Yield the values of messages in this field, as a condition writes them."""
    column = f"{field.column}__key" if field.related is not None else field.column
    for value in messages.values_list(column, flat=True).iterator(chunk_size=1_000):
        yield value.hex if isinstance(value, UUID) else str(value or "")


def _words() -> dict[str, dict[str, str]]:
    """Return words of many messages, of few and of none; some are from the oldest message."""
    from notifications.models import Message

    oldest = Message.objects.filter(content__contains="loan LN-").order_by("pk")[0]
    rare = oldest.content.partition("loan LN-")[2].split()[0].strip(".,")
    month = {"created": "LAST_DAYS.30"}
    found = {
        "common": "payment",
        "two": "outstanding balance",
        "a phrase": "kind “your payment”",
        "a beginning": "instal",
        "rare": rare,
        "none": "zzyzx",
        "common and none": "payment zzyzx",
    }
    return {
        **{what: {"q": text} for what, text in found.items()},
        "common, failed": {"q": "payment", "state": "FAILED"},
        "rare, failed": {"q": rare, "state": "FAILED"},
        "common, a month": {"q": "payment"} | month,
        "rare, a month": {"q": rare} | month,
    }


def main() -> None:
    """Run one round."""
    import django

    django.setup()
    import commlog.wsgi  # noqa: F401  loaded as a server loads it

    with as_in_production():
        visitor = Visitor()
        found = {what: vars(visitor.see(address, repeats=4)) for what, address in questions().items()}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
