"""The demo's past: believable, over, and held together."""

from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest
from django.utils import timezone

from commlog.demo import bank, generator
from commlog.models import User
from notifications.failures import Reason
from notifications.models import Attempt, BusinessEvent, Client, Message, NotificationTemplate
from notifications.states import MessageState, Outcome

SCRIPTS = ("AZ", "АЯ", "ΑΩ", "את", "ءي", "一鿿", "가힣", "ぁヿ")


pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("demo's past")]


@pytest.fixture(scope="module")
def past(shared: None) -> None:
    bank.make_past(2_500, "http://127.0.0.1:8099")


def test_everything_is_final_and_in_the_past(past: None) -> None:
    messages = list(Message.objects.all())
    now = timezone.localtime()

    assert len(messages) == 2_500
    assert {message.state for message in messages} == {MessageState.SENT, MessageState.FAILED}
    first_day = (now - timedelta(weeks=5)).replace(hour=0, minute=0)
    assert all(first_day <= message.created_at < now for message in messages)
    assert all(message.created_at < message.sent_at < now for message in messages if message.sent_at)


def test_there_is_a_failure_of_each_kind(past: None) -> None:
    assert set(Message.objects.failed().values_list("failure_reason", flat=True)) == set(Reason)
    assert set(Attempt.objects.values_list("outcome", flat=True)) == set(Outcome)


def test_what_failed_after_a_try_says_when(past: None) -> None:
    tried = Message.objects.filter(state=MessageState.FAILED, attempt_count__gt=0)
    assert tried.exists()
    assert [each for each in tried if each.failed_at != each.attempts.latest("number").finished_at] == []
    assert not Message.objects.exclude(pk__in=tried).exclude(failed_at=None).exists()


def test_resends_come_after_what_they_resend(past: None) -> None:
    resent = list(Message.objects.exclude(resend_of=None).select_related("resend_of"))

    assert len(resent) > 5
    assert all(
        message.created_at > message.resend_of.created_at + timedelta(minutes=2)
        for message in resent
        if message.resend_of
    )


def test_retries_get_the_pauses_of_the_real_policy(past: None) -> None:
    message = Message.objects.filter(client__email__contains="@busy.", attempt_count=6).first()
    assert message
    attempts = list(message.attempts.order_by("number"))
    gaps = [
        (after.due_at - before.finished_at).total_seconds()
        for before, after in pairwise(attempts)
        if before.finished_at
    ]
    assert gaps == [0.0, 2.0, 6.0, 18.0, 54.0]
    for attempt in attempts:
        assert attempt.outcome == Outcome.REFUSED
        assert attempt.permitted_at
        assert attempt.started_at
        assert attempt.finished_at
        assert (
            attempt.due_at
            < attempt.opened_at
            < attempt.permitted_at
            <= attempt.started_at
            < attempt.finished_at
        )


def test_automatic_messages_came_of_an_event_and_a_template(past: None) -> None:
    event = BusinessEvent.objects.filter(message_count=1, name="LOAN_REPAYMENT", client__isnull=False).latest(
        "pk"
    )
    message = event.messages.get()
    assert message.template
    assert event.trace == [
        [message.template.key.hex, message.template.name, message.type, "", [], [message.key.hex]]
    ]
    assert (event.client, event.received_at, event.source) == (
        message.client,
        message.created_at,
        "Core banking",
    )
    assert Message.objects.exclude(html="").exists()
    by_hand = Message.objects.filter(event="MANUAL").exclude(sender_user=None)
    assert set(by_hand.values_list("template__trigger", flat=True)) >= {"MANUAL"}


def test_it_has_people_in_several_scripts_and_three_who_can_sign_in(past: None) -> None:
    names = "".join(Client.objects.values_list("last_name", flat=True))
    assert sum(any(first <= letter <= last for letter in names) for first, last in SCRIPTS) >= 4
    assert {user.username for user in User.objects.all() if user.has_usable_password()} == {
        "admin",
        "officer",
        "viewer",
    }
    # docs/how-it-works.md and docs/api.md name this one
    assert Client.objects.get(client_id="000204037").email
    assert NotificationTemplate.objects.filter(active=False).count() == 1


def test_moments_are_in_order_and_over_before_now() -> None:
    now = timezone.localtime()
    found = generator.spread(500, 35, now=now, rng=Random(3))

    assert found == sorted(found)
    assert now - timedelta(weeks=5, days=1) < found[0]
    assert found[-1] < now - timedelta(minutes=3)
    weekend = sum(moment.weekday() >= 5 for moment in found)
    assert weekend < 100
