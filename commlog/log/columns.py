"""The log's columns: one line here, and a cell (templatetags/cells.py) unless it is plain text."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from django.db.models import BooleanField, ExpressionWrapper, Func, OuterRef, Subquery, TextField
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Left

from commlog.kit.paging import Sorting
from notifications.models import Message
from notifications.models.legal_hold import on_hold
from notifications.models.message import UNTIL_RELEASED, reference_of

WIDTHS = ("narrow", "wide")  # of a column; without one it is as wide as what it usually holds
# Long texts are sorted by their start: a whole one would not fit into the address of the next page.
START = 60
STARTS = {f"{name}_start": name for name in ("destination", "subject", "content", "failure_cause")}
# People are sorted by their present names, as their own lists are.
NAMES = {
    "client_name": ("client__last_name", "client__first_names"),
    "group_name": ("group__name",),
    "user_name": ("user__last_name", "user__first_name", "user__username"),
}


class _Joined(Func):
    """Texts joined; NULL if one is NULL, unlike Django's Concat."""

    template = "(%(expressions)s)"
    arg_joiner = " || ' ' || "
    output_field = TextField()


@dataclass(frozen=True, slots=True)
class Column:
    """A column: label, fields read, and sorting."""

    key: str
    label: str
    reads: tuple[str, ...]  # the model fields that its cell shows; nothing else is loaded
    order: tuple[str, ...] = ()  # the fields that it sorts by, before id; none: what it reads first
    nullable: bool = False  # whether the field that it sorts by may be empty
    # Whether an index serves this order; else only lists of limited length are sorted by it.
    indexed: bool = False
    width: str = ""  # one of WIDTHS
    newest_first: bool = False  # whether the first click on its head sorts downwards
    plain: bool = False  # whether its cells are what it reads first, as text
    related: str = ""  # the row beside the message that its cell shows
    # What an export holds, made of all that is read; none: the first field as it is.
    value: Callable[..., object] | None = None
    # What an export reads besides the fields.
    computed: Mapping[str, Combinable] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "order", self.order or self.reads[:1])

    @property
    def spelling(self) -> str:
        """The column with its width, as in layouts, views and URLs: `destination:wide`."""
        return f"{self.key}:{self.width}" if self.width else self.key

    def sorting(self, *, descending: bool) -> Sorting:
        return Sorting(self.key, self.order, descending=descending, nullable=self.nullable)


def _sender(sender: str, resent_by: str) -> str:
    return f"{sender} · resent by {resent_by}" if resent_by else sender


def _numbered(key: UUID | None, number: str, *names: str) -> str:
    return f"{' '.join(names).strip()} {number}" if key else ""


def _member_of_staff(key: UUID | None, username: str, *names: str) -> str:
    return (" ".join(names).strip() or username) if key else ""


def _doubt(possible_duplicate: bool) -> str:
    return "Possible duplicate" if possible_duplicate else ""


def _next_attempt(due_at: datetime | None) -> datetime | None:
    return None if due_at == UNTIL_RELEASED else due_at


def _newer(key: UUID | None, state: str | None) -> str:
    return f"{key.hex} {state}" if key else ""


def _hold(on_hold: bool) -> str:
    return "On hold" if on_hold else ""


# Of every row: it is marked.
ON_HOLD: Combinable = ExpressionWrapper(on_hold(), BooleanField())
_later = Message.objects.filter(
    first=Coalesce(OuterRef("first"), OuterRef("pk")), pk__gt=OuterRef("pk")
).order_by("-pk")
_NEWER = {
    "newer_key": Subquery(_later.values("key")[:1]),
    "newer_state": Subquery(_later.values("state")[:1]),
}
_ORDERS: Mapping[str, Combinable] = {"newer_id": Subquery(_later.values("pk")[:1])}
_LIFE = (
    "state",
    "outcome",
    "failure_reason",
    "waiting_reason",
    "due_at",
    "failures",
    "possible_duplicate",
    "receipt_due_at",
    "restored_at",
    "lane_id",
)
_CLIENT = ("client__key", "client__client_id", "client__first_names", "client__last_name")
_GROUP = ("group__key", "group__group_id", "group__name")
_USER = ("user__key", "user__username", "user__first_name", "user__last_name")

DEFAULT = (
    Column("state", "State", _LIFE, order=("state", "created_at")),
    Column("sender", "Sent by", ("sender", "resent_by"), value=_sender),
    Column("created", "Created", ("created_at",), indexed=True, newest_first=True),
    Column("sent", "Sent", ("sent_at",), nullable=True, newest_first=True),
    Column("type", "Type", ("type",)),
    Column("recipient", "Sent to", ("recipient_name",), plain=True),
    Column("destination", "Destination", ("destination",), order=("destination_start",)),
    Column("message", "Message", ("subject",), order=("subject_start", "content_start")),
)
_FURTHER = (
    Column(
        "client", "Client", _CLIENT, order=("client_name",), nullable=True, related="client", value=_numbered
    ),
    Column("group", "Group", _GROUP, order=("group_name",), nullable=True, related="group", value=_numbered),
    Column(
        "user", "User", _USER, order=("user_name",), nullable=True, related="user", value=_member_of_staff
    ),
    Column("loan_account", "Loan account", ("loan_account_key",), nullable=True),
    Column("deposit_account", "Deposit account", ("deposit_account_key",), nullable=True),
    Column("repayment", "Repayment", ("repayment_key",), nullable=True),
    Column("reference", "Reference", ("reference_id", "provider_id", "type"), value=reference_of),
    Column("subject", "Subject", ("subject",), order=("subject_start",), plain=True),
    Column("event", "Event", ("event",), plain=True),
    Column("template", "Template", ("template_name",)),
    Column("attempts", "Attempts", ("attempt_count",), newest_first=True),
    Column("failure_reason", "Failure reason", ("failure_reason",)),
    Column("failure_meaning", "What the failure means", ("failure_meaning",)),
    Column("failure_level", "Kind of failure", ("failure_level",)),
    Column("failure_details", "Failure details", ("failure_cause",), order=("failure_cause_start",)),
    Column("waiting_reason", "Waiting reason", ("waiting_reason",)),
    Column("next_attempt", "Next attempt", ("due_at",), nullable=True, value=_next_attempt),
    Column(
        "resend_of",
        "Resend of",
        ("resend_of__key",),
        order=("resend_of_id",),
        nullable=True,
        related="resend_of",
    ),
    Column("resent_as", "Resent as", (), order=("newer_id",), nullable=True, value=_newer, computed=_NEWER),
    Column("resent_by", "Resent by", ("resent_by",), plain=True),
    Column("outcome", "Outcome", ("outcome",)),
    Column(
        "possible_duplicate", "Possible duplicate", ("possible_duplicate",), newest_first=True, value=_doubt
    ),
    Column("receipt", "Receipt", ("receipt_status", "receipt_at", "receipt_due_at", "state")),
    Column("hold", "Legal hold", (), value=_hold, computed={"on_hold": ON_HOLD}),
    Column("key", "Key", ("key",)),
)
CATALOGUE = {column.key: column for column in (*DEFAULT, *_FURTHER)}
DEFAULT_SORTING = CATALOGUE["created"].sorting(descending=True)
# What rows need whatever columns are shown: their address, Resend and the mark of earlier resends.
_ALWAYS: tuple[str, ...] = (
    "id",
    "key",
    "type",
    "state",
    "outcome",
    "created_at",
    "sent_at",
    "destination",
    "first_id",
    "resend_of_id",
)
_ALWAYS += ("receipt_status", "receipt_at")  # a receipt changes what may be asked for
_ALWAYS += ("words_gone_at", "erased_at")  # without its text it cannot be resent


def fields_of(columns: Iterable[Column]) -> list[str]:
    """Return the model fields that these columns need; never the whole text, which may be a megabyte."""
    return sorted({*_ALWAYS, *(name for column in columns for name in column.reads)})


def related_of(columns: Iterable[Column]) -> list[str]:
    """Return the relations to select for a list with these columns."""
    return sorted({column.related for column in columns if column.related})


def annotations_of(names: Iterable[str]) -> dict[str, Combinable]:
    """Return the annotations for ordering columns that are not model fields."""
    starts: dict[str, Combinable] = {name: Left(STARTS[name], START) for name in names if name in STARTS}
    starts |= {name: _ORDERS[name] for name in names if name in _ORDERS}
    return starts | {name: Left(_Joined(*NAMES[name]), START) for name in names if name in NAMES}


def sorting_for(alias: str) -> Sorting | None:
    """Return the order named in a query string (`created`, `-created`); None if it does not exist."""
    column = CATALOGUE.get(alias.removeprefix("-"))
    return column.sorting(descending=alias.startswith("-")) if column and column.order else None


def tells_content(sorting: Sorting) -> bool:
    """Return whether this order reveals message content or destinations."""
    return not STARTS.keys().isdisjoint(sorting.columns)


def key_of(spelling: str) -> str:
    """Return the key of a column from its spelling."""
    return spelling.partition(":")[0]


def columns_of(spellings: Iterable[str]) -> tuple[Column, ...]:
    """Return the columns with these spellings, each once; unknown columns and widths are ignored."""
    found: dict[str, Column] = {}
    for spelling in spellings:
        key, _, width = spelling.partition(":")
        if key in CATALOGUE and key not in found:
            found[key] = replace(CATALOGUE[key], width=width) if width in WIDTHS else CATALOGUE[key]
    return tuple(found.values())
