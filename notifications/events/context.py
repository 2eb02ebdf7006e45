"""The data needed besides events to evaluate templates, loaded for many events at once."""

from collections.abc import Sequence
from datetime import datetime

from notifications.events.matching import Rule, Surroundings
from notifications.models import BusinessEvent, Client, Membership, NotificationTemplate, Subscription
from notifications.models.template import RecipientKind, Trigger
from notifications.templating import conditions
from notifications.templating.values import of_now


def templates_for(events: Sequence[BusinessEvent]) -> list[NotificationTemplate]:
    """Return the automatic templates for these events, inactive ones included."""
    names = {event.name for event in events}
    return list(
        NotificationTemplate.objects.known().filter(trigger=Trigger.AUTOMATIC, event__in=names).order_by("pk")
    )


def surroundings(
    events: Sequence[BusinessEvent], templates: Sequence[NotificationTemplate], now: datetime
) -> Surroundings:
    """Return all that the templates need for the events, with two queries at most."""
    rules: dict[str, list[Rule]] = {}
    for template in templates:
        rules.setdefault(template.event, []).append(Rule(template, conditions.read(template.conditions)))
    return Surroundings(rules, _choices(templates, events), _members(templates, events), now, of_now(now))


def _choices(
    templates: Sequence[NotificationTemplate], events: Sequence[BusinessEvent]
) -> dict[tuple[int, str, int], bool]:
    said = Subscription.objects.filter(template__in=templates) if templates else Subscription.objects.none()
    clients, groups = (
        {pk for event in events if (pk := getattr(event, f"{kind}_id"))} for kind in ("client", "group")
    )
    rows = said.filter(client__in=clients) | said.filter(group__in=groups)
    found = rows.values_list("template_id", "client_id", "group_id", "subscribed")
    return {
        (template, "client" if client else "group", client or group): subscribed
        for template, client, group, subscribed in found
    }


def _members(
    templates: Sequence[NotificationTemplate], events: Sequence[BusinessEvent]
) -> dict[int, list[tuple[str, Client]]]:
    if not any(template.recipient == RecipientKind.GROUP_MEMBERS for template in templates):
        return {}
    found: dict[int, list[tuple[str, Client]]] = {}
    groups = {event.group_id for event in events if event.group_id}
    for membership in Membership.objects.filter(group__in=groups).select_related("client").order_by("pk"):
        found.setdefault(membership.group_id, []).append((membership.role, membership.client))
    return found
