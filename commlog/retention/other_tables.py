"""Retention of other rows: attempts, receipts, business events, audit trail, each by its period."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model, QuerySet

from commlog.models import AccessRecord, AuditEntry, AuditKey, RetentionRun, audit_guard
from commlog.models.retention import Kept
from commlog.retention import archive, holds
from notifications import events
from notifications.models import Attempt, BusinessEvent, DeliveryReceipt, Message
from notifications.states import FINAL


def _values(model: type[Model], pks: Sequence[int]) -> Iterator[dict[str, Any]]:
    yield from model._default_manager.filter(pk__in=pks).order_by("pk").values()


def _entries_said(model: type[Model], pks: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Yield audit entries with their content: their keys are deleted with them."""
    entries = AuditEntry.objects.filter(pk__in=pks).select_related("key").order_by("pk")
    for values, entry in zip(_values(model, pks), entries, strict=True):
        yield values | {"words": entry.said._asdict()}


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose rows are deleted on their own: `at` is the column of their age; ids follow it.

    `stays` returns which rows have to stay, `go` deletes rows in the batch's transaction. `until` is the
    column of the run that tells the triggers how old a row must be, `values` what is written to a file.
    """

    model: type[Model]
    at: str
    read: tuple[str, ...]
    stays: Callable[[Sequence[Mapping[str, Any]]], Collection[int]]
    go: Callable[[RetentionRun, Sequence[Mapping[str, Any]]], None]
    until: str = ""
    values: Callable[[type[Model], Sequence[int]], Iterator[dict[str, Any]]] = _values

    def rows(self, behind: int, size: int) -> list[dict[str, Any]]:
        """Return the next rows in the order of ids."""
        return list(
            self.model._default_manager.filter(pk__gt=behind)
            .order_by("pk")
            .values("pk", self.at, *self.read)[:size]
        )

    def old(self, rows: Sequence[Mapping[str, Any]], before: datetime) -> list[Mapping[str, Any]]:
        return [row for row in rows if row[self.at] is not None and row[self.at] < before]

    def lines(self, rows: Sequence[Mapping[str, Any]], before: datetime) -> Iterator[dict[str, Any]]:
        """Return the file lines of the old ones among these."""
        pks = [row["pk"] for row in self.old(rows, before)]
        for values in self.values(self.model, pks):
            yield archive.row_of(self.model, values)

    def expire(self, run: RetentionRun, rows: Sequence[Mapping[str, Any]], before: datetime) -> list[int]:
        """Delete the old ones among these. Return the ids of old ones that had to stay."""
        old = self.old(rows, before)
        stays = set(self.stays(old)) if old else set()
        gone = [row for row in old if row["pk"] not in stays]
        if gone:
            self.go(run, gone)
        return sorted(stays)


def _of_kept_messages(rows: Sequence[Mapping[str, Any]]) -> set[int]:
    messages = {row["message"] for row in rows}
    kept = holds.held_among(messages)
    kept |= set(Message.objects.filter(pk__in=messages).exclude(state__in=FINAL).values_list("pk", flat=True))
    return {row["pk"] for row in rows if row["message"] in kept}


def _of_held_events(rows: Sequence[Mapping[str, Any]]) -> set[int]:
    held = holds.recipients()
    of = {key: row["pk"] for row in rows for key in events.keys_in(row["trace"])}
    found = dict(Message.objects.filter(key__in=list(of)).values_list("pk", "key"))
    by_message = {of[found[pk]] for pk in holds.held_among(list(found))}
    return by_message | {
        row["pk"] for row in rows if row["client"] in held.clients or row["group"] in held.groups
    }


def _delete(model: type[Model]) -> Callable[[RetentionRun, Sequence[Mapping[str, Any]]], None]:
    def go(_: RetentionRun, rows: Sequence[Mapping[str, Any]]) -> None:
        those: QuerySet[Any] = model._base_manager.filter(pk__in=[row["pk"] for row in rows])
        those._raw_delete(those.db)

    return go


def _delete_events(run: RetentionRun, rows: Sequence[Mapping[str, Any]]) -> None:
    keys = [key for row in rows for key in events.keys_in(row["trace"])]
    Message.objects.filter(key__in=keys, business_event__in=[row["pk"] for row in rows]).update(
        business_event=None
    )
    _delete(BusinessEvent)(run, rows)


def _delete_guarded(*models: type[Model]) -> Callable[[RetentionRun, Sequence[Mapping[str, Any]]], None]:
    def go(run: RetentionRun, rows: Sequence[Mapping[str, Any]]) -> None:
        audit_guard.name_in_transaction(audit_guard.RUN, run.pk)
        for model in models:
            _delete(model)(run, rows)

    return go


def _nothing(_: Sequence[Mapping[str, Any]]) -> Collection[int]:
    return ()


TABLES: Mapping[Kept, Table] = {
    Kept.ATTEMPTS: Table(Attempt, "finished_at", ("message",), _of_kept_messages, _delete(Attempt)),
    Kept.RECEIPTS: Table(
        DeliveryReceipt, "received_at", ("message",), _of_kept_messages, _delete(DeliveryReceipt)
    ),
    Kept.EVENTS: Table(
        BusinessEvent, "received_at", ("trace", "client", "group"), _of_held_events, _delete_events
    ),
    Kept.AUDIT: Table(
        AuditEntry, "at", (), _nothing, _delete_guarded(AuditKey, AuditEntry), "audit_until", _entries_said
    ),
    Kept.READINGS: Table(AccessRecord, "at", (), _nothing, _delete_guarded(AccessRecord), "readings_until"),
}
