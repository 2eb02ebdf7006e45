"""What whoever runs Commlog is told at once, in the transaction of what happened: by mail, webhook, SMS and
signal.
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
    """Something changed by itself."""
    changed.send(sender=type(about), about=about, before=before, after=after)


def tell(subject: str, text: str) -> Message | None:
    """A mail to ALERT_EMAIL, where one is set."""
    return send(EmailChannel.type, subject, text)


def send(channel: MessageType, subject: str, text: str) -> Message | None:
    """An alert by this channel, where that is set up: a message like all others, on a lane of its own."""
    asked: Any = channels.of(channel).alert(subject, text)
    return outbox.enqueue(outbox.Draft(channel, event=EVENT, **asked)) if asked else None


def ways() -> list[MessageType]:
    """Return the channels by which somebody is told."""
    return [each.type for each in channels.ALL if each.alert("", "")]


def tell_all(subject: str, text: str, *, avoid: Sequence[Lane] = ()) -> list[Message]:
    """Tell by every way that is set up but for those in trouble. Where all are, it waits for them."""
    bad = {(lane.channel, lane.name) for lane in avoid}
    working = [way for way in ways() if not bad & _lanes_of(way)]
    found = [send(way, subject, text) for way in working or ways()]
    return [each for each in found if each]


def _lanes_of(way: MessageType) -> set[tuple[str, str]]:
    """The lane that alerts leave by, and the one that goes to the same server."""
    asked = channels.of(way).alert("", "") or {}
    own = channels.get(way).lane(asked["destination"])
    return {(way.value, own), (way.value, own.removesuffix(ALERTS))}
