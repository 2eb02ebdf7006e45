"""A worker's turn at an erasure: progress is stored in the transaction of the work."""

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from commlog.erasure.spellings import Spellings
from commlog.erasure.targets import Sought, kind_of, messages_of, recipient_of
from commlog.models import Erasure, audit_guard
from commlog.models.erasure import ErasureState
from commlog.retention import gate, holds
from commlog.retention.leases import LEASE, TURN, Lost, Over
from notifications.database.clock import db_now
from notifications.models import LegalHold, Message
from notifications.models.message import MessageQuerySet
from notifications.process import this_process

BATCH = 200  # messages
_WRITTEN_EVERY = 1.0  # seconds


@dataclass(slots=True)
class Turn:
    """A worker's state of its erasure."""

    erasure: Erasure
    seconds: float = TURN
    began: float = field(default_factory=time.monotonic)
    sought: Sought = field(init=False)
    spellings: Spellings = field(init=False)
    written: float = field(default_factory=time.monotonic)
    batches: int = 0

    def __post_init__(self) -> None:
        self.seek(Sought.of(self.erasure))

    def seek(self, sought: Sought) -> None:
        """Search for these from now on."""
        self.sought, self.spellings = sought, sought.spellings

    @property
    def named(self) -> str:
        return self.erasure.pseudonym

    @property
    def is_over(self) -> bool:
        return this_process.is_to_stop() or time.monotonic() - self.began > self.seconds

    @contextmanager
    def batch(self, *, ends_step: bool = False) -> Iterator[None]:
        """Open a transaction in which no hold can be placed; store the counts with it. Raises Over, Lost."""
        # Each turn does one at least, however long it has read before.
        if self.is_over and self.batches and not ends_step:
            raise Over
        with transaction.atomic():
            gate.close()
            audit_guard.name_in_transaction(audit_guard.ERASURE, self.erasure.pk)
            if not self._mine().select_for_update().exists():
                raise Lost
            yield
            row = self.erasure
            changed = {name: getattr(row, name) for name in ("counts", "kept", "holds", "places", "sought")}
            if not self._mine().update(**changed, waits="", lease_until=db_now() + LEASE):
                raise Lost
        self.written, self.batches = time.monotonic(), self.batches + 1

    def go_on(self) -> None:
        """Store the position now and then while much is read and nothing found. Raises Over, Lost."""
        if self.is_over or time.monotonic() - self.written > _WRITTEN_EVERY:
            with self.batch():
                pass

    def count(self, gone: Mapping[str, int]) -> None:
        self.erasure.counts = dict(Counter(self.erasure.counts) + Counter(gone))

    def keep(self, what: str, number: int) -> None:
        """Count rows that had to be kept."""
        kept = {name: each for name, each in self.erasure.kept.items() if name != what}
        self.erasure.kept = kept | ({what: number} if number else {})

    def held(self, pks: Collection[int]) -> set[int]:
        """Return which of these messages are on hold, and note the holds."""
        found = holds.held_among(pks)
        if found:
            self._note_holds(found)
        return found

    def _note_holds(self, pks: Collection[int]) -> None:
        active = LegalHold.objects.active()
        rows = Message.objects.filter(pk__in=pks)
        by = {
            *active.filter(messages__message__in=pks).values_list("key", flat=True),
            *active.filter(client__in=rows.values("client")).values_list("key", flat=True),
            *active.filter(group__in=rows.values("group")).values_list("key", flat=True),
        }
        self.erasure.holds = sorted({*self.erasure.holds, *(key.hex for key in by)})

    def theirs(self, keys: Collection[UUID]) -> set[UUID]:
        """Return which of these keys belong to the person's messages, emptied ones included."""
        recipient = recipient_of(self.erasure)
        own = Q(recipient_name=self.named)
        if recipient:
            own |= Q(**{kind_of(recipient): recipient.pk})
        return set(Message.objects.filter(own, key__in=keys).values_list("key", flat=True)) if keys else set()

    def messages(self) -> list[MessageQuerySet]:
        """Return the person's messages, and messages to the person's addresses that belong to nobody."""
        return messages_of(self.sought, recipient_of(self.erasure))

    def _mine(self) -> QuerySet[Erasure]:
        return Erasure.objects.filter(
            pk=self.erasure.pk, token=self.erasure.token, state=ErasureState.UNDER_WAY
        )
