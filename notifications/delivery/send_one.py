"""Sending a single message while everything else is held back, such as the mail that reports the hold."""

from django.db import transaction
from django.db.models import Q

from notifications import channels
from notifications.database.clock import Clock
from notifications.delivery import claims, results
from notifications.delivery.results import Result
from notifications.delivery.window import Call, send
from notifications.models import ChannelSwitch, Lane, Message
from notifications.states import Circuit, MessageType


def send_alone(message_id: int) -> bool:
    """Send the message now, once, unless its own lane is held back.

    Returns whether it was tried. If it fails, it waits like any other message.
    """
    message = Message.objects.only("lane_id", "type").filter(pk=message_id).first()
    if message is None or not _is_free(message):
        return False
    clock = Clock()
    claimed = claims.claim(message.lane_id, 1, now=clock.now(), only=message.pk)
    for claim in claims.permit(claimed, now=clock.now()):
        done = send(channels.get(claim.channel), Call(claim, submitted=float("inf"), start_by=float("inf")))
        with transaction.atomic():
            results.record([Result(claim, done.answer, clock.at(done.started), clock.at(done.finished))])
    return bool(claimed)


def _is_free(message: Message) -> bool:
    switched = ChannelSwitch.objects.filter(
        Q(enabled=False) | Q(paused_at__isnull=False), channel=message.type
    )
    free = Lane.objects.filter(pk=message.lane_id, paused_at=None, circuit=Circuit.CLOSED)
    return (
        MessageType(message.type) not in channels.held_channels() and free.exists() and not switched.exists()
    )
