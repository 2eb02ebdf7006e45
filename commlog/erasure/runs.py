"""Workers run an erasure turn by turn until it is done, then store its certificate."""

import logging
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

from commlog import audit, jobs
from commlog.audit import AuditAction
from commlog.erasure import steps
from commlog.erasure.turns import Turn
from commlog.models import Erasure, Job, RetentionFile, RetentionRun
from commlog.models.erasure import ErasureState
from commlog.models.job import ACTIVE
from commlog.retention import runs as retention
from commlog.retention.leases import OTHERS, TURN, hand_out, is_at_work, is_free, take_turn, try_again
from notifications.database.clock import db_now
from notifications.restored import holding

logger = logging.getLogger(__name__)

_REST = timedelta(seconds=2)  # after which it is tried again where something has to be waited for


def claim_long_work(room: int) -> tuple[str, tuple[int, int], int] | None:
    """Claim an erasure, else a job or a retention run, for the broker (settings.LONG_WORK).

    One worker at a time does erasures, alternating with jobs.
    """
    longest_ago = F("lease_until").asc(nulls_first=True)
    erasures = list(Erasure.objects.filter(state=ErasureState.UNDER_WAY).order_by(longest_ago, "pk"))
    if not erasures:
        return retention.claim_long_work(room)
    now = db_now()
    at_work = any(is_at_work(erasure, now) for erasure in erasures)
    free = [erasure for erasure in erasures if is_free(erasure, now)]
    if at_work or not free or holding.held():
        return retention.claim_long_work(room - at_work)
    room, served = room - retention.under_way(now), free[0].lease_until
    if served and not Job.objects.filter(served_at__gt=served).exists() and (job := jobs.claim(room)):
        return job
    return None if jobs.under_way(now) >= room else hand_out(free[0], turn, now)


def open_long_work() -> list[QuerySet[Any]]:
    """Return what workers have or are to get, but for messages. A cluster asks whether there is any
    (settings.LONG_WORK).
    """
    return [
        Erasure.objects.filter(state=ErasureState.UNDER_WAY),
        RetentionRun.objects.filter(finished_at=None),
        Job.objects.filter(state__in=ACTIVE),
    ]


def turn(erasure_id: int, token: int, *, seconds: float = TURN) -> str:
    """Run one turn of a claimed erasure (a task of django-q2). Return how it ended."""
    mine = Erasure.objects.filter(pk=erasure_id, token=token, state=ErasureState.UNDER_WAY)
    erasure = mine.select_related("client", "group").first()
    if erasure is None:
        return OTHERS
    try:
        left = take_turn(mine, partial(_do, Turn(erasure, seconds)), rest=_REST)
    except steps.OnHold:
        return _end(erasure, ErasureState.REFUSED)
    except steps.OnFile:
        return _end(erasure, ErasureState.ON_FILE)
    except Exception as error:
        # Its text, and a trace, may hold what is to be erased.
        logger.error("erasure %s failed (%s) and is tried again", erasure.key.hex, type(error).__name__)
        return try_again(mine, error)
    return left or _end(erasure, ErasureState.DONE)


def _do(turn: Turn) -> None:
    """Run the remaining steps, and those of messages again as long as new ones arrive."""
    while True:
        for name, step in steps.STEPS.items():
            if name not in turn.erasure.places.get("done", []):
                step(turn)
                with turn.batch(ends_step=True):
                    turn.erasure.places["done"] = [*turn.erasure.places.get("done", []), name]
        if not steps.is_left(turn):
            return
        steps.again(turn)


def _end(erasure: Erasure, state: ErasureState) -> str:
    counts = {name: number for name, number in erasure.counts.items() if number}
    kept = dict(erasure.kept)
    if files := RetentionFile.objects.count():
        kept["archives"] = files
    ended: dict[str, Any] = {"state": state, "finished_at": db_now(), "sought": "", "waits": ""}
    ended |= {"lease_until": None, "places": {}, "counts": counts, "kept": kept}
    with transaction.atomic():
        mine = Erasure.objects.filter(pk=erasure.pk, token=erasure.token, state=ErasureState.UNDER_WAY)
        if not mine.update(**ended):
            return OTHERS
        after = {"of": str(erasure.label).lower(), "erasure": state.label.lower()}
        after |= {name.replace("_", " "): number for name, number in counts.items()}
        audit.record(None, AuditAction.ERASED, erasure, after=after)
    return str(state.label).lower()
