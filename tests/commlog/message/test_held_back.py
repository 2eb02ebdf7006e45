"""What holds a message back is named where it is listed and where it is read."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from commlog.message.held_back import held_back
from notifications.models import ChannelSwitch, Lane, Message
from notifications.states import Circuit, MessageState, MessageType, WaitingReason
from tests.factories import make_lane, make_message

pytestmark = pytest.mark.django_db
URL = "/communications/"


def test_what_is_held_back_says_by_what(
    pages: Client, settings: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    mine, other = make_lane(name="mail.example.org:25"), make_lane(MessageType.SMS, name="twilio")
    held = {"waiting_reason": WaitingReason.WAIT_FOR_CLOSE_CIRCUIT, "failures": 1}
    waiting = make_message(MessageState.WAITING, lane=mine, **held)
    make_message(MessageState.WAITING, lane=mine, **held)
    make_message(MessageState.WAITING, MessageType.SMS, lane=other, **held)
    now = timezone.now()
    switch = ChannelSwitch.objects.create(channel="EMAIL", paused_at=now, paused_by="Ada Officer")
    listed = list(Message.objects.order_by("pk"))
    with django_assert_num_queries(1):
        said = held_back(listed)
    assert list(said.values()) == ["waiting: E-mail is paused by Ada Officer"] * 2
    row, page, first = (pages.get(path).text for path in (URL, f"{URL}{waiting.key.hex}/", "/"))
    assert ">waiting: E-mail is paused by Ada Officer<" in row
    assert "Waiting: E-mail is paused by Ada Officer." in page
    assert "E-mail is paused by Ada Officer since" in page
    assert "2 messages are waiting." in page
    assert " · waiting: E-mail is paused by Ada Officer" in first

    switch.delete()
    Lane.objects.filter(pk=mine.pk).update(circuit=Circuit.OPEN, opened_at=now, probe_at=now)
    Lane.objects.filter(pk=other.pk).update(paused_at=now)
    assert [*held_back(listed).values()] == [
        "waiting: mail.example.org:25 is in trouble",
        "waiting: mail.example.org:25 is in trouble",
        "waiting: SMS by twilio is paused",
    ]
    settings.SENDING_MODE = "hold"
    assert held_back([waiting])[waiting.pk] == "waiting: E-mail is held by SENDING_MODE"
    with django_assert_num_queries(1):  # a list without the column
        assert held_back(Message.objects.only("state")) == {}
