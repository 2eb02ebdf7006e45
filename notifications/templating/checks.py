"""Checks of a template before it is saved, by field, for forms and the API."""

import json
import re
from collections.abc import Iterator
from functools import partial

from notifications import channels
from notifications.channels import DeliveryError, Envelope
from notifications.channels.base.blank import is_blank, is_blank_html
from notifications.channels.webhook import CONTENT_TYPES, METHODS, problem, username_problem
from notifications.event_names import BY_HAND, EVENTS
from notifications.faults import Fault, Malformed
from notifications.models import NotificationTemplate
from notifications.models.template import RecipientKind, Target, Trigger
from notifications.secrets.sealed import open_headers
from notifications.states import MessageType
from notifications.templating import catalogue, conditions
from notifications.templating.rendering import names_of, place_of_text, secrets_of
from notifications.templating.spots import PLACEHOLDER, Spot, standings
from notifications.templating.syntax import Place, fill, names_in, secrets_in
from notifications.text.validation import clean, is_one_line

LONGEST_NAME, LONGEST_SUBJECT, LONGEST_BODY = 255, 250, channels.Facts.longest
MOST_CONDITIONS = 20
MOST_DAYS = 365
_HIDING = ("text", "html")  # that can leave values out
_HOST = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_TEXTS = {
    "name": LONGEST_NAME,
    "recipient_role": 64,
    "subject": LONGEST_SUBJECT,
    "text": LONGEST_BODY,
    "html": LONGEST_BODY,
}
_TEXTS |= {"destination": 2048, "auth_username": 500}


class Samples(dict[str, str]):
    """A sample value for every placeholder."""

    def get(self, name: str, default: object = None) -> str:
        return "x"


def problems(template: NotificationTemplate) -> list[Malformed]:
    """Return everything that is wrong with the template."""
    unreadable = list(_unreadable(template))
    if unreadable:
        return unreadable
    checks = (
        _name,
        _occasion,
        _recipient,
        _placeholders,
        _misplaced,
        _secrets,
        _conditions,
        _content,
        _webhook,
        _stream,
    )
    return [each for check in checks for each in check(template)]


def _unreadable(template: NotificationTemplate) -> Iterator[Malformed]:
    """Yield the texts that cannot be stored."""
    for name, most in _TEXTS.items():
        try:
            clean(name, getattr(template, name), most=most)
        except Malformed as error:
            yield error


def _name(template: NotificationTemplate) -> Iterator[Malformed]:
    if not template.name.strip():
        yield Malformed("name", Fault.MISSING)
    elif not is_one_line(template.name):
        yield Malformed("name", Fault.ONE_LINE)
    elif NotificationTemplate.objects.known().filter(name=template.name).exclude(pk=template.pk).exists():
        yield Malformed("name", Fault.NAME_OF_ANOTHER_TEMPLATE)


def _occasion(template: NotificationTemplate) -> Iterator[Malformed]:
    by_hand = template.trigger == Trigger.MANUAL
    if by_hand and not template.for_people:
        yield Malformed("trigger", Fault.NOT_WRITTEN_BY_HAND)
    elif by_hand and template.event:
        yield Malformed("event", Fault.BY_HAND_HAS_NONE)
    elif not by_hand and not template.event:
        yield Malformed("event", Fault.EVENT_MISSING)
    elif not by_hand and template.event not in EVENTS:
        yield Malformed("event", Fault.NO_SUCH_EVENT, name=template.event[:64])
    else:
        fitting = BY_HAND if by_hand else EVENTS[template.event]
        if template.for_people:
            fitting = tuple(each for each in fitting if each in BY_HAND)
        if template.target not in fitting:
            named = tuple(each.label for each in fitting)
            yield (
                Malformed("target", Fault.WRONG_TARGET, fitting=named)
                if named
                else Malformed("target", Fault.NO_TARGET_FITS)
            )
    if not 0 <= template.trigger_days <= MOST_DAYS:
        yield Malformed("trigger_days", Fault.NOT_THE_DAYS_TO_WAIT, most=MOST_DAYS)


def _recipient(template: NotificationTemplate) -> Iterator[Malformed]:
    kind = template.recipient
    if kind == RecipientKind.OWNER:
        return
    if not template.for_people or template.trigger == Trigger.MANUAL:
        yield Malformed("recipient", Fault.GOES_TO_NOBODY_ELSE)
    elif kind == RecipientKind.GROUP_MEMBERS and template.target != Target.GROUP:
        yield Malformed("recipient", Fault.HAS_NO_MEMBERS)
    elif kind == RecipientKind.CREDIT_OFFICER and template.target == Target.USER:
        yield Malformed("recipient", Fault.HAS_NO_CREDIT_OFFICER)


def _placeholders(template: NotificationTemplate) -> Iterator[Malformed]:
    known = partial(catalogue.is_known, by_hand=template.trigger == Trigger.MANUAL)
    for field, names in names_of(template).items():
        unknown = [name for name in names if not known(name)]
        if len(unknown) == 1:
            yield Malformed(field, Fault.UNKNOWN_PLACEHOLDER, name=unknown[0])
        elif unknown:
            yield Malformed(
                field, Fault.UNKNOWN_PLACEHOLDERS, names=tuple(f"{{{name}}}" for name in unknown[:10])
            )


def _misplaced(template: NotificationTemplate) -> Iterator[Malformed]:
    """Yield placeholders whose value would be read as code, or would decide where a link leads."""
    for each in standings(template.html, Place.HTML):
        if each.spot is Spot.CODE:
            yield Malformed("html", Fault.PLACEHOLDER_IN_CODE, name=each.name)
        elif each.spot is Spot.HOST:
            yield Malformed("html", Fault.PLACEHOLDER_IN_HOST_OF_A_LINK, name=each.name)


def _secrets(template: NotificationTemplate) -> Iterator[Malformed]:
    """Yield values marked secret that could be read somewhere anyway."""
    hides = template.for_people and template.trigger != Trigger.MANUAL
    for field in ("subject", "text", "html", "destination"):
        if (found := sorted(secrets_in(getattr(template, field)))) and not (hides and field in _HIDING):
            yield Malformed(field, Fault.SECRET_IN_PLAIN_SIGHT, name=found[0])
    for field, names in names_of(template).items():
        shown = sorted(secrets_of(template).intersection(names) - secrets_in(getattr(template, field)))
        if shown or (shown := sorted(_half_marked(getattr(template, field)))):
            yield Malformed(field, Fault.SECRET_SHOWN_ELSEWHERE, name=shown[0])


def _half_marked(text: str) -> set[str]:
    """Return the names that are marked secret in one place of the text and not in another."""
    found = [(each.group(1), bool(each.group(2))) for each in PLACEHOLDER.finditer(text)]
    return {name for name, secret in found if secret} & {name for name, secret in found if not secret}


def _conditions(template: NotificationTemplate) -> Iterator[Malformed]:
    if template.conditions and template.trigger == Trigger.MANUAL:
        yield Malformed("conditions", Fault.BY_HAND_HAS_NONE)
    if len(template.conditions) > MOST_CONDITIONS:
        yield Malformed(
            "conditions", Fault.TOO_MANY_CONDITIONS, count=len(template.conditions), most=MOST_CONDITIONS
        )
        return
    for one in template.conditions:
        try:
            conditions.parse(one["field"], one["operator"], one["values"])
        except Malformed as error:
            field = catalogue.field_of(error.field)
            yield Malformed(
                "conditions",
                Fault.WRONG_CONDITION,
                name=field.label if field else error.field[:64],
                wrong=error,
            )


def _content(template: NotificationTemplate) -> Iterator[Malformed]:
    channel = channels.of(template.type)
    if "subject" in channel.fields and not template.subject.strip():
        yield Malformed("subject", Fault.MISSING)
    if "subject" not in channel.fields and template.subject:
        yield Malformed("subject", Fault.ONLY_MAILS_HAVE_ONE)
    if not is_one_line(template.subject):
        yield Malformed("subject", Fault.ONE_LINE)
    if template.html and "html" not in channel.fields:
        yield Malformed("html", Fault.ONLY_MAILS_HAVE_HTML)
    if template.html and is_blank_html(template.html):
        yield Malformed("html", Fault.BLANK_HTML)
    if is_blank(template.text) if template.for_people else not template.text.strip():
        yield Malformed("text", Fault.MISSING)
    if len(template.text) > channel.longest:
        yield Malformed("text", Fault.TOO_LONG_TO_SEND, count=len(template.text), most=channel.longest)
    if place_of_text(template) is Place.JSON:
        yield from _json(template.text)


def _json(text: str) -> Iterator[Malformed]:
    try:
        json.loads(fill(text, Samples(), Place.JSON), parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        yield Malformed("text", Fault.FILLED_IN_NO_JSON, said=error.msg, line=error.lineno)
    except (RecursionError, ValueError):
        yield Malformed("text", Fault.FILLED_IN_TOO_DEEP)


def _webhook(template: NotificationTemplate) -> Iterator[Malformed]:
    if "method" not in channels.of(template.type).fields:
        for name in ("method", "headers", "auth_username", "auth_password", "signing_secret"):
            if getattr(template, name):
                yield Malformed(name, Fault.ONLY_WEBHOOKS_HAVE_IT)
        return
    if wrong := username_problem(template.auth_username):
        yield Malformed("auth_username", wrong)
    if template.method not in METHODS:
        yield Malformed("method", Fault.NOT_A_METHOD, allowed=tuple(sorted(METHODS)))
    if template.content_type not in CONTENT_TYPES.values():
        yield Malformed("content_type", Fault.NOT_A_CONTENT_TYPE)
    elif refused := problem(open_headers(template.headers)):
        yield Malformed("headers", Fault.REFUSED_BY_CHANNEL, said=refused)
    else:
        yield from _url(template)


def _url(template: NotificationTemplate) -> Iterator[Malformed]:
    url = template.destination
    host = _HOST.match(url)
    if not url.strip():
        yield Malformed("destination", Fault.URL_MISSING)
    elif '"' in url or "'" in url:
        yield Malformed("destination", Fault.HOLDS_QUOTES)
    elif host and names_in(host.group()):
        yield Malformed("destination", Fault.PLACEHOLDER_IN_HOST)
    else:
        yield from _checked_by_channel(
            template, Envelope(template.key, fill(url, Samples(), Place.URL), method="POST")
        )


def _checked_by_channel(template: NotificationTemplate, envelope: Envelope) -> Iterator[Malformed]:
    try:
        channels.get(MessageType(template.type)).check(envelope)
    except DeliveryError as error:
        yield Malformed("destination", Fault.REFUSED_BY_CHANNEL, said=error.detail)


def _stream(template: NotificationTemplate) -> Iterator[Malformed]:
    fields = channels.of(template.type).fields
    if not template.for_people and "method" not in fields:
        if "content_type" in fields and template.content_type not in CONTENT_TYPES.values():
            yield Malformed("content_type", Fault.NOT_A_CONTENT_TYPE)
        destination = template.destination or channels.of(template.type).usual_destination(template.event)
        yield from _checked_by_channel(template, Envelope(template.key, destination, body="x"))
    elif template.for_people and template.destination:
        yield Malformed("destination", Fault.ONLY_HOOKS_AND_STREAMS_HAVE_ONE)
