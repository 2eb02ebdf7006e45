"""Destinations that misbehave."""

import time
from typing import Any

import pytest

from bench.standins import StandIns
from commlog.demo.standins import conduct
from commlog.demo.standins.conduct import Conduct
from notifications import channels, outbox
from notifications.models import Message
from notifications.outbox import Draft
from notifications.process import this_process
from notifications.retry import RetryPolicy
from notifications.states import MessageType
from notifications.tasks import drain

EMAIL, SMS = MessageType.EMAIL, MessageType.SMS


@pytest.mark.parametrize(
    ("address", "manner"),
    [
        ("ana@example.org", Conduct.FINE),
        ("ana@nobody.example.org", Conduct.NOBODY),
        ("nobody@example.org", Conduct.FINE),
        ("ana@Busy.example.org", Conduct.BUSY),
        ("ana@broken.example.org", Conduct.FINE),
        ("no address", Conduct.FINE),
    ],
)
def test_addresses(address: str, manner: Conduct) -> None:
    assert conduct.of_address(address) is manner


@pytest.mark.parametrize(
    ("number", "manner"),
    [
        ("+447700900001", Conduct.FINE),
        ("+447700900899", Conduct.FINE),
        ("+447700900900", Conduct.NOBODY),
        ("+447700900919", Conduct.BLOCKED),
        ("+447700900969", Conduct.UNREACHABLE),
        ("+4917012345941", Conduct.FINE),
        ("", Conduct.FINE),
    ],
)
def test_numbers(number: str, manner: Conduct) -> None:
    assert conduct.of_number(number) is manner


def test_paths() -> None:
    assert conduct.of_path("/busy/reports") is Conduct.BUSY
    assert conduct.of_path("/reports/busy") is Conduct.FINE


def test_a_forgetful_one_fails_once() -> None:
    assert [conduct.fails_this_time(Conduct.FORGETFUL, "another key") for _ in range(2)] == [True, False]


def test_others_are_always_the_same() -> None:
    assert [conduct.fails_this_time(Conduct.BUSY, "k") for _ in range(9)] == [True] * 9
    assert [conduct.fails_this_time(Conduct.FINE, "k") for _ in range(9)] == [False] * 9


def sent(draft: Draft) -> tuple[str, str, str, int, bool]:
    message = outbox.enqueue(draft)
    until = time.monotonic() + 30
    while Message.objects.live().exists():
        assert time.monotonic() < until
        drain(draft.type)
    message.refresh_from_db()
    return (
        message.state,
        message.outcome,
        message.failure_reason,
        message.attempt_count,
        message.possible_duplicate,
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        (
            Draft(EMAIL, "ana@nobody.example.org", subject="s", body="t"),
            ("FAILED", "REFUSED", "MESSAGING_EXCEPTION", 6, False),
        ),
        (
            Draft(EMAIL, "ana@blocked.example.org", subject="s", body="t"),
            ("FAILED", "REFUSED", "MESSAGING_EXCEPTION", 6, False),
        ),
        (
            Draft(EMAIL, "ana@silent.example.org", subject="s", body="t"),
            ("FAILED", "UNKNOWN", "MESSAGING_EXCEPTION", 6, True),
        ),
        (Draft(EMAIL, "ana@forgetful.example.org", subject="s", body="t"), ("SENT", "ACCEPTED", "", 2, True)),
        (Draft(SMS, "+447700900905", body="t"), ("FAILED", "REFUSED", "SMS_SERVICE_ERROR", 6, False)),
        (Draft(SMS, "+447700900925", body="t"), ("FAILED", "UNKNOWN", "SMS_GATEWAY_ERROR", 1, False)),
        (Draft(SMS, "+447700900935", body="t"), ("FAILED", "UNKNOWN", "SMS_CONNECTION_EXCEPTION", 1, False)),
        (Draft(SMS, "+447700900965", body="t"), ("FAILED", "REFUSED", "SMS_NOT_SENT", 6, False)),
    ],
    ids=lambda value: value.destination if isinstance(value, Draft) else "",
)
def test_what_becomes_of_a_message(
    draft: Draft, expected: tuple, providers: StandIns, quick_retries: RetryPolicy
) -> None:
    assert sent(draft) == expected


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("busy/reports", ("FAILED", "REFUSED", "INVALID_HTTP_RESPONSE", 6, False)),
        ("silent/callback", ("FAILED", "UNKNOWN", "HTTP_ERROR_WHILE_SENDING", 6, True)),
        ("forgetful/statements", ("SENT", "ACCEPTED", "", 2, True)),
        ("fail/404/old", ("FAILED", "REFUSED", "INVALID_HTTP_RESPONSE", 6, False)),
    ],
)
def test_what_becomes_of_a_webhook(
    path: str, expected: tuple, providers: StandIns, quick_retries: RetryPolicy
) -> None:
    assert sent(Draft(MessageType.WEB_HOOK, providers.webhook_url(path), body="{}")) == expected


@pytest.mark.django_db(transaction=True)
def test_a_wrong_password_is_refused(providers: StandIns, quick_retries: RetryPolicy, settings: Any) -> None:
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "commlog", "changed"
    channels.close_all()
    assert sent(Draft(EMAIL, "ana@example.org", subject="s", body="t")) == (
        "FAILED",
        "REFUSED",
        "INVALID_SMTP_CREDENTIALS",
        6,
        False,
    )

    settings.EMAIL_HOST_PASSWORD = "demo-password"
    channels.close_all()
    this_process.forget()
    assert sent(Draft(EMAIL, "ana@example.org", subject="s", body="t")) == ("SENT", "ACCEPTED", "", 1, False)
