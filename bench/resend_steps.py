"""The steps of `bench resend`, run in a long-running process (bench.staying)."""

import json
import time
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import Group as Role
from django.test import Client
from django.test.utils import setup_test_environment
from django.utils import timezone

from commlog import jobs
from commlog.bulk.report import report
from commlog.models import Job, User
from notifications.models import Lane, Message

PATIENCE = 600.0  # seconds
setup_test_environment()  # the contexts of the pages can be read


def fill(count: int, first: int = 0) -> dict[str, Any]:
    """Create an officer, and `count` failed messages that were not resent, numbered from `first`."""
    owner, new = User.objects.get_or_create(username="bench")
    if new:
        owner.groups.add(Role.objects.get(name="Officer"))
    lane, _ = Lane.objects.get_or_create(channel="EMAIL", name="bench")
    now, made = (
        timezone.now(),
        {"type": "EMAIL", "state": "FAILED", "lane": lane, "sender": "Mambu", "failure_reason": "OTHER"},
    )
    text = "Dear client, your payment is due. " * 20
    for start in range(first, first + count, 1_000):
        Message.objects.bulk_create(
            Message(
                **made,
                created_at=now,
                destination=f"client{number}@example.org",
                subject=f"Nr. {number}",
                content=text,
            )
            for number in range(start, min(start + 1_000, first + count))
        )
    return {"messages": Message.objects.count()}


def make(pace: str = "") -> dict[str, Any]:
    """Resend everything that failed and is not delivered: request the confirmation, and confirm it."""
    browser = Client()
    browser.force_login(User.objects.get(username="bench"))
    given = {"of": "/communications/?state=UNDELIVERED", "all": "1"}
    began = time.monotonic()
    shown = browser.get("/communications/resend/", given)
    counted = time.monotonic()
    if not shown.context["preview"]:
        raise SystemExit(f"after {counted - began:.1f} s: {shown.context['problem']}")
    answer = browser.post("/communications/resend/", given | shown.context["fresh"] | {"pace": pace})
    return {
        "key": answer["Location"].split("/")[2],
        "preview": shown.context["preview"].total,
        "preview_seconds": round(counted - began, 2),
        "make_seconds": round(time.monotonic() - counted, 2),
    }


def steer(key: str, action: str, state: str) -> dict[str, Any]:
    """Pause, resume or cancel, and wait until the job is in that state."""
    job = Job.objects.get(key=key)
    began = time.monotonic()
    {"pause": jobs.pause, "resume": jobs.resume, "cancel": jobs.cancel}[action](job, by=job.owner)
    return until(key, state) | {"seconds": round(time.monotonic() - began, 2)}


def until(key: str, state: str, done: int = 0) -> dict[str, Any]:
    """Wait until the job is in that state and has done that many."""
    end = time.monotonic() + PATIENCE
    while (job := Job.objects.get(key=key)).state != state or job.done < done:
        if time.monotonic() > end or (job.state != state and not job.is_open):
            raise SystemExit(f"the job is {job.state} ({job.reason}), {job.done} of {job.total}")
        time.sleep(0.05)
    return {"state": job.state, "done": job.done, "total": job.total, "losses": job.losses}


def result(key: str) -> dict[str, Any]:
    """Return the report of the job, and the database's own numbers."""
    job = Job.objects.get(key=key)
    lines = {line.label: line.number for line in report(job).lines}
    new = Message.objects.filter(resend_of__isnull=False)
    return {
        "total": job.total,
        "sum": sum(lines.values()),
        "lines": lines,
        "new": new.count(),
        "sources": new.values("resend_of").distinct().count(),
        "seconds": round(job.duration.total_seconds(), 1) if job.duration else None,
    }


STEPS: dict[str, Callable[..., dict[str, Any]]] = {
    "fill": fill,
    "make": make,
    "steer": steer,
    "until": until,
    "result": result,
}


def run(name: str, *arguments: str) -> None:
    """Do a step, and print its result as JSON."""
    print(
        json.dumps(
            STEPS[name](*(int(each) if each.isdigit() and len(each) < 10 else each for each in arguments))
        )
    )
