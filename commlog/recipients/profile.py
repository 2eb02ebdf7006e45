"""The head of a client's, group's or user's pages, and the available actions."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.http import urlencode

from commlog import permissions
from commlog.kit.limits import capped, counted
from commlog.models import User
from commlog.permissions import Person
from commlog.recipients.kinds import Address, Kind, Recipient, address_of, kind_of, messages_of, url_of
from notifications import channels
from notifications.forgetting import people
from notifications.models import Client, Group, LegalHold, Membership, Message
from notifications.models.message import MessageQuerySet
from notifications.models.recipients import ClientState

COUNTED = 1_000  # messages on the tab; more are "1,000+"
SHOWN = 200  # members of a group, groups of a client


@dataclass(frozen=True, slots=True)
class Action:
    """*Send e-mail* or *Send SMS*: its link, or why it is not possible."""

    label: str
    address: Address
    url: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A recipient, and what the reader may see and do."""

    recipient: Recipient
    kind: Kind
    number: str
    holds: Sequence[LegalHold]
    erase_url: str  # where it is erased; "" where the person may not, or it was erased
    hold_url: str  # where a hold on it is placed; "" where the person may not
    addresses: Sequence[Address]
    actions: Sequence[Action]
    overview_url: str
    communications_url: str  # "" where the person may not read messages
    message_count: str
    edit_url: str
    memberships: Sequence[Membership]
    more_memberships: bool
    may_view_others: bool  # the clients of a group, the groups of a client

    @property
    def subscriptions_url(self) -> str:
        """Return the URL of its subscriptions; "" for users, who have none."""
        return "" if isinstance(self.recipient, User) else url_of(self.recipient, "subscriptions")

    @property
    def waits(self) -> bool:
        return isinstance(self.recipient, Client) and self.recipient.state == ClientState.PENDING_APPROVAL

    @property
    def may_edit(self) -> bool:
        return bool(self.edit_url)


def profile(recipient: Recipient, person: Person) -> Profile:
    """Return the recipient as the reader may see it."""
    kind = kind_of(recipient)
    addresses = [address_of(recipient, channel) for channel in channels.FOR_PEOPLE]
    reads = permissions.may_read_recipient_log(person, kind.name)
    memberships = _memberships(recipient)
    return Profile(
        recipient=recipient,
        kind=kind,
        number=getattr(recipient, kind.number),
        erase_url=_erase_url(kind, recipient, person),
        hold_url=_hold_url(kind, recipient, person),
        holds=[] if isinstance(recipient, User) else list(recipient.holds.active().order_by("pk")),
        addresses=addresses,
        actions=[
            _action(recipient, address)
            for address in addresses
            if permissions.may_send(person, address.channel)
        ],
        overview_url=url_of(recipient),
        communications_url=url_of(recipient, "communications") if reads else "",
        message_count=message_count(messages_of(recipient, permissions.messages_for(person)))
        if reads
        else "",
        edit_url=_edit_url(recipient, kind, person),
        memberships=memberships[:SHOWN],
        more_memberships=len(memberships) > SHOWN,
        may_view_others=permissions.may_view_recipient(
            person, "client" if isinstance(recipient, Group) else "group"
        ),
    )


def _erase_url(kind: Kind, recipient: Recipient, person: Person) -> str:
    if isinstance(recipient, User) or not permissions.may_erase(person):
        return ""
    if recipient.erased_at and not people.is_left(messages_of(recipient, Message.objects.all())):
        return ""
    return f"{reverse('erasure-new')}?of={kind.name}&which={recipient.key.hex}"


def _hold_url(kind: Kind, recipient: Recipient, person: Person) -> str:
    if isinstance(recipient, User) or not permissions.may_manage_retention(person):
        return ""
    asked = {"of": kind.name, "which": getattr(recipient, kind.number)}
    return f"{reverse('legal-hold-new')}?{urlencode(asked)}"


def _edit_url(recipient: Recipient, kind: Kind, person: Person) -> str:
    """Return the URL of the edit page, for a user in the administration; "" if the reader may not edit."""
    if kind.name == "user":
        return (
            reverse("administration-user-edit", args=[recipient.key])
            if permissions.may_manage_administration(person)
            else ""
        )
    if isinstance(recipient, Client | Group) and recipient.erased_at:
        return ""
    return url_of(recipient, "edit") if permissions.may_edit_recipient(person, kind.name) else ""


def _action(recipient: Recipient, address: Address) -> Action:
    return Action(f"Send {address.noun}", address, url_of(recipient, "send", address.channel))


def message_count(messages: MessageQuerySet) -> str:
    """Return the tab's number of messages, counted up to COUNTED."""
    return capped(counted(messages, COUNTED), COUNTED)


def _memberships(recipient: Recipient) -> list[Membership]:
    """Return a group's members or a client's groups, by name; one extra shows that there are more."""
    if isinstance(recipient, Group):
        found = (
            Membership.objects.filter(group=recipient)
            .select_related("client")
            .order_by("client__last_name", "client__first_names", "pk")
        )
    elif isinstance(recipient, Client):
        found = (
            Membership.objects.filter(client=recipient).select_related("group").order_by("group__name", "pk")
        )
    else:
        return []
    return list(found[: SHOWN + 1])
