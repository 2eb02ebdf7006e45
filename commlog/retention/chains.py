"""Messages are deleted in whole chains: which chains are due, and why one stays."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import BigIntegerField, DateTimeField, F, Value
from django.db.models.lookups import GreaterThan

from commlog.jobs.runner import Refused, Turn
from commlog.kit.paging import RowValue
from commlog.models import Job, JobItem, RetentionObstacle
from commlog.models.job import OPEN, JobKind
from commlog.models.retention import Kept
from commlog.retention import holds
from commlog.retention.periods import Policy
from notifications.database.id_lookup import Among
from notifications.incidents import attribution
from notifications.models import Incident, IncidentNotice, Message
from notifications.states import FINAL

Why = RetentionObstacle.Why
_READ = ("pk", "first_id", "created_at", "type", "template_id", "state", "attempt_count", "words_gone_at")


class Place(NamedTuple):
    """A position in the order of the log."""

    at: datetime
    pk: int


class Row(NamedTuple):
    """The columns of a message needed here."""

    pk: int
    first: int | None
    created_at: datetime
    type: str
    template: int | None
    state: str
    attempts: int
    words_gone_at: datetime | None

    @property
    def root(self) -> int:
        return self.first or self.pk

    @property
    def place(self) -> Place:
        return Place(self.created_at, self.pk)


@dataclass(frozen=True, slots=True)
class Judged:
    """The decision on the chains examined, by first id. A chain in neither is not due yet."""

    due: Mapping[int, Sequence[Row]]
    kept: Mapping[int, Why]


def window(behind: Place | None, before: datetime, *, size: int) -> list[Row]:
    """Return the next messages in the order of the log that are older than `before`, of any period."""
    older = Message.objects.filter(created_at__lt=before).order_by("created_at", "pk")
    if behind:
        place = Value(behind.at, DateTimeField()), Value(behind.pk, BigIntegerField())
        older = older.filter(GreaterThan(RowValue(F("created_at"), F("pk")), RowValue(*place)))
    return [Row(*values) for values in older.values_list(*_READ)[:size]]


def judge(roots: Collection[int], what: Kept, policy: Policy, *, lock: bool = False) -> Judged:
    """Say of these chains which are due and which stay. All rows of a chain must be due.

    `lock`: keep their first rows locked, in the order in which whoever resends locks them.
    """
    chains = _read(roots, lock=lock)
    due: dict[int, list[Row]] = {}
    for root, rows in chains.items():
        if what == Kept.WORDS and all(row.words_gone_at for row in rows):
            continue
        if all(_is_due(row, what, policy) for row in rows):
            due[root] = rows
    of = {row.pk: root for root, rows in due.items() for row in rows}
    kept = {of[pk]: why for pk, why in _obstacles(due, of).items()}
    return Judged({root: rows for root, rows in due.items() if root not in kept}, kept)


def _is_due(row: Row, what: Kept, policy: Policy) -> bool:
    before = policy.before(policy.of(what, row.type, row.template))
    return before is not None and row.created_at < before


def _read(roots: Collection[int], *, lock: bool) -> dict[int, list[Row]]:
    chains: defaultdict[int, list[Row]] = defaultdict(list)
    firsts = Message.objects.select_for_update() if lock else Message.objects.all()
    for those in (firsts.filter(Among("pk", roots)), Message.objects.filter(Among("first_id", roots))):
        for values in those.order_by("pk").values_list(*_READ):
            row = Row(*values)
            chains[row.root].append(row)
    return chains


def _obstacles(due: Mapping[int, Sequence[Row]], of: Mapping[int, int]) -> dict[int, Why]:
    """Return by message why it stays; the more important reason comes last."""
    pks = list(of)
    if not pks:
        return {}
    found = dict.fromkeys(_in_open_incident(pks), Why.INCIDENT)
    found |= dict.fromkeys(_in_open_job(pks), Why.JOB)
    found |= dict.fromkeys(holds.held_among(pks), Why.HOLD)
    live = (row.pk for rows in due.values() for row in rows if row.state not in FINAL)
    return found | dict.fromkeys(live, Why.LIVE)


def _in_open_job(pks: Collection[int]) -> set[int]:
    if not Job.objects.filter(state__in=OPEN).exists():
        return set()
    items = JobItem.objects.filter(Among("message_id", pks) | Among("new_id", pks), job__state__in=OPEN)
    found = {pk for pair in items.values_list("message", "new") for pk in pair if pk}
    for job in Job.objects.filter(kind=JobKind.EXPORT, state__in=OPEN).select_related("owner"):
        try:
            found.update(
                Turn(job).messages().filter(Among("pk", pks)).order_by().values_list("pk", flat=True)
            )
        except Refused:  # it reads nothing
            continue
    return found & set(pks)


def _in_open_incident(pks: Collection[int]) -> set[int]:
    found: set[int] = set()
    incidents = list(Incident.objects.filter(closed_at=None))
    if not incidents:
        return found
    for incident in incidents:
        found.update(attribution.failed_by(incident).filter(Among("pk", pks)).values_list("pk", flat=True))
    notices = IncidentNotice.objects.filter(Among("message_id", pks), incident__closed_at=None)
    return found | set(notices.values_list("message", flat=True))
