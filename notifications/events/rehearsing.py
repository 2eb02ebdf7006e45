"""What a template would have done with events of the past. Nothing is stored."""

from collections.abc import Sequence
from copy import copy
from datetime import datetime

from notifications import outbox
from notifications.drafts import Draft
from notifications.events.firing import plan
from notifications.events.surroundings import surroundings
from notifications.models import BusinessEvent, NotificationTemplate
from notifications.text import Malformed


def rehearse(template: NotificationTemplate, events: Sequence[BusinessEvent], *, now: datetime) -> int:
    """Return how many messages the events would have led to by this template as it stands, had it been active.

    Addresses, subscriptions and conditions are those of now. `events` come with their client, group and user.
    """
    tried = copy(template)
    tried.active = True
    around = surroundings(events, [tried], now)
    return sum(_possible(draft) for event in events for _, draft in plan(event, around).drafts)


def _possible(draft: Draft) -> bool:
    try:
        outbox.check(draft)
    except Malformed:
        return False
    return True
