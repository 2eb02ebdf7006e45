"""The rows of the domain."""

from notifications.models.attempt import Attempt
from notifications.models.business_event import BusinessEvent
from notifications.models.folds import Filling, Folded, FoldField
from notifications.models.installation import Installation
from notifications.models.lane import ChannelSwitch, FailingDestination, Lane, LaneRefusal, LaneTally
from notifications.models.message import Message
from notifications.models.newest import newest_id
from notifications.models.receipt import DeliveryReceipt
from notifications.models.recipients import Client, Group, Membership
from notifications.models.stream import (
    StreamCursor,
    StreamEvent,
    StreamPartition,
    StreamReader,
    StreamSubscription,
    StreamTopic,
)
from notifications.models.template import NotificationTemplate, Subscription

__all__ = [
    "Attempt",
    "BusinessEvent",
    "ChannelSwitch",
    "Client",
    "DeliveryReceipt",
    "FailingDestination",
    "Filling",
    "FoldField",
    "Folded",
    "Group",
    "Installation",
    "Lane",
    "LaneRefusal",
    "LaneTally",
    "Membership",
    "Message",
    "NotificationTemplate",
    "StreamCursor",
    "StreamEvent",
    "StreamPartition",
    "StreamReader",
    "StreamSubscription",
    "StreamTopic",
    "Subscription",
    "newest_id",
]
