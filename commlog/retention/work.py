"""A worker's turn at a retention run: window by window, batch by batch, from the stored position."""

import time
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from commlog.models import RetentionObstacle, RetentionPeriod, RetentionRun
from commlog.models.retention import OF_MESSAGES, Kept
from commlog.retention import archive, chains, gate
from commlog.retention.batches import Batches, Changed, TooLarge, Walked, reached, record
from commlog.retention.chains import Place, Row
from commlog.retention.leases import TURN, Over, Waits
from commlog.retention.other_tables import TABLES, Table
from commlog.retention.periods import Policy
from notifications.cluster import health
from notifications.database.clock import db_now
from notifications.models import Backfill
from notifications.process import this_process
from notifications.restored import holding

WINDOW = 1_000  # messages that are looked at together
_FILE = 5_000  # of which a file is written, where files are
_ROWS = 500  # of other tables, in a batch
_COUNTED = 2_000  # messages, or other rows
_LATE = timedelta(seconds=2)  # that a message may have been due before the queue counts as busy
_LOOK = 0.5  # seconds, after which it is asked again whether anything may go now
_PAUSE, _LONGEST_PAUSE = 0.01, 1.0  # seconds between two batches, for whoever else works
_SHARE = 2.0  # of the time that the last batch took: others get two thirds of it at least


@dataclass(slots=True)
class Work:
    """A worker's part of a run."""

    run: RetentionRun
    seconds: float = TURN
    began: float = field(default_factory=time.monotonic)
    rest: float = _PAUSE
    looked: float = -_LOOK  # when nothing was in its way

    def do(self) -> None:
        """Do everything that is left. Raises Waits, Over and Lost; a later turn continues there."""
        for what in Kept:
            if what in self.run.places.get("done", []):
                continue
            # With other periods than it began with it is gone through once more, in the next turn.
            with suppress(Changed):
                self._part(what)
                self.run.places["done"] = [*self.run.places.get("done", []), what]
                record(self.run, {})
                continue
            raise Over

    def _part(self, what: Kept) -> None:
        if what not in OF_MESSAGES:
            self._count_rows(what) if self.run.counts_only else self._delete_rows(what)
        elif self.run.counts_only:
            self._count_messages(what)
        else:
            self._delete_messages(what)

    def _breathe(self) -> None:
        """Rest. Raises Waits if nothing may be deleted now, and Over at the end of the turn."""
        if this_process.is_to_stop() or time.monotonic() - self.began > self.seconds:
            raise Over
        if time.monotonic() - self.looked > _LOOK:
            if why := reason_to_wait():
                raise Waits(why)
            self.looked = time.monotonic()
        time.sleep(self.rest)

    def _took(self, began: float) -> None:
        self.rest = min(_LONGEST_PAUSE, max(_PAUSE, _SHARE * (time.monotonic() - began)))

    def _policy(self) -> Policy:
        """Return the periods that apply. A count for a coming night uses those that will apply then."""
        return Policy.at_moment(self.run.as_of, now=None if self.run.counts_only else db_now())

    # --- Messages ---

    def _delete_messages(self, what: Kept) -> None:
        batches = Batches(self.run, what)
        self._delete_stuck(batches)
        for period, before in self._policy().due(what):
            size = _FILE if archive.wanted() else WINDOW
            while rows := chains.window(_place_of(period), before, size=size):
                self._delete_window(batches, period, rows)

    def _delete_stuck(self, batches: Batches) -> None:
        """Check chains again that could not be deleted before."""
        name = f"{batches.what} stuck"
        while roots := self._stuck(batches.what, name, batches.size.messages):
            if self._go(batches, roots, self._archived(batches.what, roots)):
                self.run.places[name] = roots[-1]

    def _delete_window(self, batches: Batches, period: RetentionPeriod, rows: Sequence[Row]) -> None:
        # Whoever changes periods meanwhile has them walked anew, and then no batch of this one is done.
        only, policy = None, self._policy()
        if archive.wanted():
            self._breathe()
            only = self._archived(batches.what, _mine(policy, batches.what, period, rows))
        at = 0
        while at < len(rows):
            part = rows[at : at + batches.size.messages]
            roots, walked = _mine(policy, batches.what, period, part), (period, part[-1].place)
            if not roots:
                reached(*walked)
            elif not self._go(batches, roots, only, walked):
                continue
            at += len(part)

    def _go(
        self,
        batches: Batches,
        roots: Sequence[int],
        only: Collection[int] | None,
        walked: Walked | None = None,
    ) -> bool:
        """Do a batch. Return whether it was small enough. Archived rows are deleted at once."""
        if only is None:
            self._breathe()
        began = time.monotonic()
        try:
            batches.remove(roots, only, walked=walked)
        except TooLarge:
            batches.size.halve()
            return False
        self._took(began)
        return True

    def _archived(self, what: Kept, roots: Sequence[int]) -> set[int] | None:
        """Write a file of what is due of these chains. Return which; None if no files are written."""
        if not archive.wanted():
            return None
        due = chains.judge(roots, what, self._policy()).due
        archive.keep_messages(self.run, what, [row.pk for rows in due.values() for row in rows])
        return set(due)

    def _stuck(self, what: Kept, name: str, size: int) -> list[int]:
        found = RetentionObstacle.objects.filter(what=what, chain__gt=self.run.places.get(name, 0))
        return list(found.order_by("chain").values_list("chain", flat=True)[:size])

    def _count_messages(self, what: Kept) -> None:
        policy, name = self._policy(), f"{what} stuck"
        while roots := self._stuck(what, name, _COUNTED):
            self._breathe()
            judged = chains.judge(roots, what, policy)
            self.run.places[name] = roots[-1]
            self._add(what, sum(map(len, judged.due.values())), Counter(map(str, judged.kept.values())))
        for period, before in policy.due(what):
            name = f"{what} {period.pk}"
            while rows := chains.window(self._counted(name, period), before, size=_COUNTED):
                self._breathe()
                roots = _mine(policy, what, period, rows)
                judged, mine = chains.judge(roots, what, policy), set(roots)
                due = sum(row.root in mine and row.root in judged.due for row in rows)
                kept = Counter(str(judged.kept[row.pk]) for row in rows if row.pk in judged.kept)
                self.run.places[name] = [rows[-1].created_at.isoformat(), rows[-1].pk]
                self._add(what, due, kept)

    def _counted(self, name: str, period: RetentionPeriod) -> Place | None:
        known = self.run.places.get(name)
        return Place(datetime.fromisoformat(known[0]), known[1]) if known else _place_of(period)

    def _add(self, what: Kept, due: int, kept: Counter[str]) -> None:
        before = Counter(self.run.stayed.get(what, {}))
        self.run.stayed[what] = dict(before + kept)
        record(self.run, {what: due})

    # --- Other tables ---

    def _delete_rows(self, what: Kept) -> None:
        table, kept = TABLES[what], f"{what} kept"
        for period, before in self._policy().due(what):
            if table.until:
                RetentionRun.objects.filter(pk=self.run.pk).update(**{table.until: before})
            while rows := self._rows(table, what, period, _ROWS):
                if not table.old(rows, before):
                    break
                self._breathe()
                if archive.wanted():
                    archive.keep(self.run, what, table.lines(rows, before))
                stayed = self._delete_batch(table, what, rows)
                if stayed and kept not in self.run.places:
                    self.run.places[kept] = stayed[0]
            last = self.run.places.get(kept, self.run.places.get(what, period.reached_pk) + 1) - 1
            RetentionPeriod.objects.filter(pk=period.pk, starts_at=period.starts_at).update(reached_pk=last)

    def _delete_batch(self, table: Table, what: Kept, rows: Sequence[dict]) -> list[int]:
        began = time.monotonic()
        with transaction.atomic():
            gate.close()
            policy = self._policy()
            before = policy.before(policy.of(what))
            if before is None:
                raise Changed
            stayed = table.expire(self.run, rows, before)
            gone = len(table.old(rows, before)) - len(stayed)
            self.run.places[what] = rows[-1]["pk"]
            record(self.run, {what: gone}, seconds=time.monotonic() - began)
        self._took(began)
        return stayed

    def _count_rows(self, what: Kept) -> None:
        table = TABLES[what]
        for period, before in self._policy().due(what):
            while (rows := self._rows(table, what, period, _COUNTED)) and (old := table.old(rows, before)):
                self._breathe()
                stays = len(set(table.stays(old)))
                self.run.places[what] = rows[-1]["pk"]
                self._add(what, len(old) - stays, Counter())

    def _rows(self, table: Table, what: Kept, period: RetentionPeriod, size: int) -> list[dict]:
        return table.rows(self.run.places.get(what, period.reached_pk), size)


def _mine(policy: Policy, what: Kept, period: RetentionPeriod, rows: Sequence[Row]) -> list[int]:
    """Return the chains of those whose period it is."""
    those = (row.root for row in rows if policy.of(what, row.type, row.template) == period)
    return list(dict.fromkeys(those))


def reason_to_wait() -> str:
    """Return why nothing may be deleted now, for people; "" if it may."""
    if holding.standing():
        return "the database was restored from a backup, and what becomes of its messages is not decided"
    if Backfill.objects.exists():
        return "attempts of before an upgrade are still being counted"
    return "messages are waiting to be sent" if health.is_late(db_now(), by=_LATE) else ""


def _place_of(period: RetentionPeriod) -> Place | None:
    return Place(period.reached_at, period.reached_pk) if period.reached_at else None
