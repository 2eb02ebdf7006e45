"""Channels under Administration: what they use, how their lanes are, and what may be done about it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from commlog.models import AuditEntry
from notifications import outbox
from notifications.database.clock import db_now
from notifications.delivery import circuits
from notifications.failures import Reason
from notifications.models import ChannelSwitch, Lane, Message
from notifications.outbox import Draft
from notifications.states import MessageState, MessageType
from tests.factories import admin, make_lane, make_message, make_tally, make_user
from tests.forms import seen_at

pytestmark = pytest.mark.django_db

PAGE = "/administration/channels/"
SECRET = "c4n4ry-of-a-secret"


@pytest.fixture
def pages(client: Client) -> Client:
    client.force_login(admin(email="adam@example.org"))
    return client


def act(pages: Client, channel: str, action: str) -> Any:
    return pages.post(f"{PAGE}{channel}/{action}/", follow=True)


def test_what_a_channel_uses_is_shown_without_its_secrets(pages: Client, settings: Any) -> None:
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = (
        "mail.example.org",
        587,
        "u",
        SECRET,
    )
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_FROM = (
        "AC1",
        SECRET,
        "+15005550006",
    )
    settings.REPLY_TO_EMAIL = "Help <help@example.org>"
    shown = pages.get(PAGE).text
    for said in (
        "mail.example.org:587",
        "Help &lt;help@example.org&gt;",
        "https://api.twilio.com",
        "+15005550006",
        "kept in Commlog’s own database",
    ):
        assert said in shown
    assert SECRET not in shown


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_costs_the_same_for_one_lane_and_for_three(
    pages: Client, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(rows):
        make_message(type=MessageType.WEB_HOOK, lane=make_lane(MessageType.WEB_HOOK, f"host{number}:443"))
    pages.get(PAGE)
    with django_assert_num_queries(8):
        shown = pages.get(PAGE).text
    assert f"host{rows - 1}:443" in shown


def test_a_lane_in_trouble_is_listed_first_and_every_page_says_so(pages: Client) -> None:
    make_lane(MessageType.WEB_HOOK, "a.example.org:443")
    troubled = make_lane(MessageType.WEB_HOOK, "z.example.org:443")
    trouble = circuits.Trouble("HTTP_ERROR_WHILE_SENDING: connection refused", frozenset())
    circuits.open_circuit(troubled.pk, trouble, now=db_now())
    shown = pages.get(PAGE).text
    assert shown.index("z.example.org:443</bdi>") < shown.index("a.example.org:443</bdi>")
    assert "connection refused" in shown
    said = (
        "in trouble: nothing tried in the last hour; no success on record. Its messages wait; "
        "retries are automatic."
    )
    for page in (PAGE, "/communications/", "/clients/"):
        assert f"Webhook by z.example.org:443 is {said}" in pages.get(page).text


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (
            2,
            "Webhook by h0:443 and Webhook by h1:443 are in trouble. Their messages wait; "
            "retries are automatic.",
        ),
        (
            4,
            "Webhook by h0:443, Webhook by h1:443, Webhook by h2:443 and others are in trouble. Their "
            "messages wait; retries are automatic. All are listed under Administration, Channels.",
        ),
    ],
)
def test_several_lanes_in_trouble_are_one_sentence(pages: Client, number: int, said: str) -> None:
    for each in range(number):
        lane = make_lane(MessageType.WEB_HOOK, f"h{each}:443")
        circuits.open_circuit(lane.pk, circuits.Trouble("refused", frozenset()), now=db_now())
    shown = pages.get("/clients/")
    assert shown.context["frame"].banners == [said]


def test_pause_and_resume(pages: Client) -> None:
    make_lane(MessageType.EMAIL)
    assert "E-mail is paused. New messages wait until you resume it." in act(pages, "EMAIL", "pause").text
    switch = ChannelSwitch.objects.get(channel="EMAIL")
    assert switch.paused_at is not None
    since = f"{timezone.localtime(switch.paused_at):%H:%M}"
    assert (
        f"E-mail is paused by Adam Administrator since {since}. No messages are waiting."
        in pages.get("/communications/").text
    )
    assert pages.get("/").context["channels"][0].words == "Paused by Adam Administrator"
    act(pages, "EMAIL", "resume")
    assert ChannelSwitch.objects.get(channel="EMAIL").paused_at is None
    assert "is paused" not in pages.get("/communications/").text
    entries = AuditEntry.objects.filter(target_kind="channel").order_by("pk")
    assert [entry.after for entry in entries] == [{"paused": True}, {"paused": False}]


@pytest.mark.parametrize(
    ("channel", "reason"),
    [
        (MessageType.EMAIL, Reason.EMAIL_SERVICE_NOT_ENABLED),
        (MessageType.SMS, Reason.SMS_SERVICE_NOT_ENABLED),
        (MessageType.WEB_HOOK, Reason.WEBHOOK_NOTIFICATIONS_DISABLED),
    ],
)
def test_what_comes_while_a_channel_is_off_fails_with_its_reason(
    pages: Client, channel: MessageType, reason: Reason
) -> None:
    to = {
        MessageType.EMAIL: "ana@example.org",
        MessageType.SMS: "+4917012345678",
        MessageType.WEB_HOOK: "https://example.org/",
    }[channel]
    act(pages, channel, "disable")
    refused = outbox.enqueue(Draft(channel, destination=to, body="{}"))
    assert (refused.state, refused.failure_reason) == (MessageState.FAILED, reason)
    assert refused.failure_cause == f"An administrator has switched {channel.label} off."
    act(pages, channel, "enable")
    assert "switched" not in outbox.enqueue(Draft(channel, destination=to, body="{}")).failure_cause


def test_switching_off_asks_first_says_to_how_many_and_offers_a_pause(pages: Client) -> None:
    lately = timezone.now() - timedelta(minutes=59)
    for _ in range(90):
        make_message(MessageState.SENT, created_at=lately)
    make_message(MessageState.SENT, created_at=timezone.now() - timedelta(minutes=61))
    make_message(MessageState.SENT, MessageType.SMS)
    make_message(MessageState.WAITING, created_at=lately)
    assert 'href="/administration/channels/EMAIL/disable/"' in pages.get(PAGE).text
    shown = " ".join(pages.get(f"{PAGE}EMAIL/disable/").text.split())
    assert "<b>91 messages</b> went through E-mail in the last hour: about 2 a minute." in shown
    assert (
        "<b>New messages fail immediately</b> while it is off, with the reason “E-mail is switched off”."
        in shown
    )
    assert (
        "1 message is waiting or being sent. Waiting messages stay in the queue until it is switched on."
        in shown
    )
    assert 'formaction="/administration/channels/EMAIL/pause/"' in shown
    assert not ChannelSwitch.objects.filter(enabled=False).exists()
    assert (
        "E-mail is switched off. New messages fail until it is switched on."
        in act(pages, "EMAIL", "disable").text
    )
    assert not ChannelSwitch.objects.get(channel="EMAIL").enabled
    assert "E-mail is already switched off." in pages.get(f"{PAGE}EMAIL/disable/").text


def test_a_quiet_and_a_paused_channel_say_so(pages: Client) -> None:
    make_message(MessageState.SENT, MessageType.SMS)
    act(pages, "SMS", "pause")
    shown = pages.get(f"{PAGE}SMS/disable/").text
    assert "<b>1 message</b> went through SMS in the last hour: less than 1 a minute." in shown
    assert "SMS is paused since" in shown
    assert "formaction" not in shown
    assert "No messages went through Webhook in the last hour." in pages.get(f"{PAGE}WEB_HOOK/disable/").text
    assert pages.get(f"{PAGE}FAX/disable/").status_code == 404


def test_a_number_that_takes_too_long_is_not_made_up(pages: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_message(MessageState.WAITING)
    make_message(MessageState.WAITING)
    monkeypatch.setattr("commlog.administration.channels.health._MOST_COUNTED", 1)
    shown = pages.get(f"{PAGE}EMAIL/disable/").text
    assert "<b>More than 1,000 messages a minute</b> went through E-mail" in shown
    assert "Too many messages to count are waiting" in shown


def test_a_test_goes_to_whoever_asks(pages: Client) -> None:
    assert "A test is on its way to adam@example.org." in act(pages, "EMAIL", "test").text
    message = Message.objects.get()
    assert (message.destination, message.event, message.sender) == (
        "adam@example.org",
        "TEST",
        "Adam Administrator",
    )
    assert "has no address or number" in act(pages, "SMS", "test").text


def test_two_tests_that_read_alike_are_both_told_with_their_links(pages: Client) -> None:
    for _ in range(2):
        pages.post(f"{PAGE}EMAIL/test/")
    shown = pages.get(PAGE).text
    assert [f'href="/communications/{message.key.hex}/"' in shown for message in Message.objects.all()] == [
        True,
        True,
    ]


@pytest.mark.parametrize("address", ["FAX/pause/", "EMAIL/delete/"])
def test_what_does_not_exist_cannot_be_done(pages: Client, address: str) -> None:
    assert pages.post(PAGE + address).status_code == 404


def test_a_lane_is_limited_and_paused(pages: Client) -> None:
    lane = make_lane(MessageType.EMAIL, "mail.example.org:25")
    address = f"{PAGE}lanes/{lane.pk}/"
    assert (
        pages.post(
            address, {"cap": "10", "rate": "2.5", "paused": "on"} | seen_at(pages, address)
        ).status_code
        == 302
    )
    lane.refresh_from_db()
    assert (lane.cap, lane.rate, lane.paused_at is not None, lane.paused_by) == (
        10,
        2.5,
        True,
        "Adam Administrator",
    )
    assert "Paused by Adam Administrator" in pages.get(PAGE).text
    pages.post(address, {"cap": "10", "rate": ""} | seen_at(pages, address))
    lane.refresh_from_db()
    assert (lane.rate, lane.paused_at, lane.paused_by) == (None, None, "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"cap": "0"},
        {"cap": "x"},
        {"cap": "10", "rate": "0"},
        {"cap": "10", "rate": "nan"},
        {"cap": "9" * 500},
    ],
)
def test_a_wrong_limit_is_said_at_its_field(pages: Client, wrong: dict[str, str]) -> None:
    lane = make_lane(MessageType.EMAIL)
    response = pages.post(f"{PAGE}lanes/{lane.pk}/", wrong)
    assert response.status_code == 200
    assert response.context["form"].errors
    assert Lane.objects.get().cap == 200


def test_who_may_only_look_sees_no_buttons(client: Client) -> None:
    auditor = make_user()
    auditor.user_permissions.add(Permission.objects.get(codename="view_administration_details"))
    client.force_login(auditor)
    shown = client.get(PAGE).text
    assert "Channels" in shown
    assert "Pause" not in shown
    assert client.post(f"{PAGE}EMAIL/pause/").status_code == 403


def test_a_lane_that_was_told_to_slow_down_says_so_and_at_which_pace(pages: Client) -> None:
    lane = make_lane(MessageType.SMS, "gateway")
    assert "no limit" in pages.get(PAGE).text
    Lane.objects.filter(pk=lane.pk).update(pace=12.25, paced_at=timezone.now().timestamp() + 60)
    text = pages.get(PAGE).text
    assert "Slow" in text
    assert re.search(r"12\.[23], set by the provider", text)
    Lane.objects.filter(pk=lane.pk).update(paced_at=timezone.now().timestamp() - 7_200)
    assert "set by the provider" not in pages.get(PAGE).text


@pytest.mark.parametrize(
    ("fields", "due", "tried", "status"),
    [
        ({}, None, (0, 0), "Idle"),
        ({}, None, (3, 1), "Working"),
        ({}, 10, (0, 0), "Working"),
        ({}, 40, (0, 0), "Not sending"),
        ({}, 40, (1, 0), "Working"),
        ({"failing_since": -60}, None, (0, 14), "Failing"),
        ({"failing_since": -60}, None, (1, 14), "Working"),  # accepted since
        (
            {"failing_since": -60, "paused_at": -9, "paused_by": "Ada Officer"},
            None,
            (0, 14),
            "Paused by Ada Officer",
        ),
        ({"failing_since": -60, "circuit": "OPEN", "probe_at": 5}, None, (0, 14), "In trouble"),
    ],
)
def test_the_word_of_a_lane(
    pages: Client, fields: dict[str, Any], due: int | None, tried: tuple[int, int], status: str
) -> None:
    lane, now = make_lane(), timezone.now()
    times = {
        name: now + timedelta(seconds=value) if isinstance(value, int) else value
        for name, value in fields.items()
    }
    Lane.objects.filter(pk=lane.pk).update(**times)
    if due is not None:
        make_message(lane=lane, due_at=now - timedelta(seconds=due))
    delivered, failed = tried
    if delivered or failed:
        accepted_at = now if delivered else None
        make_tally(lane, now, delivered=delivered, failed=failed, accepted_at=accepted_at)
    card = pages.get(PAGE).context["cards"][0]
    assert (card.words, card.lanes[0].words) == (status, status)


def test_a_lane_shows_what_was_delivered_and_what_was_said(pages: Client) -> None:
    lane, now = make_lane(), timezone.now()
    make_tally(lane, now, failed=1_400)
    make_tally(lane, now - timedelta(minutes=30), delivered=9)
    Lane.objects.filter(pk=lane.pk).update(
        failing_since=now, failing_with="MESSAGING_EXCEPTION: 550 5.7.1 Relay access denied"
    )
    shown = pages.get(PAGE).text
    assert "Relay access denied" in shown
    assert ">0 of 1,400 delivered<" in shown
    assert ">9 of 1,409 delivered<" in shown
    assert "Relay access denied" not in pages.get("/").text
