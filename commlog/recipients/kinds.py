"""Recipients as pages show them: clients, groups of clients, and users (members of staff)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.urls import reverse

from commlog.models import User
from commlog.recipients import people
from notifications import channels
from notifications.channels.email import pasted_address
from notifications.criteria import numbered
from notifications.models import Client, Group
from notifications.models.message import MessageQuerySet
from notifications.states import MessageType
from notifications.text.spelling import tidy, words_of

Recipient = Client | Group | User
WORDS = 6  # of a search; more never make it narrower for a person


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of recipient: its labels, and the sort columns of its list."""

    name: str  # its addresses, templates and permissions begin with it
    label: str
    plural: str
    model: type[Model]
    number: str  # the field that people tell one from another by
    orders: Mapping[str, tuple[str, tuple[str, ...]]]  # alias: label, columns before id

    @property
    def objects(self) -> QuerySet[Any]:
        return self.model._default_manager.all()


KINDS = {
    "client": Kind(
        name="client",
        label="Client",
        plural="Clients",
        model=Client,
        number="client_id",
        orders={
            "id": ("ID", ("client_id",)),
            "name": ("Name", ("last_name", "first_names")),
            "created": ("Created", ("created_at",)),
        },
    ),
    "group": Kind(
        name="group",
        label="Group",
        plural="Groups",
        model=Group,
        number="group_id",
        orders={
            "id": ("ID", ("group_id",)),
            "name": ("Name", ("name",)),
            "created": ("Created", ("created_at",)),
        },
    ),
    "user": Kind(
        name="user",
        label="User",
        plural="Users",
        model=User,
        number="username",
        orders={
            "id": ("User name", ("username",)),
            "name": ("Name", ("last_name", "first_name")),
            "created": ("Created", ("date_joined",)),
        },
    ),
}


def kind_of(recipient: Recipient) -> Kind:
    """Return the recipient's kind."""
    return next(kind for kind in KINDS.values() if isinstance(recipient, kind.model))


def recipient_of(message: Any) -> Recipient | None:
    """Return the message's recipient; None if it went to a bare address."""
    found: Recipient | None = message.client or message.group or message.user
    return found


def as_meant(text: str) -> str:
    """Return typed or pasted text without invisible parts; of an e-mail address only the address."""
    shown = tidy(text)
    return pasted_address(shown) if "@" in shown else shown


def search(kind: Kind, text: str) -> QuerySet[Any]:
    """Return those in which every word occurs, in name, ID, address or number, in any spelling or order."""
    found, meant = Q(), as_meant(text)
    for word in words_of(meant, most=WORDS):
        known = people.called(word)
        for name in (kind.number, "email", "mobile_phone"):
            known |= people.holds(name, word)
        found &= known
    if number := numbered("mobile_phone", meant):
        found |= number
    return people.with_names(kind.name).filter(found)


def messages_of(recipient: Recipient, messages: MessageQuerySet) -> MessageQuerySet:
    """Return the messages of the Communications tab: sent to the recipient, and of a user also by them."""
    if isinstance(recipient, User):
        return messages.of_user(recipient.pk)
    return messages.filter(**{kind_of(recipient).name: recipient})


@dataclass(frozen=True, slots=True)
class Address:
    """A recipient's address on a channel, or why there is none."""

    channel: MessageType
    address: str
    problem: str = ""

    @property
    def noun(self) -> str:
        return channels.of(self.channel).noun()

    @property
    def what(self) -> str:
        return channels.of(self.channel).destination_name


def address_of(recipient: Recipient, channel: MessageType) -> Address:
    """Return the recipient's e-mail address or SMS number; a missing or unusable one is explained."""
    facts = channels.of(channel)
    on_file, what = facts.address_of(recipient), facts.destination_name
    if not on_file:
        return Address(channel, "", f"No {what} is on file.")
    try:
        return Address(channel, facts.spelled(on_file))
    except ValueError as error:
        return Address(channel, on_file, f"The {what} on file is not valid: {error}.")


def url_of(recipient: Recipient, page: str = "", *args: Any) -> str:
    """Return the recipient's page (`url_of(ana)`) or another about them (`url_of(ana, "edit")`)."""
    name = kind_of(recipient).name
    return reverse(f"{name}-{page}" if page else name, args=[recipient.key, *args])
