"""Numbers and times in words."""

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Protocol
from unicodedata import category

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.template import RequestContext
from django.utils import timezone
from django.utils.safestring import SafeString

from commlog import permissions
from commlog.kit.markup import format_html
from commlog.kit.sentences import NEEDS_CONTENT
from commlog.log.content_conditions import asks_content
from commlog.models import Job
from notifications import channels
from notifications.models import LegalHold, Message, NotificationTemplate
from notifications.secrets.urls import shorten_all, shortened
from notifications.states import DESCRIPTIONS, MessageState, MessageType
from notifications.text.days import MONTHS, written

register = template.Library()
_BREAKS = "\n\r\t"


def why_failed(message: Message) -> str:
    """Return a failed state's meaning and reason. Other states' meanings are in the stylesheet."""
    return (
        f"{message.state}: {DESCRIPTIONS[MessageState.FAILED]} "
        f"{message.get_failure_reason_display()} ({message.failure_reason})."
    )


# `date` takes several times as long, and so does an included template: a page of the log writes a hundred
# moments.
@register.simple_tag
def moment(at: datetime, days_only: bool = False) -> SafeString:
    """Return a time in the organisation's zone, with the exact instant as tooltip. `days_only`: without
    time.
    """
    local = timezone.localtime(at)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        machine(local),
        exact(local),
        day(local) if days_only else minute(local),
    )


class Clock(Protocol):
    """A log's settings for times: when it was rendered, and whether only days are shown."""

    @property
    def now(self) -> datetime: ...
    @property
    def days_only(self) -> bool: ...


def brief(at: datetime, log: Clock) -> SafeString:
    """Return a cell with a short time: `11:02` today, else `26 Nov 14:57`, or only the date of another year.

    Screen readers and print get all of it, the tooltip the exact instant.
    """
    local, today = at.astimezone(timezone.get_default_timezone()), _day_of(log.now)
    days = f"{local.day} {MONTHS[local.month]}"
    time = "" if log.days_only else f" {local.hour:02}:{local.minute:02}"
    if local.year != today.year:
        pattern = ' title="{}">{} {}<i>{}</i>' if time else ' title="{}">{} {}{}'
    elif local.date() == today and time:
        pattern = ' title="{}"><i>{} {}</i>{}'
    else:
        pattern = ' title="{}">{}<i> {}</i>{}'
    return format_html(pattern, exact(local), days, local.year, time)


@lru_cache(maxsize=16)
def _day_of(at: datetime) -> date:
    return timezone.localtime(at).date()


@register.filter(expects_localtime=True)
def minute(at: datetime) -> str:
    """Return a time for people: `24 Nov 2026 09:14`."""
    return f"{written(at)} {at:%H:%M}"


@register.filter(expects_localtime=True)
def day(at: datetime) -> str:
    """Return the day of a time: `24 Nov 2026`."""
    return written(at)


@register.filter(expects_localtime=True)
def lately(at: datetime) -> str:
    """Return a short time: `11:02` if it was today, else `24 Nov`."""
    return f"{at:%H:%M}" if at.date() == timezone.localdate() else f"{at.day} {at:%b}"


@register.filter(expects_localtime=True)
def exact(at: datetime) -> str:
    """Return the exact instant with zone: `24 Nov 2026 09:14:02.113000 CET (UTC+0100)`."""
    said = at.isoformat(timespec="microseconds")
    return f"{written(at)} {said[11:26]} {at.tzname()} (UTC{said[26:].replace(':', '')})"


@register.filter(expects_localtime=True)
def machine(at: datetime) -> str:
    """Return the instant for programs: ISO 8601 with an offset."""
    return at.isoformat()


@register.filter
def next_try(message: Message, now: datetime) -> str:
    """Return what a message waits for if nothing holds it back: `retry 4 of 5 in 14 s`."""
    if message.state != MessageState.WAITING or message.due_at is None:
        return ""
    if message.awaits_decision:
        return "waiting for a decision: it may have been sent before the database was restored"
    policy = settings.RETRY_POLICIES.get(MessageType(message.type))
    retries = policy.retries if policy else 0
    of = f" of {retries}" if retries else ""
    which = f"retry {message.failures}{of}" if message.failures else "next try"
    left = (message.due_at - now).total_seconds()
    return f"{which} in {span(timedelta(seconds=round(left)))}" if left >= 1 else f"{which} now"


@register.simple_tag
def left(message: Message, now: datetime) -> SafeString:
    """Return the attribute with which a page counts down `next_try`: the seconds left."""
    seconds = (
        round((message.due_at - now).total_seconds())
        if message.due_at and next_try(message, now).endswith(" s")
        else 0
    )
    return format_html(' data-seconds="{}"', seconds) if seconds > 0 else SafeString("")


@register.filter
def receipt(message: Message) -> str:
    """Return the provider's report: `delivered, receipt 24 Nov 2026 10:02`, `no receipt`, … or nothing."""
    if message.receipt_status and message.receipt_at:
        return (
            f"{message.get_receipt_status_display()}, receipt "
            f"{minute(timezone.localtime(message.receipt_at))}"
        )
    if message.has_no_receipt:
        return "no receipt"
    waits = message.state == MessageState.SENDING_ASYNC and message.receipt_due_at is not None
    return "waiting for its receipt" if waits else ""


def standing(message: Message, now: datetime, held: str) -> str:
    """Return the line under the state: the provider's report, or what the message waits for.

    `held`: what holds it back, if anything does.
    """
    awaited = message.state == MessageState.SENDING_ASYNC or message.has_no_receipt
    contradicts = message.was_lost or (message.state == MessageState.FAILED and message.arrived)
    return receipt(message) if awaited or contradicts else held or next_try(message, now)


@register.filter
def span(length: timedelta) -> str:
    """Return a duration: `84 ms`, `2.4 s`, `18 s`, `1 min 4 s`, `3 h 20 min`, `12 days`."""
    seconds = max(0.0, length.total_seconds())
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    whole = round(seconds)
    for size, unit, smaller, small_unit in (
        (86_400, "d", 3_600, "h"),
        (3_600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {unit} {rest} {small_unit}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"


@register.filter
def roughly(length: timedelta) -> str:
    """Return an estimated duration: `less than a minute`, `about 3 minutes`, `about 2 hours`."""
    minutes = round(length / timedelta(minutes=1))
    if minutes < 1:
        return "less than a minute"
    number, unit = (minutes, "minute") if minutes < 100 else (round(minutes / 60), "hour")
    return f"about {number:,} {unit}{'' if number == 1 else 's'}"


@register.filter
def pause(length: timedelta | None) -> str:
    """Return the time between two attempts: `immediately`, or `after 2 s`."""
    if length is None:
        return ""
    return "immediately" if length < timedelta(seconds=0.5) else f"after {span(length)}"


@register.filter
def bare(text: str) -> str:
    """Return the text with invisible and control characters written out: `⟨U+202E⟩`."""
    return "".join(
        f"⟨U+{ord(letter):04X}⟩" if letter not in _BREAKS and category(letter) in ("Cc", "Cf") else letter
        for letter in text
    )


@register.simple_tag(takes_context=True)
def destination(context: RequestContext, of: Message | NotificationTemplate) -> str:
    """Return the destination of a message or template; of a webhook only what the reader may see."""
    if isinstance(of, Message) and (of.masked or not sees_urls_whole(context["request"])):
        return of.shown_destination
    if not channels.of(of.type).secret_destination or sees_urls_whole(context["request"]):
        return of.destination
    return shortened(of.destination)


@register.simple_tag(takes_context=True)
def detail(context: RequestContext, of: Message, said: str) -> str:
    """Return what a server said about the message; of its URL only what the reader may see."""
    return said if sees_urls_whole(context["request"]) and not of.masked else of.shown_detail(said)


@register.simple_tag(takes_context=True)
def conditions(context: RequestContext, of: Job | LegalHold) -> str:
    """Return a job's or legal hold's conditions, unless they reveal content that the reader may not see."""
    if asks_content(of.pairs or ()) and not permissions.may_read_content(context["request"].user):
        return f"by what messages say; reading that {NEEDS_CONTENT}"
    return of.words


@register.simple_tag(takes_context=True)
def recorded(context: RequestContext, text: str) -> str:
    """Return a text of the audit trail; of URLs in it only what the reader may see."""
    return text if sees_urls_whole(context["request"]) else shorten_all(text)


def sees_urls_whole(request: HttpRequest) -> bool:
    """Return whether the reader sees secret URLs; evaluated once per page, which may have two hundred."""
    if not hasattr(request, "reads_secret_urls"):
        request.reads_secret_urls = permissions.may_read_secret_urls(request.user)  # type: ignore[attr-defined]
    return bool(request.reads_secret_urls)  # type: ignore[attr-defined]


@register.simple_tag
def now_zone() -> str:
    """Return the organisation's time zone, for scripts."""
    return str(settings.ORGANISATION_TIME_ZONE)


@register.filter
def called(channel: str, number: int) -> str:
    """Return the label of a channel's messages by number: `E-mails`."""
    facts = channels.of(channel)
    return facts.label() if number == 1 else facts.label() + facts.many


@register.filter
def figure(number: int) -> str:
    """Return a number for people: `1,048,576`."""
    return f"{number:,}"
