"""What somebody asks to be exported, checked when it is asked and again when it is done."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO
from uuid import UUID

from django.conf import settings
from django.db.models import TextChoices
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from commlog import audit, permissions
from commlog.audit import AuditAction
from commlog.columns import CATALOGUE, columns_of
from commlog.export import reading
from commlog.export.about import About, Notes
from commlog.export.commas import CommaFile
from commlog.export.plans import ordered, parts_of
from commlog.export.workbook import ExcelFile
from commlog.log import sorting_of
from commlog.models import User
from commlog.models.column_layout import LogKind
from commlog.paging import Sorting
from commlog.people import label
from commlog.recipients import KINDS, Recipient, messages_of
from commlog.selection import Selection, select
from notifications.criteria import Match
from notifications.models.message import MessageQuerySet

Watch = Callable[[int, int], None]
_WATCHED = 200  # rows between two looks at whether to go on


class Refused(Exception):
    """The export may not or cannot be made; the text says why, in a clerk's words."""


class Format(TextChoices):
    """The kinds of files."""

    XLSX = "xlsx", "Excel"
    CSV = "csv", "CSV"

    @property
    def media_type(self) -> str:
        """As a browser is told."""
        return {Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Format.CSV: "text/csv; charset=utf-8"}[
            self
        ]


@dataclass(frozen=True, slots=True)
class Order:
    """A log with its filter, order and columns as they were on the screen. Plain values: a job keeps it as JSON."""

    kind: str
    query: str  # the log's parameters, those of its view included
    columns: list[str]
    timestamps: bool
    format: str
    recipient: str = ""  # the key, where it is the log of a client, group or user
    view: str = ""  # what the view was called

    @property
    def file_name(self) -> str:
        """What the file is called."""
        return f"communications-{timezone.localtime():%Y-%m-%d-%H%M}.{self.format}"


@dataclass(frozen=True, slots=True)
class Plan:
    """An order that may be carried out."""

    order: Order
    messages: MessageQuerySet
    sorting: Sorting
    about: About


def plan(order: Order, user: User) -> Plan:
    """The order, if the user may have it and every condition is understood. Raises Refused."""
    recipient = _recipient(order)
    if not may_have(user, order):
        raise Refused("The permissions for this export are missing.")
    readable = permissions.messages_for(user)
    chosen = select(QueryDict(order.query), scope=messages_of(recipient, readable) if recipient else readable)
    if not chosen.sound:
        raise Refused("A condition of the filter is wrong, or does not exist any more.")
    sorting = sorting_of(chosen.address, chosen.messages)
    return Plan(order, ordered(chosen.messages, sorting), sorting, _about(order, user, chosen, sorting, recipient))


def may_have(user: User, order: Order) -> bool:
    """Whether the user may export this log, and read what such a file holds."""
    if order.kind == LogKind.LOG:
        return permissions.may_export_log(user)
    return permissions.may_export_recipient_log(user, order.kind.lower())


def carry_out(planned: Plan, user: User, target: IO[bytes], watch: Watch = lambda done, total: None) -> Notes:
    """Write the file. `watch` is told how many rows of how many are written; what it raises ends the export."""
    order, parts = planned.order, parts_of(columns_of(planned.order.columns))
    extent = reading.extent_of(planned.messages, parts)
    kind: type[ExcelFile] | type[CommaFile] = ExcelFile if order.format == Format.XLSX else CommaFile
    file = kind(target, parts, extent.cells, zone=timezone.get_default_timezone(), timestamps=order.timestamps)
    for number, row in enumerate(reading.rows_of(planned.messages, parts, at_once=extent.at_once)):
        if number % _WATCHED == 0:
            watch(number, extent.rows)
        file.append(row)
    file.finish(planned.about, lambda: watch(file.notes.rows, extent.rows))
    return file.notes


def record(planned: Plan, user: User, notes: Notes) -> None:
    """Who exported what: an entry of the audit trail."""
    about = planned.about
    held: dict[str, object] = {
        "filter": [f"{name}: {value}" for name, value in about.conditions],
        "order": about.order,
        "address": about.address,
    }
    held |= {"messages": notes.rows, "format": planned.order.format}
    audit.record(user, AuditAction.EXPORTED, kind="log", key=planned.order.recipient, label=about.log, after=held)


def _recipient(order: Order) -> Recipient | None:
    if order.kind == LogKind.LOG:
        return None
    found: Recipient | None = KINDS[order.kind.lower()].objects.filter(key=UUID(order.recipient)).first()
    if found is None:
        raise Refused("Whose log it is, is not known any more.")
    return found


def _about(order: Order, user: User, chosen: Selection, sorting: Sorting, recipient: Recipient | None) -> About:
    whose = f" of {label(recipient)}" if recipient else ""
    conditions = [(chip.condition.label, chip.condition.value) for chip in chosen.chips]
    if chosen.address.conditions.match == Match.ANY and len(chosen.address.conditions.given) > 1:
        conditions.append(("More conditions", "any of them holds"))
    path = reverse(f"{order.kind.lower()}-communications", args=[recipient.key]) if recipient else reverse("log")
    return About(
        log=f"Communications{whose}" + (f", view “{order.view}”" if order.view else ""),
        conditions=conditions,
        order=f"{CATALOGUE[sorting.name].label}, {'descending' if sorting.descending else 'ascending'}",
        address=path + chosen.address.url(),
        by=f"{user.name} ({user.username})",
        at=timezone.now(),
        zone=settings.ORGANISATION_TIME_ZONE,
        remarks=chosen.address.notices,
    )
