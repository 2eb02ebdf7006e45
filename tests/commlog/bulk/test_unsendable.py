"""What would fail again at once: named and left out by the confirmation, by the offer of the log, by the job,
and by the API.
"""

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from commlog import jobs
from commlog.bulk import selection, unsendable
from commlog.models import Job, JobItem
from notifications.failures import Reason
from notifications.lanes import switches
from notifications.models import ChannelSwitch, Message
from notifications.states import MessageState, MessageType, Outcome
from tests.factories import make_message, make_resend, set_up_channels

pytestmark = pytest.mark.django_db
URL = "/communications/resend/"
FAILED = MessageState.FAILED


@pytest.fixture(autouse=True)
def _channels_are_set_up(settings: Any) -> None:
    set_up_channels(settings)


def a_mixture() -> list[Message]:
    """Two that can be resent, and six that cannot: three without an address, two too long, one not JSON."""
    fine = [
        make_message(FAILED),
        make_message(FAILED, MessageType.SMS, content="corrected", failure_reason=Reason.SMS_TOO_LONG),
    ]
    for outcome in ("", "", Outcome.UNKNOWN):
        make_message(
            FAILED, destination="", outcome=outcome, failure_reason=Reason.MISSING_EMAIL_RECIPIENT_ADDRESS
        )
    for _ in range(2):
        make_message(FAILED, MessageType.SMS, content="x" * 1601, failure_reason=Reason.SMS_TOO_LONG)
    broken = {
        "content": "{",
        "content_type": "application/json",
        "failure_reason": Reason.INVALID_JSON_BODY_SYNTAX,
    }
    make_message(FAILED, MessageType.WEB_HOOK, **broken)
    return fine


def words(html: str) -> str:
    """What a reader sees of it."""
    return " ".join(re.sub("<[^>]+>", " ", html.partition("<main")[2] or html).split())


def test_the_confirmation_names_them_and_leads_to_them(pages: Client) -> None:
    fine = a_mixture()
    response = pages.get(URL, {"all": "1", "of": "/communications/?state=FAILED"})
    found = response.context["preview"]
    assert list(found.ids) == [each.pk for each in fine]
    assert (found.hopeless, found.unknown, found.resent_already) == (6, 0, 0)
    named = (
        "3 The recipient has no e-mail address 2 The text is too long for an SMS 1 The text is not valid JSON"
    )
    assert f"6 would fail again immediately: skipped {named}" in words(response.text)
    (url,) = re.findall(r'<a href="([^"]+)">The text is not valid JSON</a>', response.text)
    rows = pages.get(url.replace("&amp;", "&")).context["log"].rows
    assert [row.message.failure_reason for row in rows] == ["INVALID_JSON_BODY_SYNTAX"]


def test_the_log_offers_what_the_confirmation_counts(pages: Client) -> None:
    a_mixture()
    make_message(FAILED, outcome=Outcome.UNKNOWN)
    make_message(FAILED, outcome=Outcome.UNKNOWN, failure_reason=Reason.OTHER, content="\u200b")
    make_resend(make_message(FAILED, destination=""), MessageState.SENT)
    found = selection.preview(Message.objects.all())
    offered = selection.resendable(Message.objects.all())
    assert (
        (offered.number, offered.doubtful, offered.unsendable)
        == (found.total, found.unknown, found.hopeless)
        == (2, 1, 7)
    )
    said = words(pages.get(f"{URL}matching/", {"of": "/communications/?state=FAILED"}).text)
    assert said.startswith(
        "11 match: 2 can be resent, 1 was already resent, 7 would fail again immediately, 1 may have "
        "been delivered."
    )


def test_of_a_channel_that_is_off_there_is_nothing_to_resend(pages: Client) -> None:
    for _ in range(2):
        make_message(FAILED)
    ChannelSwitch.objects.create(channel=MessageType.EMAIL, enabled=False)
    text = words(pages.get(URL, {"all": "1"}).text)
    assert (
        "There is nothing to resend Communications: everything 2 would fail again immediately: skipped "
        "2 E-mail is switched off" in text
    )
    assert not words(pages.get(f"{URL}matching/").text)


def test_what_failed_while_its_channel_was_off_is_resent_without_being_read(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(3):
        make_message(FAILED, failure_reason=Reason.EMAIL_SERVICE_NOT_ENABLED)
    with django_assert_num_queries(3):  # the switches, the messages, how many failed
        assert selection.preview(Message.objects.all()).total == 3


@pytest.mark.parametrize("rows", [1, 60])
def test_reading_costs_one_query_however_many_are_read(
    rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(rows):
        make_message(FAILED, MessageType.SMS, content="", failure_reason=Reason.OTHER)
    with django_assert_num_queries(4):  # the switches, the messages, their texts, how many failed
        assert selection.preview(Message.objects.all()).unsendable == [(Reason.OTHER, rows)]
    with django_assert_num_queries(3):  # how many, which of them are read, their texts
        assert selection.resendable(Message.objects.all()) == selection.Resendable(0, 0, rows)


def test_beyond_a_number_they_are_read_when_their_turn_comes(
    pages: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unsendable, "MOST_READ", 2)
    for _ in range(3):
        make_message(FAILED, MessageType.SMS, content="", failure_reason=Reason.OTHER)
    shown = pages.get(URL, {"all": "1"})
    assert (shown.context["preview"].total, selection.resendable(Message.objects.all()).number) == (1, 1)
    pages.post(URL, {"all": "1"} | shown.context["fresh"])
    claimed = jobs.claim(1)
    assert claimed is not None
    assert jobs.run(*claimed[1]) == "DONE"
    assert Job.objects.get().outcomes == {"UNSENDABLE": 1}
    assert Message.objects.count() == 3


def test_the_report_leads_to_what_was_found_to_be_hopeless_at_its_turn(pages: Client) -> None:
    late, fine = make_message(FAILED, MessageType.SMS), make_message(FAILED)
    shown = pages.get(URL, {"all": "1"})
    pages.post(URL, {"all": "1"} | shown.context["fresh"])
    ChannelSwitch.objects.create(channel=MessageType.SMS, enabled=False)
    switches.forget()
    claimed = jobs.claim(1)
    assert claimed is not None
    assert jobs.run(*claimed[1]) == "DONE"
    lines = pages.get(f"/jobs/{Job.objects.get().key.hex}/").context["report"].lines
    assert [(line.label, line.number) for line in lines] == [
        ("Resent as new entries", 1),
        ("Skipped: would fail again immediately", 1),
    ]
    assert [row.message.pk for row in pages.get(lines[1].url).context["log"].rows] == [late.pk]
    assert JobItem.objects.get(message=fine).new_id is not None
