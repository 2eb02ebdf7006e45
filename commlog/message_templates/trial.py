"""Trying a template: a preview for a real client, and a test message to oneself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.utils import timezone

from commlog.message import preview, sms_length
from commlog.message.sms_length import Length
from commlog.models import User
from commlog.recipients import people
from notifications import outbox, templating
from notifications.faults import Fault, Malformed
from notifications.models import BusinessEvent, Client, Message, NotificationTemplate
from notifications.models.template import Target
from notifications.outbox import Draft
from notifications.states import MessageType
from notifications.templating import PLACEHOLDERS
from notifications.templating.moving import drop, moved_secrets


@dataclass(frozen=True, slots=True)
class Trial:
    """A filled template."""

    content: Mapping[str, Any]
    filled_with: str  # whose data it is filled with
    told_by: str  # the event whose data it is filled with; "" where each is named in brackets
    empty: Sequence[str]  # the placeholders that came out empty
    document: str  # the HTML version, for a frame without any right
    length: Length | None  # of an SMS


def client_of(text: str) -> Client | None:
    """Return the named client, or the newest if none is named. Raises Malformed."""
    if not text.strip():
        return Client.objects.order_by("-created_at", "-id").first()
    return Client.objects.select_related("credit_officer").get(key=people.resolve("client", text))


def trial(template: NotificationTemplate, client: Client | None, *, by: User) -> Trial:
    """Return the template filled with a client's or example data, and the client's last event of that
    name.
    """
    event = _last_event(template, client)
    values = _values(template, client, event, by)
    content = templating.content_of(template, values)
    content.pop("secrets", None)  # nobody reads them, here neither
    asked = dict.fromkeys(name for names in templating.names_of(template).values() for name in names)
    html = content.get("html", "")
    return Trial(
        content=content,
        filled_with=people.label(client) if client else "",
        told_by=event.key.hex if event else "",
        empty=[f"{{{name}}}" for name in asked if not values.get(name)],
        document=preview.document(html, styled=False) if html else "",
        length=sms_length.measure(content["body"]) if template.channel.in_parts else None,
    )


def send_test(
    template: NotificationTemplate, client: Client | None, *, before: NotificationTemplate, by: User
) -> tuple[Message, list[str]]:
    """Send a test: an e-mail or SMS to the user, a webhook to its URL. Raises Malformed.

    `before`: a copy as loaded. A URL of another server gets none of its secrets; the return value says which
    were omitted.
    """
    moved = moved_secrets(before, template)
    drop(template, moved)
    content = dict(
        templating.content_of(template, _values(template, client, _last_event(template, client), by))
    )
    if template.for_people and not template.channel.address_of(by):
        raise Malformed("test", Fault.ACCOUNT_WITHOUT_ADDRESS, what=template.channel.destination_name)
    stored = template if template.pk else None
    draft = Draft(
        MessageType(template.type),
        **content,
        user=by,
        sender=by,
        event="MANUAL",
        key=uuid4(),
        template=stored,
    )
    left_out = ["the password"] if "auth_password" in moved else []
    return outbox.enqueue(draft), [*left_out, *moved.get("headers", ())]


def _last_event(template: NotificationTemplate, client: Client | None) -> BusinessEvent | None:
    if client is None or not template.event:
        return None
    return (
        BusinessEvent.objects.filter(client=client, name=template.event)
        .order_by("-received_at", "-id")
        .first()
    )


def _values(
    template: NotificationTemplate, client: Client | None, event: BusinessEvent | None, by: User
) -> dict[str, str]:
    """Return our values; for an event that has not occurred, each value's name in brackets."""
    found = (
        {}
        if event
        else {
            each.name: f"[{each.label}]"
            for each in PLACEHOLDERS.values()
            if each.told or each.about == "Event"
        }
    )
    if client is None:
        found |= {name: f"[{each.label}]" for name, each in PLACEHOLDERS.items()}
    group = client.groups.order_by("name").first() if client and template.target == Target.GROUP else None
    about = by if template.target == Target.USER else group or client
    found |= {"EVENT": template.event}
    if event:
        found |= (
            templating.spoken(templating.of_event(event))
            if template.for_people
            else templating.of_event(event)
        )
    found |= {"USER_NAME": by.name} | templating.of_now(timezone.now())
    return found | templating.of_group(group) | templating.of_client(client) | templating.of_recipient(about)
