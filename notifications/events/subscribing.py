"""Subscriptions: a client's or a group's choices, and the default if nothing was chosen."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from notifications.models import Client, Group, NotificationTemplate, Subscription
from notifications.models.template import SubscriptionOption, Target, Templates, Trigger

Owner = Client | Group
_OF_BOTH = (Target.LOANS, Target.SAVINGS, Target.PAYMENT_ORDER)


@dataclass(frozen=True, slots=True)
class Choice:
    """A template that concerns a client or a group, and whether it is subscribed."""

    template: NotificationTemplate
    subscribed: bool
    chosen: bool  # whether somebody said so; else it is the template's rule


def concerning(owner: Owner) -> Templates:
    """Return the automatic templates that can concern the owner."""
    own = Target.CLIENT if isinstance(owner, Client) else Target.GROUP
    return NotificationTemplate.objects.known().filter(trigger=Trigger.AUTOMATIC, target__in=[own, *_OF_BOTH])


def choices(owner: Owner) -> list[Choice]:
    """Return every template that can concern the owner, with its choice, by name."""
    said = dict(Subscription.objects.filter(**_whose(owner)).values_list("template_id", "subscribed"))
    return [
        Choice(template, is_subscribed(template, said.get(template.pk)), template.pk in said)
        for template in concerning(owner).order_by("name")
    ]


def is_subscribed(template: NotificationTemplate, chosen: bool | None) -> bool:
    """Return whether an owner with this choice (None: no choice) is subscribed to the template."""
    return template.subscription == SubscriptionOption.OPT_OUT if chosen is None else chosen


def choose(template: NotificationTemplate, owner: Owner, *, subscribed: bool, by: Any = None) -> bool:
    """Store a choice. Returns whether it differs from what applied before."""
    whose, who = _whose(owner), by if getattr(by, "pk", None) else None
    with transaction.atomic():
        before = (
            Subscription.objects.filter(template=template, **whose)
            .values_list("subscribed", flat=True)
            .first()
        )
        if before is None:
            try:
                with transaction.atomic():
                    Subscription.objects.create(
                        template=template, **whose, subscribed=subscribed, changed_by=who
                    )
            except IntegrityError:  # chosen at the same moment by somebody else: the later one counts
                before = not subscribed
        if before is not None:
            Subscription.objects.filter(template=template, **whose).update(
                subscribed=subscribed, changed_by=who
            )
    return is_subscribed(template, before) != subscribed


def _whose(owner: Owner) -> Mapping[str, Any]:
    return {"client": owner} if isinstance(owner, Client) else {"group": owner}
