"""SENDING_MODE: a copy of production data holds everything, or sends all of it to one destination."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from bench.standins import StandIns
from notifications import channels
from notifications.cluster import health
from notifications.database.clock import db_now
from notifications.delivery import drain
from notifications.models import Message, StreamEvent
from notifications.outbox import Draft, enqueue
from notifications.states import MessageType
from tests.factories import officer

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "c4n4ry-of-a-secret"
Enter = Callable[[str], None]


@pytest.fixture
def enter(providers: StandIns, settings: Any) -> Enter:
    """Go over to a mode, as if the installation had been started in it."""

    def go(mode: str) -> None:
        settings.SENDING_MODE = mode
        settings.REDIRECT_TO = {
            MessageType.EMAIL: "staging@example.org",
            MessageType.SMS: "+491700000000",
            MessageType.WEB_HOOK: providers.webhook_url("/staging"),
        }
        channels.close_all()

    return go


def one_of_each(providers: StandIns) -> None:
    enqueue(
        Draft(type=MessageType.EMAIL, destination="ana@example.org", subject="Payment due", body="Dear Ana")
    )
    enqueue(Draft(type=MessageType.SMS, destination="+4917012345678", body="Your code"))
    headers = {"X-Api-Key": SECRET, "X-Tenant": "demo"}
    url = providers.webhook_url("/customer?a=1")
    enqueue(
        Draft(
            type=MessageType.WEB_HOOK,
            destination=url,
            body="{}",
            headers=headers,
            auth_username="u",
            auth_password=SECRET,
        )
    )
    enqueue(Draft(type=MessageType.EVENT_STREAM, destination="accounts", body="{}"))


def sent(providers: StandIns) -> dict[str, list[str]]:
    for channel in MessageType:
        drain(channel)
    return {
        channel: [entry["destination"] for entry in providers.journal(channel)]
        for channel in ("EMAIL", "SMS", "WEB_HOOK")
    }


def test_live_messages_reach_their_destinations(providers: StandIns, enter: Enter) -> None:
    enter("live")
    one_of_each(providers)
    assert sent(providers) == {
        "EMAIL": ["ana@example.org"],
        "SMS": ["+4917012345678"],
        "WEB_HOOK": ["/customer?a=1"],
    }
    assert StreamEvent.objects.get().topic == "accounts"


def test_redirected_messages_reach_one_destination_and_no_other(providers: StandIns, enter: Enter) -> None:
    enter("live")
    one_of_each(providers)  # of production, copied while it was due
    enter("redirect")
    one_of_each(providers)
    assert sent(providers) == {
        "EMAIL": ["staging@example.org"] * 2,
        "SMS": ["+491700000000"] * 2,
        "WEB_HOOK": ["/staging"] * 2,
    }
    assert {entry["subject"] for entry in providers.journal("EMAIL")} == {"[to ana@example.org] Payment due"}
    assert not StreamEvent.objects.exists()  # there is nowhere else for it to go, so it waits
    assert set(Message.objects.values_list("type", "destination")) >= {
        ("EMAIL", "ana@example.org"),
        ("SMS", "+4917012345678"),
    }


def test_a_channel_without_a_redirect_destination_is_held(
    providers: StandIns, enter: Enter, settings: Any
) -> None:
    enter("redirect")
    settings.REDIRECT_TO = {MessageType.EMAIL: "staging@example.org"}
    one_of_each(providers)
    assert sent(providers) == {"EMAIL": ["staging@example.org"], "SMS": [], "WEB_HOOK": []}


def test_held_messages_leave_after_the_hold_and_are_not_late(providers: StandIns, enter: Enter) -> None:
    enter("hold")
    one_of_each(providers)
    assert sent(providers) == {"EMAIL": [], "SMS": [], "WEB_HOOK": []}
    assert not StreamEvent.objects.exists()
    assert health.survey(db_now()).due_since is None

    enter("live")
    assert sent(providers) == {
        "EMAIL": ["ana@example.org"],
        "SMS": ["+4917012345678"],
        "WEB_HOOK": ["/customer?a=1"],
    }


@pytest.mark.parametrize(
    ("mode", "banner"),
    [
        ("hold", "This installation sends nothing: all messages wait."),
        ("redirect", "This installation reaches no real destination: all messages are redirected."),
    ],
)
def test_every_page_says_so(client: Client, enter: Enter, mode: str, banner: str) -> None:
    enter("live")
    assert banner not in client.get("/sign-in/").text
    enter(mode)
    assert banner in client.get("/sign-in/").text
    client.force_login(officer())
    for page in ("/communications/", "/clients/", "/nowhere/", "/account/"):
        assert banner in client.get(page).text
