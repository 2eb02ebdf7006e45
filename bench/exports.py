"""An export beside a bare loop of openpyxl's write-only workbook over the same values: time and memory.

The runs are interleaved, and each is a process of its own that times itself. The bare loop reads the same
fields with `values_list().iterator()`, makes times naive, because openpyxl refuses others, and appends: no
cell is looked at. The export is the whole job as a worker does it: the count, the progress, the file stored
in the database.
"""

import json
import os
import resource
import sys
import tempfile
import time
from statistics import median
from typing import Any

from bench.installation import Installation

ROUNDS = 3
ROWS = 100_000


def run(installation: Installation, rows: int = ROWS) -> None:
    """Compare them over `rows` messages; a tenth as many show whether memory grows with their number."""
    found: dict[str, list[dict[str, float]]] = {"bare": [], "export": []}
    installation.manage("generate_messages", str(rows // 10), "--yes")
    small = _contend(installation, "export")
    installation.manage("generate_messages", str(rows - rows // 10), "--yes")
    for _ in range(ROUNDS if rows <= ROWS else 1):
        for name, results in found.items():
            results.append(_contend(installation, name))
    pairs = list(zip(found["export"], found["bare"], strict=True))
    ratio, work = (median(ours[what] / bare[what] for ours, bare in pairs) for what in ("seconds", "cpu"))
    for name, results in found.items():
        seconds, most = (
            median(each["seconds"] for each in results),
            max(each["megabytes"] for each in results),
        )
        print(f"  {name:<6} {seconds:7.1f} s  {rows / seconds:7.0f} rows a second  {most:4.0f} MB at most")
    print(f"  the export takes {ratio:.2f} × the bare loop's time, {work:.2f} × its processor time")
    print(f"  with {rows // 10:,} rows it takes {small['megabytes']:.0f} MB at most")


def _contend(installation: Installation, name: str) -> dict[str, float]:
    result: dict[str, float] = json.loads(installation.module("bench.exports", name).splitlines()[-1])
    return result


def _bare(target: Any) -> None:
    from django.utils import timezone
    from openpyxl import Workbook

    from commlog.export.plans import names_of, parts_of
    from commlog.log.columns import DEFAULT
    from notifications.failures import Reason
    from notifications.models import Message

    zone = timezone.get_default_timezone()
    names = names_of(parts_of(DEFAULT))
    moments = [place for place, name in enumerate(names) if name.endswith("_at")]
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    # A sheet takes no control characters, which our export writes out.
    fit = Message.objects.exclude(failure_reason=Reason.UNSUPPORTED_ENCODING_EXCEPTION)
    for found in fit.order_by("-created_at", "-pk").values_list(*names).iterator():
        row = list(found)
        for place in moments:
            row[place] = row[place] and row[place].astimezone(zone).replace(tzinfo=None)
        sheet.append(row)
    book.save(target)


def _export(_target: Any) -> None:
    from commlog import jobs
    from commlog.export.orders import Order
    from commlog.log.layouts import Layout
    from commlog.log.query import LogQuery
    from commlog.models import User
    from commlog.models.job import JobKind
    from notifications.models import Message

    user, _ = User.objects.get_or_create(username="bench", is_superuser=True)
    order = Order("xlsx", Layout().keys, timestamps=True)
    chosen = LogQuery().over(Message.objects.all())
    jobs.create(JobKind.EXPORT, owner=user, asked=jobs.Asked.of(chosen), total=0, options=order.options)
    claimed = jobs.claim(1)
    if claimed is None or jobs.run(*claimed[1]) != "DONE":
        raise SystemExit("the job was not done")


def _contender(name: str) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "commlog.settings")
    django.setup()
    with tempfile.TemporaryFile() as target:
        began, worked = time.perf_counter(), time.process_time()
        {"bare": _bare, "export": _export}[name](target)
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "cpu": cpu, "megabytes": peak}))


if __name__ == "__main__":
    _contender(sys.argv[1])
