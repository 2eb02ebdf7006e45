"""The rows of the domain."""

from notifications.models.attempt import Attempt
from notifications.models.lane import Lane
from notifications.models.message import Message
from notifications.models.recipients import Client, Group, Membership
from notifications.models.stream import StreamEvent

__all__ = ["Attempt", "Client", "Group", "Lane", "Membership", "Message", "StreamEvent"]
