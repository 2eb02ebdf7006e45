"""Conversion of one event and its templates into drafts, with a trace of each template's result."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from notifications import channels
from notifications.criteria import Criterion
from notifications.drafts import Draft, Staff
from notifications.events.core_references import about_of
from notifications.events.subscribing import is_subscribed
from notifications.events.trace import Entry, Silence, begun
from notifications.models import BusinessEvent, Client, Group, NotificationTemplate
from notifications.models.template import RecipientKind, SubscriptionOption, Target
from notifications.secrets.hidden import WORD
from notifications.states import MessageType
from notifications.templating import conditions, values
from notifications.templating.rendering import Values, content_of, secrets_of

Owner = Client | Group


@dataclass(frozen=True, slots=True)
class Rule:
    """A template with its conditions parsed, ready for many events."""

    template: NotificationTemplate
    conditions: Sequence[Criterion]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The data needed besides the events, loaded once for all of them."""

    rules: Mapping[str, Sequence[Rule]]  # by the event's name
    choices: Mapping[tuple[int, str, int], bool]  # template, client or group, its id -> subscribed
    members: Mapping[int, Sequence[tuple[str, Client]]]  # of a group: role and client
    now: datetime
    today: Values  # what placeholders say of now


@dataclass(slots=True)
class Plan:
    """An event with all that is to be stored with it."""

    event: BusinessEvent
    entries: list[Entry] = field(default_factory=list)
    drafts: list[tuple[Entry, Draft]] = field(default_factory=list)


def plan(event: BusinessEvent, around: Surroundings) -> Plan:
    """Return what the event leads to."""
    made = Plan(event)
    rules = around.rules.get(event.name, ())
    if not rules:
        return made
    machines = _values(event, around.today)
    people = values.spoken(machines)
    secret = frozenset[str]().union(*(secrets_of(rule.template) for rule in rules))
    for rule in rules:
        entry = begun(rule.template)
        made.entries.append(entry)
        if _silent(rule, event, machines, around, entry):
            if secret.intersection(one.field for one in rule.conditions) and entry.details:
                entry.details = ["A condition on a secret value"]
            continue
        own = people if rule.template.for_people else machines
        for draft in _drafts(rule.template, event, own, around, entry, secret):
            made.drafts.append((entry, draft))
            assert draft.key is not None, "every draft of an event has its key, so that the trace can name it"
            entry.messages.append(draft.key.hex)
    # What one template marks secret is not kept with the event either.
    event.data = event.data | dict.fromkeys(secret & event.data.keys(), WORD)
    return made


def _values(event: BusinessEvent, today: Values) -> Values:
    """Return the values of the placeholders. Our own rows take precedence over the event's data."""
    whose = {"USER_NAME": event.user.name if event.user else event.source}
    return (
        values.of_event(event) | today | whose | values.of_group(event.group) | values.of_client(event.client)
    )


def _silent(rule: Rule, event: BusinessEvent, found: Values, around: Surroundings, entry: Entry) -> bool:
    """Return whether the template sends nothing for this event; the entry gets the reason."""
    template = rule.template
    if not template.active:
        entry.fall_silent(Silence.INACTIVE)
    elif template.target in _NAMED and getattr(event, _NAMED[Target(template.target)]) is None:
        entry.fall_silent(Silence.NOBODY_NAMED, f"The event names no {_NAMED[Target(template.target)]}")
    elif failing := conditions.failing(rule.conditions, found, any_of=template.match_any, now=around.now):
        entry.fall_silent(Silence.CONDITION, *failing)
    elif not _subscribed(template, event, around):
        owner = _owner(template, event)
        default = (
            "the template is sent to subscribers only"
            if template.subscription == SubscriptionOption.OPT_IN
            else "unsubscribed"
        )
        entry.fall_silent(Silence.NOT_SUBSCRIBED, f"{owner}: {default}")
    return bool(entry.silence)


_NAMED = {Target.CLIENT: "client", Target.GROUP: "group", Target.USER: "user"}


def _owner(template: NotificationTemplate, event: BusinessEvent) -> Owner | None:
    return event.group if template.target == Target.GROUP else event.client or event.group


def _subscribed(template: NotificationTemplate, event: BusinessEvent, around: Surroundings) -> bool:
    owner = _owner(template, event)
    if owner is None or template.target == Target.USER:
        return True
    chosen = around.choices.get((template.pk, "client" if isinstance(owner, Client) else "group", owner.pk))
    return is_subscribed(template, chosen)


def _drafts(
    template: NotificationTemplate,
    event: BusinessEvent,
    found: Values,
    around: Surroundings,
    entry: Entry,
    secret: frozenset[str],
) -> Iterator[Draft]:
    if not template.for_people:
        yield _draft(template, event, found, event.client or event.group or event.user, secret)
        return
    recipients = _recipients(template, event, around)
    if not recipients:
        entry.fall_silent(Silence.NO_RECIPIENT, _nobody(template, event))
    channel = channels.of(template.type)
    for recipient in recipients:
        if channel.address_of(recipient):
            yield _draft(template, event, found | values.of_recipient(recipient), recipient, secret)
        else:
            entry.fall_silent(
                Silence.NO_ADDRESS, f"{recipient.name} has no {channel.destination_name} on file"
            )


def _recipients(
    template: NotificationTemplate, event: BusinessEvent, around: Surroundings
) -> Sequence[Client | Group | Staff]:
    owner: Client | Group | Staff | None = (
        event.user if template.target == Target.USER else _owner(template, event)
    )
    if template.recipient == RecipientKind.CREDIT_OFFICER:
        officer = owner.credit_officer if isinstance(owner, Client | Group) else None
        return [officer] if officer and officer.is_active else []
    if template.recipient == RecipientKind.GROUP_MEMBERS:
        role = template.recipient_role.casefold()
        members = around.members.get(event.group.pk, ()) if event.group else ()
        return [client for held, client in members if not role or held.casefold() == role]
    return [owner] if owner else []


def _nobody(template: NotificationTemplate, event: BusinessEvent) -> str:
    if template.recipient == RecipientKind.CREDIT_OFFICER:
        return f"{_owner(template, event)} has no credit officer"
    if template.recipient == RecipientKind.GROUP_MEMBERS:
        who = f"member with the role {template.recipient_role}" if template.recipient_role else "member"
        return f"{event.group} has no {who}"
    return "The event names nobody"


def _draft(
    template: NotificationTemplate,
    event: BusinessEvent,
    found: Values,
    recipient: Client | Group | Staff | None,
    secret: frozenset[str],
) -> Draft:
    return Draft(
        MessageType(template.type),
        **content_of(template, found, secret=secret),
        **about_of(event.data),
        client=recipient if isinstance(recipient, Client) else None,
        group=recipient if isinstance(recipient, Group) else None,
        user=None if isinstance(recipient, Client | Group) else recipient,
        event=event.name,
        key=uuid4(),
        template=template,
        business_event=event,
    )
