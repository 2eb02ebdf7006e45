"""Alerts to the operator of Commlog, by mail, webhook, SMS and signal.

They are created in the transaction of what happened.
"""

from collections.abc import Sequence
from typing import Any

from django.db.models import Model
from django.dispatch import Signal

from notifications import channels, outbox
from notifications.channels.base.facts import ALERTS
from notifications.channels.email import EmailChannel
from notifications.models import Lane, Message
from notifications.states import MessageType

EVENT = "ALERT"

# Sent with `about` (the row), `before` and `after` (what changed), inside the transaction: the back office
# writes its audit trail.
changed = Signal()


def record(about: Model, *, before: dict[str, object], after: dict[str, object]) -> None:
    """Send the signal of a change that Commlog made by itself."""
    changed.send(sender=type(about), about=about, before=before, after=after)


def tell(subject: str, text: str) -> Message | None:
    """Enqueue an alert mail to ALERT_EMAIL. Returns None if none is set."""
    return send(EmailChannel.type, subject, text)


def send(channel: MessageType, subject: str, text: str) -> Message | None:
    """Enqueue an alert on this channel, as a message on a lane of its own.

    Returns None if the channel is not set up for alerts.
    """
    asked: Any = channels.of(channel).alert(subject, text)
    return outbox.enqueue(outbox.Draft(channel, event=EVENT, **asked)) if asked else None


def ways() -> list[MessageType]:
    """Return the channels that are set up for alerts."""
    return [each.type for each in channels.ALL if each.alert("", "")]


def tell_all(subject: str, text: str, *, avoid: Sequence[Lane] = ()) -> list[Message]:
    """Enqueue the alert on every channel set up for it, except those whose lanes are in `avoid`.

    If all of them are to be avoided, it is enqueued on all, and waits for them.
    """
    bad = {(lane.channel, lane.name) for lane in avoid}
    working = [way for way in ways() if not bad & _lanes_of(way)]
    found = [send(way, subject, text) for way in working or ways()]
    return [each for each in found if each]


def _lanes_of(way: MessageType) -> set[tuple[str, str]]:
    """Return the channel's lane for alerts and the lane of ordinary messages to the same server."""
    asked = channels.of(way).alert("", "") or {}
    own = channels.get(way).lane(asked["destination"])
    return {(way.value, own), (way.value, own.removesuffix(ALERTS))}
