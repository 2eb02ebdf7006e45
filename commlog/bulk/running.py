"""Bulk resends by workers, in slices of one transaction each: nothing is done twice after a kill."""

from collections import Counter
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Length

from commlog import permissions
from commlog.jobs.runner import Refused, Turn
from commlog.models import JobItem
from commlog.models.outcomes import Outcome
from notifications import outbox
from notifications.database.clock import db_now
from notifications.outbox import Obstacle

SLICE = 200  # messages a transaction
MOST_TEXT = 4_000_000  # characters a transaction: long texts make it shorter
_BURST = 4.0  # seconds whose share of a pace is resent at once


def run(turn: Turn) -> datetime | None:
    """Resend until nothing is left, the turn ends, or the pace requires a wait. Raises Stop and Refused."""
    turn.scope()  # the log is still open to the owner; the messages themselves were written down
    if not permissions.may_resend(turn.job.owner):
        raise Refused(f"{turn.job.owner.name} no longer has the permission to resend messages.")
    pace = turn.job.options.get("pace")  # messages a minute
    size = min(SLICE, max(1, round(pace * _BURST / 60))) if pace else SLICE
    # Since this turn was due, not since its worker came to it (jobs.runner.claim).
    began = turn.job.served_at or db_now()
    while True:
        turn.check()
        done = _slice(turn, size)
        if not done:
            return None
        if pace:
            return began + timedelta(minutes=done / pace)
        if turn.over:
            return db_now()


def _slice(turn: Turn, size: int) -> int:
    """Resend the next messages. Return how many were handled."""
    job = turn.job
    with transaction.atomic():
        items = _next_items(turn, size)
        if not items:
            return 0
        results = outbox.resend_many(
            [item.message_id for item in items], by=job.owner, newest=job.newest
        ).results
        for item in items:
            result = results[item.message_id]
            item.outcome, item.new_id = (
                (Outcome(result), None) if isinstance(result, Obstacle) else (Outcome.RESENT, result)
            )
        JobItem.objects.bulk_update(items, ["outcome", "new"], batch_size=SLICE)
        outcomes = Counter(item.outcome for item in items)
        turn.record(
            done=job.done + len(items),
            outcomes={str(outcome): number for outcome, number in outcomes.items()},
        )
    return len(items)


def _next_items(turn: Turn, size: int) -> list[JobItem]:
    waiting = JobItem.objects.filter(job=turn.job, outcome="").order_by("pk")
    found = waiting.annotate(length=Length(F("message__content")) + Length(F("message__html")))[:size]
    items: list[JobItem] = []
    length = 0
    for item in found:
        length += item.length
        if items and length > MOST_TEXT:
            break
        items.append(item)
    return items
