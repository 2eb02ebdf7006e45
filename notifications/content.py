"""The content of a message and what it is about; the one list of its fields' names."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The content, the same from the draft to the last resend. Each field is a column of Message."""

    subject: str = ""
    body: str = field(default="", metadata={"column": "content"})
    html: str = ""
    event: str = ""
    method: str = ""
    content_type: str = ""
    # Secret values sealed, but of a draft.
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    auth_username: str = ""
    auth_password: str = ""  # sealed, but of a draft
    # What it is about in the bank's core, as the sender told it: nothing of that is stored here.
    loan_account_key: UUID | None = None
    deposit_account_key: UUID | None = None
    repayment_key: UUID | None = None
    reference_id: str = ""


TYPES: Mapping[str, Any] = {each.name: each.type for each in fields(Content)}
COLUMNS: Mapping[str, str] = {each.name: each.metadata.get("column", each.name) for each in fields(Content)}
TEXTS = tuple(name for name, kind in TYPES.items() if kind is str)
KEYS = tuple(name for name, kind in TYPES.items() if kind == UUID | None)


def said_by(content: Content) -> dict[str, Any]:
    """Return the content of a draft or an envelope, by field."""
    return {name: getattr(content, name) for name in COLUMNS}


def stored_in(message: object) -> dict[str, Any]:
    """Return the content of a row, by field. Raises ValueError for a masked one."""
    if getattr(message, "masked", False):
        raise ValueError("what is left of a masked row is no content")
    found = {name: getattr(message, column) for name, column in COLUMNS.items()}
    return found | {"headers": MappingProxyType(found["headers"])}


def as_columns(content: Content) -> dict[str, Any]:
    """Return the content as values for a row, by column."""
    return {
        COLUMNS[name]: dict(value) if isinstance(value, Mapping) else value
        for name, value in said_by(content).items()
    }


# Those that tell what a message is about, and not what it says.
FACTS = frozenset({"event", "method", "content_type", "reference_id", *KEYS})
