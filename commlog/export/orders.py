"""Export orders: what was requested, and how it becomes a file."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import IO, TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import TextChoices
from django.utils import timezone

from commlog import permissions
from commlog.export import reading
from commlog.export.about import About, Notes
from commlog.export.csv_file import CommaFile
from commlog.export.plans import ordered, parts_of
from commlog.kit.paging import Sorting
from commlog.kit.sentences import NEEDS_CONTENT
from commlog.log import writing
from commlog.log.columns import CATALOGUE, columns_of
from commlog.log.page import sorting_of
from commlog.log.query import Selection
from commlog.models import User
from notifications.models.message import MessageQuerySet

if TYPE_CHECKING:
    from commlog.export.workbook import ExcelFile

Watch = Callable[[int, int], None]
_HIDDEN = f"Destinations are masked, and what messages say is left out: reading it {NEEDS_CONTENT}."
_WATCHED = 200  # rows between two looks at whether to go on


class Format(TextChoices):
    """File formats."""

    XLSX = "xlsx", "Excel"
    CSV = "csv", "CSV"

    @property
    def media_type(self) -> str:
        return {
            Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Format.CSV: "text/csv; charset=utf-8",
        }[self]


@dataclass(frozen=True, slots=True)
class Order:
    """How a log is to be exported, in plain values that a job can store."""

    format: str
    columns: list[str]
    timestamps: bool
    view: str = ""  # what the view was called that was open
    masked: bool = False  # whether whoever ordered it may not know what messages say

    @property
    def options(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def file_name(self) -> str:
        return f"communications-{timezone.localtime():%Y-%m-%d-%H%M}.{self.format}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The file's content: messages in order."""

    order: Order
    messages: MessageQuerySet
    about: About
    secret_urls: bool  # whether whoever ordered it may know them


def plan(order: Order, chosen: Selection, *, user: User, remark: str = "") -> Plan:
    """Return the selection in page order. Refuses parameters that are not understood: they would select
    everything.
    """
    if not chosen.sound:
        raise ValueError("what is not understood is never exported")
    if order.masked and not chosen.messages.masked:  # the permission came later
        chosen = replace(chosen, messages=chosen.messages.withheld())
    sorting, notice = sorting_of(chosen)
    hidden = _HIDDEN if chosen.messages.masked else ""
    about = _about(order, chosen, user, sorting, [said for said in (notice, remark, hidden) if said])
    return Plan(order, ordered(chosen.messages, sorting), about, permissions.may_read_secret_urls(user))


def write(
    order: Order,
    chosen: Selection,
    target: IO[bytes],
    *,
    user: User,
    remark: str = "",
    watch: Watch = lambda done, total: None,
) -> tuple[Plan, Notes]:
    """Plan the file and write it; restarted from its beginning if a replica fails."""
    target.seek(0)
    target.truncate()
    planned = plan(order, chosen, user=user, remark=remark)
    return planned, carry_out(planned, target, watch)


def carry_out(planned: Plan, target: IO[bytes], watch: Watch = lambda done, total: None) -> Notes:
    """Write the file. `watch` receives rows done and total; if it raises, the export ends.

    The notes name the messages whose text is in the file; none if they are masked.
    """
    order, columns = planned.order, columns_of(planned.order.columns)
    parts = parts_of(columns, secret_urls=planned.secret_urls, masked=planned.messages.masked)
    extent = reading.extent_of(planned.messages, parts)
    file = _kind(order.format)(
        target, parts, extent.cells, zone=timezone.get_default_timezone(), timestamps=order.timestamps
    )
    try:
        for number, row in enumerate(reading.rows_of(planned.messages, parts, at_once=extent.at_once)):
            if number % _WATCHED == 0:
                watch(number, extent.rows)
            file.append(row)
            if not planned.messages.masked:
                file.notes.messages.append(row[-1])
        file.finish(planned.about, lambda: watch(file.notes.rows, file.notes.rows))
    except BaseException:
        file.abandon()
        raise
    return file.notes


def _kind(written: str) -> "type[ExcelFile] | type[CommaFile]":
    if written != Format.XLSX:
        return CommaFile
    # Loaded by who writes such a file: it is a tenth of what a process takes to start.
    from commlog.export.workbook import ExcelFile

    return ExcelFile


def _about(order: Order, chosen: Selection, user: User, sorting: Sorting, remarks: list[str]) -> About:
    conditions = [(one.label, one.value) for one in chosen.conditions]
    if chosen.any_of_several:
        conditions.append(("More conditions", "any condition is met"))
    return About(
        log=f"Communications {chosen.query.place.whose}".rstrip()
        + (f", view “{order.view}”" if order.view else ""),
        conditions=conditions,
        order=f"{CATALOGUE[sorting.name].label}, {'descending' if sorting.descending else 'ascending'}",
        address=writing.address(chosen.query),
        by=f"{user.name} ({user.username})",
        at=timezone.now(),
        zone=settings.ORGANISATION_TIME_ZONE,
        remarks=remarks,
    )
