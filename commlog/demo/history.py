"""The demo's past: messages that really went through outbox, cluster and stand-ins, each with the moment at which it is to have been.

Four kinds of failure cannot be had that way, because what causes them does not exist yet or takes very long: a few rows of them
are made directly, in `unobtainable`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from commlog.demo import bank, timeline
from commlog.demo.stories import Stories
from notifications import events, outbox
from notifications.content import as_columns
from notifications.events import Happening
from notifications.failures import Reason
from notifications.models import Attempt, BusinessEvent, Lane, Message
from notifications.outbox import Draft, NotResendable
from notifications.states import MessageState, MessageType, Outcome

Planned = tuple[datetime, Draft | Happening]
Past = dict[int, datetime]  # a message's primary key, and when it is to have been created

BANKING = "Core banking"
_AT_ONCE = 250  # messages a transaction
_EMAIL, _SMS, _HOOK = MessageType.EMAIL, MessageType.SMS, MessageType.WEB_HOOK
_POISON = "3 senders in a row were lost before they could send this message."
_UNOBTAINABLE = (
    (_HOOK, Reason.WEBHOOK_NOTIFICATIONS_DISABLED, "Webhooks were switched off by an administrator."),
    (_HOOK, Reason.WEBHOOK_NOTIFICATIONS_DISABLED, "Webhooks were switched off by an administrator."),
    (_EMAIL, Reason.MISSING_TEMPLATE_KEY, "The template was deleted while this message was being made."),
    (_SMS, Reason.MISSING_TEMPLATE_KEY, "The template was deleted while this message was being made."),
    (_EMAIL, Reason.OTHER, _POISON),
)


def ordinary(stories: Stories, count: int, *, now: datetime) -> list[Planned]:
    """Everyday messages of the last weeks, and one of each that cannot be sent as it stands."""
    odd = _oddities(stories, now)
    moments = timeline.moments(max(0, count - len(odd)), now=now, rng=stories.rng)
    everyday: list[Planned] = [(when, bank.told(stories.any(when), when, stories.rng)) for when in moments]
    return sorted(everyday + odd, key=lambda each: each[0])


def locked_out(stories: Stories, count: int, *, now: datetime) -> list[Planned]:
    """A bad morning: sent while mail server and SMS gateway did not know our password any more and webhooks met an outage."""
    begin = timeline.weekday_before(now, 9)
    moments = sorted(begin + timedelta(seconds=stories.rng.uniform(0, 3000)) for _ in range(count))
    drafts = [(when, stories.over((_EMAIL, _SMS, _HOOK)[number % 3], when, steady=True)) for number, when in enumerate(moments)]
    return [(when, bank.told(draft, when, stories.rng)) for when, draft in drafts]


def before_the_set_up(stories: Stories, *, now: datetime) -> list[tuple[datetime, dict[str, Any]]]:
    """The first hour: lines for the command `enqueue`, to be run where no provider is set up yet."""
    begin = timeline.weekday_before(now, timeline.WEEKS * 7 - 2)
    lines = []
    for number, channel in enumerate((_EMAIL, _SMS, _HOOK) * 2):
        when = begin + timedelta(minutes=7 * number + stories.rng.random())
        draft = stories.over(channel, when, steady=True)
        assert draft.client or draft.group
        recipient = {"clientId": draft.client.client_id} if draft.client else {"groupId": draft.group.group_id}  # type: ignore[union-attr]
        line = {"type": channel.value, "body": draft.body, "event": draft.event} | recipient
        optional = {"subject": draft.subject, "destination": draft.destination, "contentType": draft.content_type}
        lines.append((when, line | {name: value for name, value in optional.items() if value}))
    return lines


def store(planned: Sequence[Planned]) -> Past:
    """Put them into the outbox, the oldest first."""
    past: Past = {}
    for start in range(0, len(planned), _AT_ONCE):
        part = planned[start : start + _AT_ONCE]
        drafts = [(when, each) for when, each in part if isinstance(each, Draft)]
        messages = outbox.enqueue_many(draft for _, draft in drafts)
        past |= {message.pk: when for message, (when, _) in zip(messages, drafts, strict=True)}
        past |= _told([(when, each) for when, each in part if isinstance(each, Happening)])
    return past


def _told(happenings: Sequence[tuple[datetime, Happening]]) -> Past:
    """Tell of them all; the events are dated back at once, their messages later."""
    raised = events.raise_many([each for _, each in happenings], source=BANKING)
    rows = [each.event for each in raised]
    for row, (when, _) in zip(rows, happenings, strict=True):
        row.received_at = when
    BusinessEvent.objects.bulk_update(rows, ["received_at"])
    moments = {key: when for each, (when, _) in zip(raised, happenings, strict=True) for key in each.messages}
    return {pk: moments[key] for pk, key in Message.objects.filter(key__in=moments).values_list("pk", "key")}


def resend(past: Past, failed: Iterable[Message], stories: Stories, *, percent: int, now: datetime, again: bool = False) -> Past:
    """Have members of staff resend some of the `failed` messages of the `past`. Returns the new rows."""
    new: Past = {}
    for message in failed:
        if message.pk not in past or past[message.pk] > now - timeline.RECENT or stories.rng.randrange(100) >= percent:
            continue
        when = timeline.later(past[message.pk], now=now, rng=stories.rng)
        try:
            resent = outbox.resend(message, by=stories.rng.choice(stories.cast.officers()), again=again)
        except NotResendable:
            continue
        if resent.created:
            new[resent.message.pk] = when
    return new


def unobtainable(stories: Stories, *, now: datetime) -> Past:
    """Rows with the reasons that the demo cannot bring about, written without the outbox."""
    past: Past = {}
    begin = timeline.weekday_before(now, 16)
    for number, (channel, reason, cause) in enumerate(_UNOBTAINABLE):
        when = begin + timedelta(minutes=11 * number)
        draft = stories.over(channel, when, steady=True)
        with transaction.atomic():
            message = _failed(draft, reason, cause, when)
            if reason is Reason.OTHER:
                _abandoned_three_times(message)
        past[message.pk] = when
    return past


def _failed(draft: Draft, reason: Reason, cause: str, when: datetime) -> Message:
    recipient, envelope = draft.client or draft.group, outbox.check(draft).envelope
    return Message.objects.create(
        type=draft.type,
        state=MessageState.FAILED,
        lane=Lane.objects.get_or_create(channel=draft.type, name="demo")[0],
        destination=envelope.destination,
        **as_columns(envelope),
        sender=settings.SYSTEM_SENDER_NAME,
        recipient_name=recipient.name if recipient else "",
        client=draft.client,
        group=draft.group,
        created_at=when,
        failure_reason=reason,
        failure_cause=cause,
        outcome=Outcome.REFUSED if reason is Reason.OTHER else "",
    )


def _abandoned_three_times(message: Message) -> None:
    for number in (1, 2, 3):
        moment = message.created_at + timedelta(seconds=25 * number)
        Attempt.objects.create(
            message=message, number=number, token=number, worker=f"bellhop:{4100 + number}", due_at=moment, opened_at=moment,
            finished_at=moment + timedelta(seconds=21), outcome=Outcome.ABANDONED, detail="The sender was lost before anything was sent.",
        )  # fmt: skip
    Message.objects.filter(pk=message.pk).update(attempt_count=3, abandons=3, token=3)


def _oddities(stories: Stories, now: datetime) -> list[Planned]:
    """One of each that is refused before anything is sent."""
    client, rng = stories.cast.steady[0], stories.rng
    day = timeline.weekday_before(now, 4)
    long_text = "Dear customer, our terms change on the first of the month. " * 30
    wrong_json = '{"event": "LOAN_REPAYMENT", "amount": {"value": "120.00", "currency": "EUR"}'
    large = '{"event": "CLIENT_ACTIVITY", "scan": "' + "QUJD" * 270_000 + '"}'
    card = "Dear customer, your new card is on its way."
    drafts = [
        Draft(_SMS, body=long_text, client=client, event="MANUAL", sender=stories.cast.officers()[-1]),
        stories.hook_to("ledger/postings", day, body=wrong_json),
        stories.hook_to("archive/scans", day, body=large),
        stories.hook_to("https://10.20.0.15/core/hooks", day),
        stories.hook_to("ftp://files.example.org/in", day),
        Draft(_EMAIL, subject="Your statement\x07", body="Dear customer, your statement is ready.", client=client, event="CLIENT_ACTIVITY"),
    ]
    for troubled in stories.cast.troubled:
        if "@" not in troubled.email or not troubled.mobile_phone.startswith("+"):
            drafts.append(Draft(_EMAIL, subject="Your new card", body=card, client=troubled, event="CLIENT_ACTIVITY"))
            drafts.append(Draft(_SMS, body=card, client=troubled, event="CLIENT_ACTIVITY"))
    return [(day + timedelta(minutes=13 * number, seconds=rng.randrange(60)), draft) for number, draft in enumerate(drafts)]
