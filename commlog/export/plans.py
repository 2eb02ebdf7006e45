"""The columns of an export, and how each value is made."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import itemgetter
from typing import Any

from django.db.models import DateTimeField
from django.db.models.expressions import Combinable
from django.utils import timezone

from commlog.kit.paging import Sorting
from commlog.log.columns import CATALOGUE, Column, annotations_of
from notifications import channels
from notifications.masking import WITHHELD
from notifications.models import Message
from notifications.models.message import MessageQuerySet
from notifications.secrets.urls import shortened, without_secret_parts
from notifications.text.days import written

_USUAL_WIDTH = 20.0
_WIDTHS = {
    "state": 16,
    "type": 14,
    "attempts": 10,
    "destination": 32,
    "subject": 40,
    "message": 80,
    "failure_details": 60,
    "key": 36,
}
_WIDTHS |= {
    "resend_of": 36,
    "resent_as": 44,
    "failure_reason": 34,
    "loan_account": 36,
    "deposit_account": 36,
    "repayment": 36,
}
_MOMENT_WIDTH = 19.0


def _whole(text: str, deleted_at: datetime | None) -> str:
    return f"(text deleted {written(timezone.localtime(deleted_at))})" if deleted_at else text


# The text of a message is exported whole, under the name that its column has in the log.
_MOMENTS = {field.name for field in Message._meta.get_fields() if isinstance(field, DateTimeField)}
_WHOLE_TEXT = Column("message", CATALOGUE["message"].label, ("content", "words_gone_at"), value=_whole)


def _destination(destination: str, channel: str) -> str:
    return shortened(destination) if channels.of(channel).secret_destination else destination


def _details(said: str, destination: str, channel: str) -> str:
    return without_secret_parts(said, destination) if channels.of(channel).secret_destination else said


_SHORTENED = {
    "destination": replace(CATALOGUE["destination"], reads=("destination", "type"), value=_destination),
    "failure_details": replace(
        CATALOGUE["failure_details"], reads=("failure_cause", "destination", "type"), value=_details
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A column of the file: head, fields read, and function of the value."""

    label: str
    reads: tuple[str, ...]
    value: Callable[..., object] | None = None
    computed: Mapping[str, Combinable] = field(default_factory=dict)
    moment: bool = False
    width: float = _USUAL_WIDTH

    def getter(self, names: Sequence[str]) -> Callable[[Sequence[Any]], object]:
        value, take = self.value, itemgetter(*(names.index(name) for name in self.reads))
        if value is None:
            return take
        if len(self.reads) == 1:
            return lambda row: value(take(row))
        return lambda row: value(*take(row))


def parts_of(columns: Iterable[Column], *, secret_urls: bool = True, masked: bool = False) -> list[Part]:
    """Return the columns of the file: the log's in order, with subject and whole text.

    Without `secret_urls` the URLs of webhooks are shortened for readers who may not know their secret paths.
    `masked`: without message content; the rows mask their destinations themselves.
    """
    if masked:
        return [_part(column) for column in columns if WITHHELD.isdisjoint({*column.reads} - {"destination"})]
    columns = [column if secret_urls else _SHORTENED.get(column.key, column) for column in columns]
    keys = {column.key for column in columns}
    found = columns if "message" in keys else [*columns, CATALOGUE["message"]]
    parts: list[Part] = []
    for column in found:
        if column.key == "message":
            parts += [] if "subject" in keys else [_part(CATALOGUE["subject"])]
            parts.append(_part(_WHOLE_TEXT))
        else:
            parts.append(_part(column))
    return parts


def names_of(parts: Iterable[Part]) -> list[str]:
    """Return the fields to read, each once."""
    return list(dict.fromkeys(name for part in parts for name in part.reads))


def ordered(messages: MessageQuerySet, sorting: Sorting) -> MessageQuerySet:
    """Order the messages as on the page: by column, then id, empty values last."""
    return messages.annotate(**annotations_of(sorting.columns)).order_by(*sorting.order())


def _part(column: Column) -> Part:
    reads = (*column.reads, *column.computed) if column.value else column.reads[:1]
    moment = reads[0] in _MOMENTS
    width = _MOMENT_WIDTH if moment else float(_WIDTHS.get(column.key, _USUAL_WIDTH))
    return Part(column.label, reads, column.value, column.computed, moment, width)
