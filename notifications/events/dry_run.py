"""A trial of a template against past events. Nothing is stored."""

from collections.abc import Sequence
from copy import copy
from datetime import datetime

from notifications import outbox
from notifications.drafts import Draft
from notifications.events.context import surroundings
from notifications.events.matching import plan
from notifications.faults import Malformed
from notifications.models import BusinessEvent, NotificationTemplate

_AT_ONCE = 20  # events whose groups' members are in memory together


def rehearse(
    template: NotificationTemplate, events: Sequence[BusinessEvent], *, now: datetime, most: int
) -> tuple[int, int]:
    """Return how many events were tried, and how many messages they would have led to with this template.

    The template is treated as active. Addresses, subscriptions and conditions are the present ones. `events`
    come with their client, group and user loaded, and are tried in order until there are `most` messages or
    more: one event of a group may lead to messages for thousands of members.
    """
    tried, messages = copy(template), 0
    tried.active = True
    for start in range(0, len(events), _AT_ONCE):
        some = events[start : start + _AT_ONCE]
        around = surroundings(some, [tried], now)
        for number, event in enumerate(some, start=start + 1):
            messages += sum(_possible(draft) for _, draft in plan(event, around).drafts)
            if messages >= most:
                return number, messages
    return len(events), messages


def _possible(draft: Draft) -> bool:
    try:
        outbox.check(draft)
    except Malformed:
        return False
    return True
