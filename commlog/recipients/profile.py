"""What the head of a client's, a group's or a user's pages shows, and what may be done there."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse

from commlog import permissions
from commlog.kit.limits import capped, counted
from commlog.models import User
from commlog.permissions import Person
from commlog.recipients.kinds import Address, Kind, Recipient, address_of, kind_of, messages_of, url_of
from notifications import channels
from notifications.models import Client, Group, Membership
from notifications.models.message import MessageQuerySet
from notifications.models.recipients import ClientState

COUNTED = 1_000  # messages on the tab; more are "1,000+"
SHOWN = 200  # members of a group, groups of a client


@dataclass(frozen=True, slots=True)
class Action:
    """*Send e-mail* or *Send SMS*: where it leads, or why it cannot be done."""

    label: str
    address: Address
    url: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A recipient, and what the person who asks may see and do."""

    recipient: Recipient
    kind: Kind
    number: str
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
        """Where its subscriptions are; "" for users, who have none."""
        return "" if isinstance(self.recipient, User) else url_of(self.recipient, "subscriptions")

    @property
    def waits(self) -> bool:
        """Whether it is a client that waits for approval."""
        return isinstance(self.recipient, Client) and self.recipient.state == ClientState.PENDING_APPROVAL

    @property
    def may_edit(self) -> bool:
        """Whether the person may change it."""
        return bool(self.edit_url)


def profile(recipient: Recipient, person: Person) -> Profile:
    """The recipient as the person may see it."""
    kind = kind_of(recipient)
    addresses = [address_of(recipient, channel) for channel in channels.FOR_PEOPLE]
    reads = permissions.may_read_recipient_log(person, kind.name)
    memberships = _memberships(recipient)
    return Profile(
        recipient=recipient,
        kind=kind,
        number=getattr(recipient, kind.number),
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


def _edit_url(recipient: Recipient, kind: Kind, person: Person) -> str:
    """Where it is changed; a user in the administration. "" where the person may not."""
    if kind.name == "user":
        return (
            reverse("administration-user-edit", args=[recipient.key])
            if permissions.may_manage_administration(person)
            else ""
        )
    return url_of(recipient, "edit") if permissions.may_edit_recipient(person, kind.name) else ""


def _action(recipient: Recipient, address: Address) -> Action:
    return Action(f"Send {address.noun}", address, url_of(recipient, "send", address.channel))


def message_count(messages: MessageQuerySet) -> str:
    """How many messages a tab holds. It never counts further than COUNTED."""
    return capped(counted(messages, COUNTED), COUNTED)


def _memberships(recipient: Recipient) -> list[Membership]:
    """The members of a group by name, or the groups of a client; one more than is shown tells that there are
    more.
    """
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
