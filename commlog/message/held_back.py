"""Reasons that hold back waiting messages, by name."""

from collections.abc import Iterable

from django.db.models import OuterRef, QuerySet, Subquery

from notifications import channels
from notifications.models import ChannelSwitch, Lane, Message
from notifications.states import Circuit, MessageState, WaitingReason


def held_back(messages: Iterable[Message]) -> dict[int, str]:
    """Return by message id what holds it back: `waiting: SMS is paused by Ada Officer`.

    At most one query. Messages that are not held back are missing.
    """
    lanes = {message.pk: message.lane_id for message in messages if _is_held(message)}
    said = {lane.pk: _said(lane) for lane in _lanes(set(lanes.values()))} if lanes else {}
    return {pk: f"waiting: {said[lane]}" for pk, lane in lanes.items() if said.get(lane)}


def _is_held(message: Message) -> bool:
    if message.state != MessageState.WAITING or "lane_id" in message.get_deferred_fields():
        return False  # or its list does not show what it waits for
    return not message.awaits_decision and message.waiting_reason == WaitingReason.WAIT_FOR_CLOSE_CIRCUIT


def _lanes(keys: set[int]) -> QuerySet[Lane]:
    switch = ChannelSwitch.objects.filter(channel=OuterRef("channel"), paused_at__isnull=False)
    return Lane.objects.filter(pk__in=keys).annotate(
        stopped_at=Subquery(switch.values("paused_at")), stopped_by=Subquery(switch.values("paused_by"))
    )


def _said(lane: Lane) -> str:
    """Return the sentence for a lane read by `_lanes`."""
    if lane.stopped_at:  # type: ignore[attr-defined]
        return _paused(lane.get_channel_display(), lane.stopped_by)  # type: ignore[attr-defined]
    if lane.paused_at:
        return _paused(str(lane), lane.paused_by)
    if lane.channel in channels.held_channels():
        return f"{lane.get_channel_display()} is held by SENDING_MODE"
    return f"{lane.name} is in trouble" if lane.circuit == Circuit.OPEN else ""


def _paused(what: str, by: str) -> str:
    return f"{what} is paused by {by}" if by else f"{what} is paused"
