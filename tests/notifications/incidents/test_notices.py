"""Alerts: each way on a lane of its own, never through one in trouble while another works."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from bench.hostile.servers import RawHttp, ScriptedSmtp, says
from bench.standins import StandIns
from notifications import alerts, channels, outbox, tasks
from notifications.channels.webhook import new_secret
from notifications.channels.webhook.channel import alert_body
from notifications.database.clock import db_now
from notifications.incidents import detection
from notifications.models import IncidentNotice, Message
from notifications.states import MessageType
from tests.factories import admin, make_lane, set_up_channels

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[3]
HOOK = "https://hooks.slack.com/services/T0/B0/x"


@pytest.fixture(autouse=True)
def _all_ways(settings: Any) -> None:
    set_up_channels(settings)
    settings.ALERT_EMAIL, settings.ALERT_WEBHOOK_URL = "operations@example.org", HOOK
    settings.ALERT_SMS_TO = "+4917012345678"
    channels.close_all()


def _lanes() -> dict[str, str]:
    return {each.type: each.lane.name for each in Message.objects.select_related("lane")}


def test_each_way_has_a_lane_of_its_own() -> None:
    alerts.tell_all("Commlog: x failing", "y")
    assert _lanes() == {
        "EMAIL": "127.0.0.1:25 (alerts)",
        "SMS": "twilio (alerts)",
        "WEB_HOOK": "hooks.slack.com:443 (alerts)",
    }
    assert json.loads(Message.objects.get(type="WEB_HOOK").content) == {"text": "Commlog: x failing\n\ny"}
    assert Message.objects.get(type="SMS").content == "Commlog: x failing"
    assert channels.get(MessageType.SMS).lane("+4917087654321") == "twilio"


def test_nobody_is_told_through_what_is_in_trouble(settings: Any) -> None:
    mail, sms = make_lane(MessageType.EMAIL, "127.0.0.1:25"), make_lane(MessageType.SMS, "twilio (alerts)")
    alerts.tell_all("x", "y", avoid=[mail, sms])
    assert set(_lanes()) == {"WEB_HOOK"}
    Message.objects.all().delete()
    settings.ALERT_EMAIL_URL = {"EMAIL_HOST": "second.example.org", "EMAIL_PORT": 587}
    channels.close_all()
    alerts.tell_all("x", "y", avoid=[mail, sms])
    assert _lanes()["EMAIL"] == "second.example.org:587 (alerts)"
    assert set(_lanes()) == {"EMAIL", "WEB_HOOK"}


def test_where_all_are_in_trouble_it_waits_for_them(settings: Any) -> None:
    settings.ALERT_WEBHOOK_URL = settings.ALERT_SMS_TO = ""
    told = alerts.tell_all("x", "y", avoid=[make_lane(MessageType.EMAIL, "127.0.0.1:25")])
    assert [each.type for each in told] == ["EMAIL"]


def test_teams_gets_a_card_and_others_a_text() -> None:
    assert json.loads(alert_body("https://x.webhook.office.com/y", "z"))["type"] == "message"
    assert json.loads(alert_body(HOOK, "z")) == {"text": "z"}


def test_each_way_can_be_tested(client: Client) -> None:
    client.force_login(admin())
    assert client.get("/administration/channels/").text.count("test-alert") == 3
    for way in ("EMAIL", "SMS", "WEB_HOOK"):
        client.post(f"/administration/channels/{way}/test-alert/")
    assert sorted(_lanes()) == ["EMAIL", "SMS", "WEB_HOOK"]


@pytest.mark.django_db(transaction=True)
def test_an_outage_is_told_by_the_second_mail_server_and_by_a_webhook_signed_as_documented(
    providers: StandIns, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ALERT_SMS_TO, settings.ALERT_WEBHOOK_SECRET = "", new_secret()
    first = {"mail": "550 5.7.1 Go away"}
    with (
        closing(ScriptedSmtp(first)) as broken,
        closing(ScriptedSmtp()) as second,
        closing(RawHttp(says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))) as hook,
    ):
        settings.EMAIL_PORT = broken.port
        settings.ALERT_EMAIL_URL = {"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": second.port}
        settings.ALERT_WEBHOOK_URL = f"http://127.0.0.1:{hook.port}/alerts"
        channels.close_all()
        outbox.enqueue_many(
            outbox.Draft(MessageType.EMAIL, destination=f"ana{each}@example.org", subject="s", body="b")
            for each in range(3)
        )
        tasks.drain("EMAIL")
        detection.watch(db_now())
        for way in ("EMAIL", "WEB_HOOK"):
            tasks.drain(way)

    told = {notice.message.type: notice.message.state for notice in IncidentNotice.objects.all()}
    assert told == {"EMAIL": "SENT", "WEB_HOOK": "SENT"}
    assert (len(broken.mails), len(second.mails)) == (0, 1)
    assert b"To: operations@example.org" in second.mails[0]
    # The receiver of docs/api.md, with the secret that an operator gives it.
    head, _, body = hook.requests[0].partition(b"\r\n\r\n")
    headers = {name.lower(): value for name, _, value in map(_parted, head.decode().split("\r\n")[1:])}
    code = (ROOT / "docs" / "api.md").read_text().partition("# receiver.py\n")[2].partition("\nclass ")[0]
    for secret, genuine in ((settings.ALERT_WEBHOOK_SECRET, True), (new_secret(), False)):
        monkeypatch.setenv("SIGNING_SECRET", secret)
        receiver: dict[str, Any] = {}
        exec(code, receiver)
        assert receiver["is_genuine"](headers, body) is genuine
    assert json.loads(body)["text"].startswith("Commlog: E-mail by 127.0.0.1:")


def _parted(line: str) -> tuple[str, str, str]:
    return line.partition(": ")
