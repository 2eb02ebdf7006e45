"""The rows of the domain."""

from notifications.models.attempt import Attempt
from notifications.models.business_event import BusinessEvent
from notifications.models.folds import Filling, Folded, FoldField
from notifications.models.incident import Incident, IncidentLane, IncidentNotice
from notifications.models.installation import Installation
from notifications.models.lane import ChannelSwitch, FailingDestination, Lane, LaneRefusal
from notifications.models.legal_hold import HeldMessage, LegalHold
from notifications.models.message import Message
from notifications.models.message_words import MessageWords, WordsReach
from notifications.models.newest import newest_id
from notifications.models.receipt import DeliveryReceipt
from notifications.models.recipients import Client, Group, Membership
from notifications.models.sample import Sample
from notifications.models.sealed_values import SealedValues
from notifications.models.stream import (
    StreamCursor,
    StreamEvent,
    StreamPartition,
    StreamReader,
    StreamSubscription,
    StreamTopic,
)
from notifications.models.tally import WAITS, Backfill, LaneHour, LaneTally
from notifications.models.template import NotificationTemplate, Subscription

__all__ = [
    "WAITS",
    "Attempt",
    "Backfill",
    "BusinessEvent",
    "ChannelSwitch",
    "Client",
    "DeliveryReceipt",
    "FailingDestination",
    "Filling",
    "FoldField",
    "Folded",
    "Group",
    "HeldMessage",
    "Incident",
    "IncidentLane",
    "IncidentNotice",
    "Installation",
    "Lane",
    "LaneHour",
    "LaneRefusal",
    "LaneTally",
    "LegalHold",
    "Membership",
    "Message",
    "MessageWords",
    "NotificationTemplate",
    "Sample",
    "SealedValues",
    "StreamCursor",
    "StreamEvent",
    "StreamPartition",
    "StreamReader",
    "StreamSubscription",
    "StreamTopic",
    "Subscription",
    "WordsReach",
    "newest_id",
]
