"""What is wrong with a template before it is saved, by the name of the field. Forms and the API ask here."""

import json
import re
from collections.abc import Iterator
from functools import partial

from notifications import channels
from notifications.channels import DeliveryError, Envelope
from notifications.channels.base.blank import is_blank, is_blank_html
from notifications.channels.webhook import CONTENT_TYPES, METHODS, problem, username_problem
from notifications.event_names import BY_HAND, EVENTS
from notifications.models import NotificationTemplate
from notifications.models.template import RecipientKind, Target, Trigger
from notifications.secrets.sealed import open_headers
from notifications.states import MessageType
from notifications.templating import catalogue, conditions
from notifications.templating.filling import names_of, place_of_text
from notifications.templating.spots import Spot, standings
from notifications.templating.syntax import Place, fill, names_in
from notifications.text.gate import Malformed, clean

LONGEST_NAME, LONGEST_SUBJECT, LONGEST_BODY = 255, 250, channels.Facts.longest
MOST_CONDITIONS = 20
MOST_DAYS = 365
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HOST = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_TEXTS = {"name": LONGEST_NAME, "recipient_role": 64, "subject": LONGEST_SUBJECT, "text": LONGEST_BODY, "html": LONGEST_BODY}
_TEXTS |= {"destination": 2048, "auth_username": 500}
Problem = tuple[str, str]  # the field, and what is wrong with it


class Samples(dict[str, str]):
    """A value for every placeholder."""

    def get(self, name: str, default: object = None) -> str:
        """The same for all."""
        return "x"


def problems(template: NotificationTemplate) -> list[Problem]:
    """Everything that is wrong with it."""
    unreadable = list(_unreadable(template))
    if unreadable:
        return unreadable
    checks = (_name, _occasion, _recipient, _placeholders, _misplaced, _conditions, _content, _webhook, _stream)
    return [each for check in checks for each in check(template)]


def _unreadable(template: NotificationTemplate) -> Iterator[Problem]:
    """Texts that cannot be stored."""
    for name, most in _TEXTS.items():
        try:
            clean(name, getattr(template, name), most=most)
        except Malformed as error:
            yield name, error.problem


def _name(template: NotificationTemplate) -> Iterator[Problem]:
    if not template.name.strip():
        yield "name", "is missing"
    elif _CONTROL.search(template.name):
        yield "name", "is one line, without control characters"
    elif NotificationTemplate.objects.known().filter(name=template.name).exclude(pk=template.pk).exists():
        yield "name", "belongs to another template"


def _occasion(template: NotificationTemplate) -> Iterator[Problem]:
    """Trigger, event and target."""
    by_hand = template.trigger == Trigger.MANUAL
    if by_hand and not template.for_people:
        yield "trigger", "only e-mails and SMS are written by hand"
    elif by_hand and template.event:
        yield "event", "a template for messages by hand has none"
    elif not by_hand and template.event not in EVENTS:
        yield "event", f"there is no event {template.event[:64]}" if template.event else "is missing: choose what it waits for"
    else:
        fitting = BY_HAND if by_hand else EVENTS[template.event]
        if template.for_people:
            fitting = tuple(each for each in fitting if each in BY_HAND)
        if template.target not in fitting:
            named = ", ".join(each.label for each in fitting) or "nobody: choose another event"
            yield "target", f"with this event and channel it can be about {named}"
    if not 0 <= template.trigger_days <= MOST_DAYS:
        yield "trigger_days", f"is a number of days from 0 to {MOST_DAYS}"


def _recipient(template: NotificationTemplate) -> Iterator[Problem]:
    kind = template.recipient
    if kind == RecipientKind.OWNER:
        return
    if not template.for_people or template.trigger == Trigger.MANUAL:
        yield "recipient", "only e-mails and SMS of events go to somebody else"
    elif kind == RecipientKind.GROUP_MEMBERS and template.target != Target.GROUP:
        yield "recipient", "only templates about groups go to their members"
    elif kind == RecipientKind.CREDIT_OFFICER and template.target == Target.USER:
        yield "recipient", "users have no credit officer"


def _placeholders(template: NotificationTemplate) -> Iterator[Problem]:
    known = partial(catalogue.is_known, by_hand=template.trigger == Trigger.MANUAL)
    for field, names in names_of(template).items():
        unknown = [f"{{{name}}}" for name in names if not known(name)]
        if unknown:
            yield (
                field,
                f"holds {'placeholders' if len(unknown) > 1 else 'a placeholder'} that cannot be filled in: {', '.join(unknown[:10])}",
            )


def _misplaced(template: NotificationTemplate) -> Iterator[Problem]:
    """Placeholders where a value would be read as a program, or would decide where a link leads."""
    for each in standings(template.html, Place.HTML):
        if each.spot is Spot.CODE:
            yield "html", f"holds {{{each.name}}} in a script, a style or the name of a tag or attribute; no value can stand there"
        elif each.spot is Spot.HOST:
            yield "html", f"holds {{{each.name}}} in the host of a link; placeholders stand after it"


def _conditions(template: NotificationTemplate) -> Iterator[Problem]:
    if template.conditions and template.trigger == Trigger.MANUAL:
        yield "conditions", "a template for messages by hand has none"
    if len(template.conditions) > MOST_CONDITIONS:
        yield "conditions", f"are {len(template.conditions):,}, at most {MOST_CONDITIONS} are allowed"
        return
    for one in template.conditions:
        try:
            conditions.parse(one["field"], one["operator"], one["values"])
        except Malformed as error:
            field = catalogue.field_of(error.field)
            yield "conditions", f"{field.label if field else error.field[:64]}: {error.problem}"


def _content(template: NotificationTemplate) -> Iterator[Problem]:
    channel = channels.of(template.type)
    if "subject" in channel.fields and not template.subject.strip():
        yield "subject", "is missing"
    if "subject" not in channel.fields and template.subject:
        yield "subject", "only e-mails have one"
    if _CONTROL.search(template.subject):
        yield "subject", "is one line, without control characters"
    if template.html and "html" not in channel.fields:
        yield "html", "only e-mails have an HTML version"
    if template.html and is_blank_html(template.html):
        yield "html", "has no text and no image"
    if is_blank(template.text) if template.for_people else not template.text.strip():
        yield "text", "is missing"
    if len(template.text) > channel.longest:
        yield "text", f"has {len(template.text):,} characters, at most {channel.longest:,} can be sent"
    if place_of_text(template) is Place.JSON and (wrong := _not_json(template.text)):
        yield "text", f"is not JSON once it is filled in: {wrong}"


def _not_json(text: str) -> str:
    try:
        json.loads(fill(text, Samples(), Place.JSON), parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        return f"{error.msg} at line {error.lineno}"
    except (RecursionError, ValueError):
        return "it is nested too deeply"
    return ""


def _webhook(template: NotificationTemplate) -> Iterator[Problem]:
    if "method" not in channels.of(template.type).fields:
        for name in ("method", "headers", "auth_username", "auth_password", "signing_secret"):
            if getattr(template, name):
                yield name, "only webhooks have it"
        return
    if wrong := username_problem(template.auth_username):
        yield "auth_username", wrong
    if template.method not in METHODS:
        yield "method", f"is one of {', '.join(sorted(METHODS))}"
    if template.content_type not in CONTENT_TYPES.values():
        yield "content_type", "is plain text, JSON or XML"
    elif wrong := problem(open_headers(template.headers)):
        yield "headers", wrong
    elif wrong := _unusable_url(template):
        yield "destination", wrong


def _unusable_url(template: NotificationTemplate) -> str:
    url = template.destination
    if not url.strip():
        return "is missing: a webhook needs a URL"
    if '"' in url or "'" in url:
        return "holds quotes"
    host = _HOST.match(url)
    if host and names_in(host.group()):
        return "has a placeholder in its host; placeholders stand after it"
    try:
        channels.get(MessageType(template.type)).check(Envelope(template.key, fill(url, Samples(), Place.URL), method="POST"))
    except DeliveryError as error:
        return error.detail
    return ""


def _stream(template: NotificationTemplate) -> Iterator[Problem]:
    fields = channels.of(template.type).fields
    if not template.for_people and "method" not in fields:
        if "content_type" in fields and template.content_type not in CONTENT_TYPES.values():
            yield "content_type", "is plain text, JSON or XML"
        try:
            channels.get(MessageType(template.type)).check(Envelope(template.key, template.destination, body="x"))
        except DeliveryError as error:
            yield "destination", error.detail
    elif template.for_people and template.destination:
        yield "destination", "only webhooks and streams have one"
