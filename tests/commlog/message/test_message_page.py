"""The page of one message, and its dialog."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from commlog.message.detail import read
from notifications.failures import Reason
from notifications.models import Message
from notifications.states import MessageState, MessageType, Outcome
from tests.factories import make_attempt, make_client, make_message, make_resend

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 9, 14, 2, 113_000, tzinfo=UTC)


def _url(message: Message) -> str:
    return f"/communications/{message.key.hex}/"


def test_a_failed_mail_is_explained_with_all_that_is_known(pages: Client) -> None:
    ana = make_client(client_id="000123")
    text = "Dear Ana,\n" + "x" * 5_000 + " the end"
    message = make_message(
        MessageState.FAILED,
        client=ana,
        recipient_name="Ana Silva",
        event="LOAN_REPAYMENT",
        content=text,
        created_at=NOW,
    )
    shown = pages.get(_url(message)).text
    for words in (
        "Failed",
        "E-mail to",
        "ana@example.org",
        "The address does not exist",
        "The recipient’s provider does not know this address or number.",
        "Correct the address",
        "Ask the recipient for the right address, correct it, then resend.",
        "550 5.1.1 no such user",
        "MESSAGING_EXCEPTION",
        "(client 000123)",
        "LOAN_REPAYMENT",
        message.key.hex,
        "the end",
        "24 Nov 2026 09:14:02.113000 UTC",
    ):
        assert words in shown


def test_the_status_of_a_receiver_stands_in_the_title(pages: Client) -> None:
    failed = {"failure_reason": Reason.INVALID_HTTP_RESPONSE, "failure_cause": "HTTP 503: Try later"}
    message = make_message(MessageState.FAILED, MessageType.WEB_HOOK, **failed)
    page = pages.get(f"/communications/{message.key.hex}/").text
    assert "<h2>The server is not accepting messages (HTTP 503)</h2>" in page


def test_the_attempts_are_a_time_line(pages: Client) -> None:
    message = make_message(MessageState.FAILED, created_at=NOW)
    for second in (0, 0.2, 2.3, 8.4, 26.5, 80.6):
        make_attempt(message, now=NOW + timedelta(seconds=second))
    shown = pages.get(_url(message)).text
    assert shown.count("<li data-outcome=") == 1  # all ended alike: one line, which opens
    for words in (
        "6 ×",
        "09:14:02.113",
        "84 ms",
        "immediately",
        "after 2 s",
        "after 6 s",
        "after 18 s",
        "after 54 s",
        "Failed at 09:15:22",
    ):
        assert words in shown


def test_only_attempts_that_ended_alike_share_a_line(pages: Client) -> None:
    message = make_message(MessageState.FAILED, created_at=NOW)
    for detail in ("503", "503", "504", "503"):
        make_attempt(message, detail=detail)
    make_attempt(message, detail="503", late_outcome=Outcome.ACCEPTED, late_detail="250 ok", late_at=NOW)
    runs = read(message).runs
    assert [[step.attempt.detail for step in run.steps] for run in runs] == [
        ["503", "503"],
        ["504"],
        ["503"],
        ["503"],
    ]


def test_an_attempt_under_way_and_a_late_answer(pages: Client) -> None:
    message = make_message(MessageState.SENDING_ASYNC, created_at=NOW)
    make_attempt(message, Outcome.UNKNOWN, late_outcome=Outcome.ACCEPTED, late_detail="250 ok", late_at=NOW)
    make_attempt(message, "")
    shown = pages.get(_url(message)).text
    for words in ("Unknown, may have arrived", "Late answer at", "250 ok", "In progress"):
        assert words in shown


def test_the_chain_is_shown_in_both_directions(pages: Client) -> None:
    first = make_message(MessageState.FAILED)
    second = make_resend(first, MessageState.FAILED)
    third = make_resend(second, MessageState.SENT)
    for message, others in ((first, (second, third)), (second, (first, third)), (third, (first, second))):
        shown = pages.get(_url(message)).text
        for other in others:
            assert f'href="{_url(other)}"' in shown
        assert "resent by <bdi>Ada Officer</bdi>" in shown


def test_the_button_follows_the_chain(pages: Client) -> None:
    first = make_message(MessageState.FAILED)
    assert ">Resend<" in pages.get(_url(first)).text
    second = make_resend(first, MessageState.QUEUED)
    shown = pages.get(_url(first)).text
    assert "/resend/" not in shown
    assert "Resent by" in shown
    Message.objects.filter(pk=second.pk).update(state=MessageState.SENT, sent_at=NOW, due_at=None)
    shown = pages.get(_url(first)).text
    assert ">Resend anyway<" in shown
    assert f'name="again" value="{second.key.hex}"' in shown
    assert "sent 24 Nov 2026 09:14" in shown
    assert "/resend/" not in pages.get(_url(second)).text


def test_what_may_have_been_delivered_is_said(pages: Client) -> None:
    unknown = make_message(
        MessageState.FAILED, outcome=Outcome.UNKNOWN, failure_reason=Reason.SMS_CONNECTION_EXCEPTION
    )
    twice = make_message(MessageState.SENT, possible_duplicate=True)
    assert "It may have been delivered." in pages.get(_url(unknown)).text
    assert "It may have been delivered twice." in pages.get(_url(twice)).text


def test_secrets_of_a_webhook_stay_hidden(pages: Client) -> None:
    message = make_message(
        type=MessageType.WEB_HOOK,
        method="POST",
        content_type="application/json",
        headers={"X-Tenant": "demo", "Authorization": "Bearer s3cret", "X-Api-Key": "s3cret"},
        auth_username="commlog",
        auth_password="s3cret",
    )
    shown = pages.get(_url(message)).text
    assert "demo" in shown
    assert "commlog" in shown
    assert "s3cret" not in shown


def test_html_is_never_part_of_the_page_and_raw_writes_hidden_characters_out(pages: Client) -> None:
    message = make_message(html="<p onclick=alert(1)>Hi</p>", content="abc\u202etxt\u200b")
    shown = pages.get(_url(message)).text
    assert "&lt;p onclick=alert(1)&gt;Hi&lt;/p&gt;" in shown
    assert "abc⟨U+202E⟩txt⟨U+200B⟩" in shown
    (frame,) = re.findall(r"<iframe[^>]*>", shown)
    for attribute in ('sandbox=""', 'referrerpolicy="no-referrer"', f'src="{_url(message)}preview/"'):
        assert attribute in frame
    assert "<iframe" not in pages.get(_url(make_message())).text


def test_a_long_text_is_on_the_page_in_part_and_whole_in_its_file(pages: Client) -> None:
    message = make_message(content="ä" * 1_048_576, html="<p>" + "b" * 1_048_576)
    response = pages.get(_url(message))
    assert len(response.content) < 250_000
    assert "the first 32,768 of 1,048,576 characters" in response.text
    assert pages.get(f"{_url(message)}download/text/").content == b"\xc3\xa4" * 1_048_576
    assert len(pages.get(f"{_url(message)}download/html/").content) == 1_048_579


@pytest.mark.parametrize("state", list(MessageState))
@pytest.mark.parametrize("kind", list(MessageType))
def test_every_state_of_every_type_has_a_page(pages: Client, state: MessageState, kind: MessageType) -> None:
    message = make_message(state, kind)
    shown = pages.get(_url(message)).text
    assert f"{kind.label} to" in shown
    assert state.label in shown


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_page(pages: Client, reason: Reason) -> None:
    message = make_message(MessageState.FAILED, failure_reason=reason, failure_cause="")
    assert reason.label in pages.get(_url(message)).text


@pytest.mark.parametrize("attempts", [1, 3])
def test_the_page_costs_the_same_for_one_attempt_and_for_three(
    pages: Client, attempts: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    message = make_message(MessageState.FAILED, client=make_client())
    make_resend(message, MessageState.SENT)
    for _ in range(attempts):
        make_attempt(message)
    # Session, user with permissions; message, chain, attempts; menu, banner.
    with django_assert_num_queries(10):
        pages.get(_url(message))


def test_the_dialog_is_a_part_of_the_page(pages: Client) -> None:
    message = make_message()
    response = pages.get(_url(message), headers={"HX-Request": "true"})
    assert "<html" not in response.text
    assert "HX-Request" in response["Vary"]
    assert message.key.hex in response.text


@pytest.mark.parametrize("path", ["0" * 32, "F" * 32])
def test_an_unknown_key_is_a_page_of_its_own(pages: Client, path: str) -> None:
    response = pages.get(f"/communications/{path}/")
    assert response.status_code == 404
    assert "Page not found" in response.text


def test_a_key_in_capitals_is_the_same_key(pages: Client) -> None:
    message = make_message()
    assert pages.get(f"/communications/{message.key.hex.upper()}/").status_code == 200
