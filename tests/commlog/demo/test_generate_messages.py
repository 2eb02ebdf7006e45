"""generate_messages: a log at size that looks as if it had been sent, holds together, and of which nothing is
ever sent.
"""

import io
import unicodedata
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Count, F, Max, Min, Q
from django.db.models.functions import Length
from django.test import override_settings
from django.utils import timezone

from notifications.models import Attempt, Client, DeliveryReceipt, Message
from notifications.models.folds import folds_of
from notifications.states import MessageState, MessageType, Outcome, ReceiptStatus

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _development(settings: Any) -> None:
    settings.DEBUG = True  # pytest-django runs tests as production does


def generate(count: int, **options: Any) -> str:
    out = io.StringIO()
    call_command("generate_messages", str(count), stdout=out, **options)
    return out.getvalue()


_BY_TWO = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("count", [6_000, pytest.param(21_000, marks=_BY_TWO, id="by two processes")])
def test_a_log_that_holds_together(count: int) -> None:
    if count > 6_000 and connection.vendor != "postgresql":
        pytest.skip("PostgreSQL only")
    said = generate(count, days=30)
    assert said.startswith(f"Writing {count:,} invented messages")
    messages = Message.objects.all()
    assert messages.count() == count
    assert set(messages.values_list("type", flat=True)) == set(MessageType)
    states = dict(messages.values_list("state").annotate(Count("pk")))
    assert set(states) == {MessageState.SENT, MessageState.FAILED}
    assert 0.91 < states[MessageState.SENT] / count < 0.99
    # Time goes with the ids, within the days that were asked for.
    created = list(messages.order_by("pk").values_list("created_at", flat=True))
    if count == 6_000:
        assert created == sorted(created)
    created.sort()
    assert timezone.now() - timedelta(days=31) < created[0] < timezone.now() - timedelta(days=28)
    assert timezone.now() - timedelta(days=2) < created[-1] < timezone.now()
    # Each message's attempts say the same as the message.
    counted = messages.annotate(tries=Count("attempts"), ended=Max("attempts__finished_at"))
    assert not counted.exclude(tries=F("attempt_count")).exists()
    sent = counted.filter(state=MessageState.SENT)
    assert not sent.filter(receipt_status="").exclude(sent_at=F("ended")).exists()
    assert not messages.filter(state=MessageState.SENT).exclude(attempts__outcome=Outcome.ACCEPTED).exists()
    assert not Attempt.objects.filter(outcome="").exists()
    # Short messages say what their receipts say, and each was handed over under an id of its own.
    reported = sent.exclude(receipt_status="").annotate(
        first_report=Min("receipts__received_at"), last_report=Max("receipts__received_at")
    )
    assert set(reported.values_list("type", flat=True)) == {MessageType.SMS}
    assert not reported.exclude(sent_at=F("first_report"), receipt_at=F("last_report")).exists()
    assert set(reported.values_list("receipt_status", flat=True)) == {
        ReceiptStatus.DELIVERED,
        ReceiptStatus.UNDELIVERED,
    }
    assert sent.filter(type=MessageType.SMS).exclude(receipt_due_at__gt=F("sent_at")).count() == 0
    handed_over = sent.filter(type=MessageType.SMS, attempts__outcome=Outcome.ACCEPTED)
    assert handed_over.values("provider_id").distinct().count() == handed_over.count()
    assert not handed_over.exclude(attempts__provider_id=F("provider_id")).exists()
    assert not DeliveryReceipt.objects.exclude(provider_id=F("message__provider_id")).exists()
    # What is stored beside names and addresses is what an outbox would have stored.
    for message in messages.order_by("-pk")[:3_000]:
        for each in folds_of(Message):
            assert getattr(message, each.name) == each.fold_of(getattr(message, name) for name in each.of)
    # Recipients and senders of every kind, and resends that point at what failed before.
    for name in ("client", "group", "user", "sender_user"):
        assert messages.filter(**{f"{name}__isnull": False}).exists(), name
    resends = messages.filter(resend_of__isnull=False)
    assert resends.count() > 40
    assert not resends.exclude(
        resend_of__state=MessageState.FAILED, resend_of__created_at__lt=F("created_at")
    ).exists()
    assert not resends.exclude(
        Q(content=F("resend_of__content")) & Q(destination=F("resend_of__destination"))
    ).exists()
    assert not resends.exclude(
        Q(first=F("resend_of__first")) | Q(first=F("resend_of"), resend_of__first=None)
    ).exists()


def test_names_in_twelve_scripts_and_some_long_texts() -> None:
    generate(8_000)
    twelve = "LATIN CYRILLIC GREEK ARABIC HEBREW DEVANAGARI BENGALI THAI CJK HANGUL HIRAGANA GEORGIAN"
    scripts = {
        unicodedata.name(name[0]).split()[0] for name in Client.objects.values_list("last_name", flat=True)
    }
    assert scripts >= set(twelve.split())
    long = Message.objects.annotate(length=Length("content")).filter(length__gt=5_000)
    assert 0 < long.count() < 40


def test_nothing_is_ever_due() -> None:
    generate(5_000)

    assert Message.objects.count() == 5_000
    assert not Message.objects.live().exists()
    assert not Message.objects.filter(lease_until__isnull=False).exists()


def test_a_second_call_goes_on_with_the_same_people() -> None:
    generate(60)
    people = Client.objects.count()
    generate(60)
    assert Message.objects.count() == 120
    assert Client.objects.count() == people == 200


def test_in_production_it_says_what_it_would_do_and_refuses() -> None:
    with override_settings(DEBUG=False):
        with pytest.raises(CommandError, match=r"It would write 60 invented messages.*Insist with --yes"):
            generate(60)
        assert Message.objects.count() == 0
        generate(60, yes=True)
    assert Message.objects.count() == 60


@pytest.mark.parametrize(
    ("count", "days", "problem"),
    [
        (0, 90, "N must be from 1"),
        (-5, 90, "N must be"),
        (10**9, 90, "N must be"),
        (5, 0, "--days must be"),
        (5, 10**9, "--days must be"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(count: int, days: int, problem: str) -> None:
    with override_settings(DEBUG=True), pytest.raises(CommandError, match=problem):
        call_command("generate_messages", "--days", str(days), "--", str(count))
