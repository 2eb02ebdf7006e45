"""generate_messages: a log at size that looks as if it had been sent, holds together, and of which nothing is ever sent."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count, F, Max, Q
from django.test import override_settings
from django.utils import timezone

from notifications.models import Attempt, Client, Message
from notifications.states import MessageState, MessageType, Outcome

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _development(settings: Any) -> None:
    settings.DEBUG = True  # pytest-django runs tests as production does


def generate(count: int, **options: Any) -> str:
    out = io.StringIO()
    call_command("generate_messages", str(count), stdout=out, **options)
    return out.getvalue()


def test_a_log_that_holds_together() -> None:
    said = generate(6_000, days=30)
    assert said.startswith("Writing 6,000 invented messages")
    messages = Message.objects.all()
    assert messages.count() == 6_000
    assert set(messages.values_list("type", flat=True)) == set(MessageType)
    states = dict(messages.values_list("state").annotate(Count("pk")))
    assert set(states) == {MessageState.SENT, MessageState.FAILED, MessageState.WAITING}
    assert 5_500 < states[MessageState.SENT] < 5_950
    # Time goes with the ids, within the days that were asked for.
    created = list(messages.order_by("pk").values_list("created_at", flat=True))
    assert created == sorted(created)
    assert timezone.now() - timedelta(days=31) < created[0] < created[-1] < timezone.now()
    # Each message's attempts say the same as the message.
    counted = messages.annotate(tries=Count("attempts"), ended=Max("attempts__finished_at"))
    assert not counted.exclude(tries=F("attempt_count")).exists()
    assert not counted.filter(state=MessageState.SENT).exclude(sent_at=F("ended")).exists()
    assert not messages.filter(state=MessageState.SENT).exclude(attempts__outcome=Outcome.ACCEPTED).exists()
    assert not Attempt.objects.filter(outcome="").exists()
    # Recipients and senders of every kind, and resends that point at what failed before.
    for name in ("client", "group", "user", "sender_user"):
        assert messages.filter(**{f"{name}__isnull": False}).exists(), name
    resends = messages.filter(resend_of__isnull=False)
    assert resends.count() > 40
    assert not resends.exclude(resend_of__state=MessageState.FAILED, resend_of__created_at__lt=F("created_at")).exists()
    assert not resends.exclude(Q(content=F("resend_of__content")) & Q(destination=F("resend_of__destination"))).exists()
    assert not resends.exclude(Q(first=F("resend_of__first")) | Q(first=F("resend_of"), resend_of__first=None)).exists()


def test_nothing_is_ever_due() -> None:
    generate(5_000)
    waiting = Message.objects.filter(due_at__isnull=False)
    assert 1 <= waiting.count() <= 5
    assert not waiting.filter(due_at__lt=timezone.now() + timedelta(days=365 * 90)).exists()
    assert not Message.objects.filter(lease_until__isnull=False).exists()


def test_a_second_call_goes_on_with_the_same_people() -> None:
    generate(60)
    people = Client.objects.count()
    generate(60)
    assert Message.objects.count() == 120
    assert Client.objects.count() == people == 50


def test_in_production_it_says_what_it_would_do_and_refuses() -> None:
    with override_settings(DEBUG=False):
        with pytest.raises(CommandError, match=r"It would write 60 invented messages.*Insist with --yes"):
            generate(60)
        assert Message.objects.count() == 0
        generate(60, yes=True)
    assert Message.objects.count() == 60


@pytest.mark.parametrize(
    ("count", "days", "problem"),
    [(0, 90, "N must be from 1"), (-5, 90, "N must be"), (10**9, 90, "N must be"), (5, 0, "--days must be"), (5, 10**9, "--days must be")],
)
def test_numbers_that_make_no_sense_are_refused(count: int, days: int, problem: str) -> None:
    with override_settings(DEBUG=True), pytest.raises(CommandError, match=problem):
        call_command("generate_messages", "--days", str(days), "--", str(count))
