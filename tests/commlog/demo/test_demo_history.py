"""A small past, sent through the real pipeline in this process, and dated back."""

import time
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from django.utils import timezone

from commlog.demo import bank, dating, history, people, timeline
from commlog.demo.history import Past
from commlog.demo.standins import StandIns
from commlog.demo.stories import Stories
from notifications.failures import Reason
from notifications.models import Attempt, Lane, LaneTally, Message, StreamEvent
from notifications.retry import RetryPolicy
from notifications.states import MessageState, MessageType, Outcome
from notifications.tasks import drain
from tests.factories import make_lane

NOW = datetime(2026, 3, 12, 16, 20)  # a Thursday


def now() -> datetime:
    return timezone.make_aware(NOW)


@pytest.fixture
def stories(transactional_db: Any, providers: StandIns, quick_retries: RetryPolicy) -> Stories:
    rng = Random(11)
    cast = people.make_cast(since=now() - timedelta(weeks=5), rng=rng)
    told = Stories(cast, providers.webhook_url("").rstrip("/"), rng)
    bank.make_templates(told.receiver)
    return told


def send_all() -> None:
    until = time.monotonic() + 60
    while Message.objects.live().exists():
        assert time.monotonic() < until
        for channel in MessageType:
            drain(channel)


@pytest.fixture
def past(stories: Stories) -> Past:
    """Sent, some of the failed resent, and dated back."""
    made = history.unobtainable(stories, now=now())
    made |= history.store(history.ordinary(stories, 70, now=now()))
    send_all()
    made |= history.resend(made, list(Message.objects.failed().order_by("pk")), stories, percent=60, now=now())
    send_all()
    dating.date_back(made, rng=stories.rng)
    return made


def test_everything_is_final_and_in_the_past(past: Past) -> None:
    messages = list(Message.objects.all())

    assert {message.pk for message in messages} == past.keys()
    assert {message.state for message in messages} == {MessageState.SENT, MessageState.FAILED}
    assert all(message.created_at == past[message.pk] for message in messages)
    first_day = (now() - timedelta(weeks=5)).replace(hour=0, minute=0)
    assert all(first_day <= message.created_at < now() for message in messages)
    assert all(message.created_at < message.sent_at < now() for message in messages if message.sent_at)


def test_what_cannot_be_sent_has_its_reason(past: Past) -> None:
    reasons = set(Message.objects.failed().values_list("failure_reason", flat=True))

    assert reasons >= {
        Reason.SMS_TOO_LONG, Reason.INVALID_JSON_BODY_SYNTAX, Reason.MAX_MESSAGE_SIZE_LIMIT_EXCEEDED, Reason.BLACKLISTED_URL,
        Reason.INVALID_HTTP_PROTOCOL, Reason.UNSUPPORTED_ENCODING_EXCEPTION, Reason.MISSING_EMAIL_RECIPIENT_ADDRESS,
        Reason.MISSING_SMS_RECIPIENT, Reason.UNDEFINED_DESTINATION, Reason.WEBHOOK_NOTIFICATIONS_DISABLED, Reason.MISSING_TEMPLATE_KEY,
        Reason.OTHER,
    }  # fmt: skip


def test_resends_come_after_what_they_resend(past: Past) -> None:
    resent = list(Message.objects.exclude(resend_of=None).select_related("resend_of"))

    assert len(resent) > 5
    assert all(message.created_at > message.resend_of.created_at + timedelta(minutes=2) for message in resent if message.resend_of)


def test_the_stream_is_dated_like_its_messages(past: Past) -> None:
    sent = dict(Message.objects.filter(type=MessageType.EVENT_STREAM).values_list("key", "sent_at"))

    assert dict(StreamEvent.objects.values_list("key", "appended_at")) == sent
    assert sent != {}


def test_retries_get_the_pauses_of_the_real_policy(stories: Stories) -> None:
    made = history.store([(now() - timedelta(days=3), stories.troubled(now()))])
    send_all()

    dating.date_back(made, rng=stories.rng)

    attempts = list(Attempt.objects.order_by("number"))
    gaps = [(after.due_at - before.finished_at).total_seconds() for before, after in pairwise(attempts) if before.finished_at]
    assert gaps == [0.0, 2.0, 6.0, 18.0, 54.0]
    for attempt in attempts:
        assert attempt.outcome == Outcome.REFUSED
        assert attempt.permitted_at
        assert attempt.started_at
        assert attempt.finished_at
        assert attempt.due_at < attempt.opened_at < attempt.permitted_at < attempt.started_at < attempt.finished_at


def test_the_first_hour_is_written_for_the_command_that_stores_it(stories: Stories) -> None:
    lines = history.before_the_set_up(stories, now=now())

    assert [line["type"] for _, line in lines] == ["EMAIL", "SMS", "WEB_HOOK"] * 2
    assert all(("clientId" in line) != ("groupId" in line) and line["body"] for _, line in lines)


def test_moments_are_in_order_and_over_before_now() -> None:
    found = timeline.moments(500, now=now(), rng=Random(3))

    assert found == sorted(found)
    assert now() - timedelta(weeks=5, days=1) < found[0]
    assert found[-1] < now() - timedelta(minutes=3)
    weekend = sum(moment.weekday() >= 5 for moment in found)
    assert weekend < 100


@pytest.mark.django_db
def test_how_the_lanes_did_while_it_was_made_is_forgotten() -> None:
    lane = make_lane(MessageType.WEB_HOOK, "hooks.example.org:443")
    LaneTally.objects.create(lane=lane, minute=1, worker="w", delivered=0, failed=12)
    Lane.objects.update(failing_since=timezone.now(), failing_with="no connection")
    dating.date_back({}, rng=Random(1))
    assert not LaneTally.objects.exists()
    assert Lane.objects.get().failing_since is None
