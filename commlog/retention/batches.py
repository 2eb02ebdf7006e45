"""One batch in one transaction: delete what is due among the next chains, and record why others stay."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from commlog.models import RetentionObstacle, RetentionPeriod, RetentionRun
from commlog.models.retention import Kept
from commlog.retention import chains, gate, holds
from commlog.retention.chains import Judged, Place, Row
from commlog.retention.leases import LEASE, Lost
from commlog.retention.periods import Policy
from notifications.database.clock import db_now
from notifications.database.id_lookup import Among
from notifications.forgetting import rows as of_rows
from notifications.forgetting import words as of_words

MOST_ROWS = 5_000  # of all tables, in a batch
_AIM = 0.05  # seconds: a batch that took longer is followed by a smaller one
# Messages. With fewer than these most of the time is no message's: a smaller batch would not be shorter.
_FEWEST, _FIRST, _MOST = 80, 80, 1_000

Walked = tuple[RetentionPeriod, Place]


class TooLarge(Exception):
    """The chains have more attempts than a batch may delete."""


@dataclass(slots=True)
class Size:
    """The number of messages in the next batch, adapted to the duration of the last ones."""

    messages: int = _FIRST

    def took(self, seconds: float) -> None:
        """Make the next batch larger or smaller."""
        if seconds > _AIM:
            self.messages = max(min(_FEWEST, self.messages), int(self.messages * _AIM / seconds))
        elif seconds < _AIM / 2:
            self.messages = min(_MOST, int(self.messages * 1.5) + 1)

    def halve(self) -> None:
        self.messages = max(1, self.messages // 2)


@dataclass(slots=True)
class Batches:
    """The batches of one period, of messages' text or rows."""

    run: RetentionRun
    what: Kept
    size: Size = field(default_factory=Size)

    def remove(
        self, roots: Collection[int], only: Collection[int] | None = None, *, walked: Walked | None = None
    ) -> None:
        """Delete or empty what is due of these chains; of `only` these, if given. `walked`: how far their
        period has come with them.

        Raises TooLarge, Changed and Lost, and then nothing was done.
        """
        began = time.monotonic()
        with transaction.atomic():
            gate.close()
            now = db_now()
            policy = Policy.at_moment(self.run.as_of, now=now)
            judged = chains.judge(roots, self.what, policy, lock=True)
            due = {root: rows for root, rows in judged.due.items() if only is None or root in only}
            gone = self._go([row for rows in due.values() for row in rows], alone=len(roots) == 1)
            self._note(roots, judged)
            if walked:  # before `record`, which counts in memory, too
                reached(*walked)
            record(self.run, {self.what: gone}, now=now, seconds=time.monotonic() - began)
        self.size.took(time.monotonic() - began)

    def _go(self, rows: Sequence[Row], *, alone: bool) -> int:
        pks = [row.pk for row in rows]
        if self.what == Kept.WORDS:
            return of_words.empty(pks, self.run.as_of)
        if len(rows) + sum(row.attempts for row in rows) > MOST_ROWS and not alone:
            raise TooLarge
        holds.release(pks)
        of_rows.delete(pks)
        return len(pks)

    def _note(self, roots: Collection[int], judged: Judged) -> None:
        """Record why chains stay, and delete the records of those that were deleted or need not be."""
        known = RetentionObstacle.objects.filter(Among("chain", roots), what=self.what)
        known.exclude(Among("chain", judged.kept)).delete()
        RetentionObstacle.objects.bulk_create(
            [
                RetentionObstacle(what=self.what, chain=root, why=why, since=self.run.as_of)
                for root, why in judged.kept.items()
            ],
            update_conflicts=True,
            unique_fields=["what", "chain"],
            update_fields=["why"],
        )


def record(
    run: RetentionRun, gone: Mapping[str, int], *, now: datetime | None = None, seconds: float = 0
) -> None:
    """Count what was deleted, in the transaction of the deletion, and renew the lease. Raises Lost."""
    run.gone = {name: run.gone.get(name, 0) + gone.get(name, 0) for name in {**run.gone, **gone}}
    run.longest_batch = max(run.longest_batch, seconds)
    mine = RetentionRun.objects.filter(pk=run.pk, token=run.token, finished_at=None)
    if not mine.update(
        gone=run.gone,
        stayed=run.stayed,
        places=run.places,
        longest_batch=run.longest_batch,
        waits="",
        lease_until=(now or db_now()) + LEASE,
    ):
        raise Lost


class Changed(Exception):
    """The periods were changed meanwhile: the position must be read again."""


def reached(period: RetentionPeriod, place: Place) -> None:
    """Store the position of a period. Raises Changed."""
    before = {"reached_at": period.reached_at, "reached_pk": period.reached_pk}
    mine = RetentionPeriod.objects.filter(pk=period.pk, starts_at=period.starts_at, **before)
    if not mine.update(reached_at=place.at, reached_pk=place.pk):
        raise Changed
    period.reached_at, period.reached_pk = place.at, place.pk
