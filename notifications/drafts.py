"""Drafts of messages, and the check of which of them can be stored."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol
from uuid import UUID, uuid4

from notifications import channels
from notifications.channels import DeliveryError, Envelope
from notifications.channels.webhook import CONTENT_TYPES, METHODS, password_problem, problem, username_problem
from notifications.content import TEXTS, Content, said_by
from notifications.failures import Reason
from notifications.faults import Fault, Malformed
from notifications.models import BusinessEvent, Client, Group, NotificationTemplate
from notifications.models.message import LONGEST_REFERENCE
from notifications.secrets import hidden
from notifications.secrets.sealed import seal, seal_headers
from notifications.states import MessageType
from notifications.text.numbers import e164
from notifications.text.validation import clean

_EVENT = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_FOR_WEB_HOOKS = ("method", "headers", "auth_username", "auth_password")
_IMPOSSIBLE = {Reason.UNDEFINED_DESTINATION: "destination", Reason.UNSUPPORTED_ENCODING_EXCEPTION: "subject"}


class Staff(Protocol):
    """A member of staff, as far as the domain needs one."""

    @property
    def pk(self) -> int | None:
        """The user's primary key; None for a program."""

    @property
    def email(self) -> str:
        """An e-mail address, or ""."""

    @property
    def mobile_phone(self) -> str:
        """A telephone number, or ""."""

    @property
    def name(self) -> str:
        """The person's name in the log."""


@dataclass(frozen=True, slots=True)
class Draft(Content):
    """A message before it is stored. Without a destination, it goes to the recipient's address or number."""

    type: MessageType
    destination: str = ""
    # Whether password and secret headers are sealed already, because they come from a template.
    sealed: bool = False
    client: Client | None = None
    group: Group | None = None
    user: Staff | None = None
    sender: Staff | None = None  # None: the system
    key: UUID | None = None  # chosen by whoever must be able to ask twice (send_once); else a new one is made
    template: NotificationTemplate | None = None  # what it was made from
    business_event: BusinessEvent | None = None
    secrets: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by text what hidden.MARK stands for
    secrets_expire_at: datetime | None = None  # then they open nothing any more, and are not sent

    @property
    def recipient(self) -> Client | Group | Staff | None:
        return self.client or self.group or self.user


def envelope(draft: Draft) -> Envelope:
    """Return the draft as its channel gets it, sealed. Raises Malformed.

    A fault of the recipient's address is not raised: such a message is stored as FAILED.
    """
    clean("referenceId", draft.reference_id, most=LONGEST_REFERENCE)
    for name in ("destination", *TEXTS):
        clean(name, getattr(draft, name))
    if draft.event and not _EVENT.fullmatch(draft.event):
        raise Malformed("event", Fault.NO_NAME_OF_AN_EVENT)
    given = draft.destination.strip() or channels.of(draft.type).usual_destination(draft.event)
    if not given and draft.recipient is None:
        raise Malformed("destination", Fault.NEITHER_DESTINATION_NOR_RECIPIENT)
    password = draft.auth_password if draft.sealed else seal(draft.auth_password)
    said = said_by(draft) | _web_hook_fields(draft) | {"auth_password": password}
    to = _spelled(draft.type, given or _on_file(draft))
    if not draft.secrets:
        said |= {name: hidden.without_mark(said[name]) for name in ("body", "html")}
    secrets = hidden.sealed(draft.secrets)
    made = Envelope(draft.key or uuid4(), to, secrets=secrets, **said)
    if given:
        _refuse_impossible(draft.type, made)
    return made


def content_type(text: str) -> str:
    """Return the MIME type for one of Mambu's names or a MIME type itself. Raises Malformed."""
    known = CONTENT_TYPES.get(text.upper(), text.lower()) or "text/plain"
    if known not in CONTENT_TYPES.values():
        raise Malformed("contentType", Fault.MUST_BE_ONE_OF, allowed=tuple(CONTENT_TYPES))
    return known


def _spelled(channel: MessageType, destination: str) -> str:
    """Return a number in the log's canonical form; any other text is left for the channel to refuse."""
    if not channels.of(channel).by_number:
        return destination
    try:
        return e164(destination)
    except ValueError:
        return destination


def _on_file(draft: Draft) -> str:
    return channels.of(draft.type).address_of(draft.recipient) if draft.recipient else ""


def _refuse_impossible(channel: MessageType, made: Envelope) -> None:
    try:
        channels.get(channel).check(made)
    except DeliveryError as error:
        if error.reason in _IMPOSSIBLE:
            raise Malformed(_IMPOSSIBLE[error.reason], Fault.REFUSED_BY_CHANNEL, said=error.detail) from error


def _web_hook_fields(draft: Draft) -> dict[str, Any]:
    """Return method, content type and headers. Raises Malformed if they are not allowed on this channel."""
    fields = channels.of(draft.type).fields
    if "method" not in fields:
        for name in _FOR_WEB_HOOKS:
            if getattr(draft, name):
                raise Malformed(name, Fault.FOR_WEBHOOKS_ONLY)
        return {"content_type": content_type(draft.content_type) if "content_type" in fields else ""}
    method = draft.method.upper() or "POST"
    if method not in METHODS:
        raise Malformed("method", Fault.MUST_BE_ONE_OF, allowed=tuple(sorted(METHODS)))
    if not draft.sealed:  # a template's were looked at when it was saved
        _check_sign_in(draft)
    headers = dict(draft.headers) if draft.sealed else _sealed_headers(draft)
    return {
        "method": method,
        "content_type": content_type(draft.content_type),
        "headers": MappingProxyType(headers),
    }


def _check_sign_in(draft: Draft) -> None:
    if wrong := username_problem(draft.auth_username):
        raise Malformed("authUsername", wrong)
    if wrong := password_problem(draft.auth_password):
        raise Malformed("authPassword", wrong)


def _sealed_headers(draft: Draft) -> dict[str, str]:
    for name, value in draft.headers.items():
        clean("headers", name)
        clean("headers", value)
    if wrong := problem(draft.headers):
        raise Malformed("headers", Fault.REFUSED_BY_CHANNEL, said=wrong)
    return seal_headers(draft.headers)
