"""Leases of retention runs and erasures: how a turn is handed to a worker, and how it ends."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from commlog.models import Erasure, RetentionRun
from notifications.database.clock import db_now

LEASE = timedelta(seconds=30)  # for which a worker may be silent
TURN = 5.0  # seconds after which other long work has its turn
_LONGEST = 300  # seconds after which the cluster kills a turn
OTHERS = "another worker's"


class Lost(Exception):
    """The run or erasure was reassigned: the transaction must be rolled back."""


class Waits(Exception):
    """Nothing can be done at present; the text explains why to people."""


class Over(Exception):
    """The turn is over, and work is left."""


def is_free(row: RetentionRun | Erasure, now: datetime) -> bool:
    """Return whether no worker holds it and it need not wait."""
    return row.lease_until is None or row.lease_until <= now


def is_at_work(row: RetentionRun | Erasure, now: datetime) -> bool:
    """Return whether a worker holds it."""
    return not is_free(row, now) and not row.waits


def hand_out(
    row: RetentionRun | Erasure, turn: Callable[..., str], now: datetime
) -> tuple[str, tuple[int, int], int] | None:
    """Lease it to a worker: function, arguments, longest time. None if another cluster was quicker."""
    free = type(row)._default_manager.filter(pk=row.pk, token=row.token, finished_at=None)
    if not free.update(token=row.token + 1, lease_until=now + LEASE, waits=""):
        return None
    return f"{turn.__module__}.{turn.__name__}", (row.pk, row.token + 1), _LONGEST


def take_turn(mine: QuerySet[Any], work: Callable[[], None], *, rest: timedelta) -> str:
    """Do the work. Return "" once it is complete, else how the turn ended.

    `rest`: the time until the next try if it has to wait.
    """
    try:
        work()
    except Over:
        mine.update(lease_until=db_now())
        return "to be continued"
    except Waits as why:
        mine.update(lease_until=db_now() + rest, waits=str(why)[:200])
        return f"waits: {why}"
    except Lost:
        return OTHERS
    return ""


def try_again(mine: QuerySet[Any], error: Exception) -> str:
    """Schedule a retry for when its lease is over, with the error on its page. Return how the turn ended."""
    kind = type(error).__name__
    mine.update(lease_until=db_now() + LEASE, waits=f"an unexpected error occurred ({kind})")
    return f"failed: {kind}"
