"""Samples of slow counts, taken by the supervisors and read by everybody else."""

import logging
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, connection

from notifications.database.clock import db_now
from notifications.models import Message, Sample
from notifications.states import LIVE, MessageState

EVERY = 15.0  # seconds
STATES, RESENDS = "states", "resends"
WORKERS = "workers "  # and then of which supervisor
FRESH = timedelta(minutes=1)  # for which a supervisor is believed to live
_SHARE = 50  # what took long is counted that much more seldom
_FORGOTTEN = timedelta(days=1)
_rests_until = 0.0

logger = logging.getLogger(__name__)


def sample(supervisor: str, workers: int) -> None:
    """Store how many workers a supervisor keeps running, and count the rest unless somebody just has.

    A database in trouble is left alone until the next time.
    """
    global _rests_until
    try:
        now = db_now()
        _keep({f"{WORKERS}{supervisor}": workers}, now)
        Sample.objects.filter(name__startswith=WORKERS, at__lt=now - _FORGOTTEN).delete()
        if time.monotonic() >= _rests_until and not _is_fresh(now):
            began = time.monotonic()
            resends = Message.objects.filter(resend_of__isnull=False).count()
            _keep({STATES: states(), RESENDS: resends}, now)
            _rests_until = time.monotonic() + _SHARE * (time.monotonic() - began)
    except DatabaseError as error:
        logger.warning("nothing was sampled: %s", error)
    finally:
        connection.close()


def states() -> dict[str, int]:
    """Return how many messages are in each state, each counted in an index of its own."""
    counts = {state.value: Message.objects.filter(state=state).count() for state in sorted(LIVE)}
    counts[MessageState.FAILED.value] = Message.objects.filter(state=MessageState.FAILED).count()
    counts[MessageState.SENT.value] = Message.objects.filter(sent_at__isnull=False).count()
    return counts


def _is_fresh(now: datetime) -> bool:
    return Sample.objects.filter(name=RESENDS, at__gt=now - timedelta(seconds=EVERY * 0.9)).exists()


def _keep(values: Mapping[str, Any], now: datetime) -> None:
    """Store the values by one statement: every commit wakes the clusters at rest."""
    samples = [Sample(name=name, value=value, at=now) for name, value in values.items()]
    Sample.objects.bulk_create(
        samples, update_conflicts=True, unique_fields=["name"], update_fields=["value", "at"]
    )
