"""After a restore, bulk resends are paused with a reason. Exports continue."""

from datetime import datetime

from django.db.models import F, Q

from commlog.models import Job, JobItem
from commlog.models.job import ACTIVE, OPEN, JobKind, JobState, Wish
from notifications.states import MessageState

_WHY = (
    "Paused because the database was restored from a backup: what is left may already have been done. "
    "New entries are marked accordingly."
)


def hold() -> int:
    """Pause bulk resends that would otherwise continue, in the holding transaction. Return how many."""
    rests = {
        "state": JobState.PAUSED,
        "due_at": None,
        "lease_until": None,
        "wish": Wish.NONE,
        "rate": None,
        "reason": _WHY,
    }
    return Job.objects.filter(state__in=ACTIVE, kind=JobKind.RESEND).update(**rests, token=F("token") + 1)


def targets(restored_at: datetime, most: int) -> list[int]:
    """Return messages that the backup's bulk resends had yet to resend and that are not marked so."""
    items = JobItem.objects.filter(
        job__state__in=OPEN, job__kind=JobKind.RESEND, job__created_at__lt=restored_at, outcome=""
    )
    unmarked = Q(message__restored_at=None) | Q(message__restored_at__lt=restored_at)
    return list(
        items.filter(unmarked, message__state=MessageState.FAILED)
        .values_list("message", flat=True)
        .distinct()[:most]
    )
