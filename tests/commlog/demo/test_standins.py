"""The stand-ins speak their protocols to clients that are not ours, write down what they get, and can be out
of order.
"""

import hashlib
import json
import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from uuid import UUID

import pytest
import requests
from django.core.mail import EmailMessage, get_connection

from bench.standins import StandIns, stand_ins
from commlog.demo import standins
from notifications.channels.base.contract import DeliveryError, Envelope
from notifications.channels.email import EmailChannel
from notifications.channels.sms.channel import SmsChannel
from notifications.channels.webhook import WebhookChannel

KEY = UUID("0123456789abcdef0123456789abcdef")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[StandIns]:
    with stand_ins(tmp_path / "standins") as started:
        yield started


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def email_channel(running: StandIns) -> EmailChannel:
    return EmailChannel(
        "127.0.0.1", running.smtp.port, from_address="Commlog <noreply@example.org>", deadline=5.0
    )


def sms_channel(running: StandIns) -> SmsChannel:
    return SmsChannel(
        standins.ACCOUNT_SID, standins.AUTH_TOKEN, standins.FROM, running.environment()["TWILIO_API_URL"], 5.0
    )


def webhook_channel() -> WebhookChannel:
    return WebhookChannel([ip_network("127.0.0.0/8")], allow_http=True, deadline=5.0)


def test_a_mail_of_ours_is_recorded(running: StandIns) -> None:
    sender = email_channel(running)
    sender.send(
        Envelope(key=KEY, destination="a@example.com", subject="Grüße", body="Hällo\n.Welt", html="<p>x</p>")
    )
    sender.close()
    (entry,) = running.journal("EMAIL")
    assert entry["bytes"] > 300
    assert {name: entry[name] for name in ("channel", "destination", "key", "subject", "body", "html")} == {
        "channel": "EMAIL",
        "destination": "a@example.com",
        "key": KEY.hex,
        "subject": "Grüße",
        "body": sha("Hällo\n.Welt"),
        "html": True,
    }


def test_a_mail_of_djangos_is_recorded(running: StandIns) -> None:
    connection = get_connection(
        "django.core.mail.backends.smtp.EmailBackend", host="127.0.0.1", port=running.smtp.port, use_tls=False
    )
    EmailMessage("Subject", "Text\n", "from@example.org", ["b@example.com"], connection=connection).send()
    (entry,) = running.journal("EMAIL")
    assert (entry["destination"], entry["subject"], entry["body"], entry["html"]) == (
        "b@example.com",
        "Subject",
        sha("Text"),
        False,
    )


def test_an_outage_of_the_mail_server(running: StandIns) -> None:
    running.outage("EMAIL", True)
    with (
        smtplib.SMTP("127.0.0.1", running.smtp.port) as client,
        pytest.raises(smtplib.SMTPDataError) as caught,
    ):
        client.sendmail("a@example.org", ["b@example.com"], "Subject: x\r\n\r\nx")
    assert caught.value.smtp_code == 451
    running.outage("EMAIL", False)
    email_channel(running).send(Envelope(key=KEY, destination="a@example.com", body="x"))
    assert len(running.journal("EMAIL")) == 1


def test_an_sms_is_recorded(running: StandIns) -> None:
    receipt = sms_channel(running).send(Envelope(key=KEY, destination="+49 151 23456789", body="Grüße"))
    (entry,) = running.journal("SMS")
    assert (entry["sid"], entry["destination"], entry["body"]) == (
        receipt.provider_id,
        "+4915123456789",
        sha("Grüße"),
    )
    assert receipt.provider_id.startswith("SM")
    assert len(receipt.provider_id) == 34


def test_a_messaging_service_sends_too(running: StandIns) -> None:
    service, address = "MG" + "0a" * 16, running.environment()["TWILIO_API_URL"]
    SmsChannel(standins.ACCOUNT_SID, standins.AUTH_TOKEN, service, address, 5.0).send(
        Envelope(key=KEY, destination="+4915123456789", body="x")
    )
    assert [entry["destination"] for entry in running.journal("SMS")] == ["+4915123456789"]
    fields = {"To": "+4915123456789", "Body": "x", "MessagingServiceSid": service}
    url = f"{address}/2010-04-01/Accounts/{standins.ACCOUNT_SID}/Messages.json"
    made = requests.post(url, data=fields, auth=(standins.ACCOUNT_SID, standins.AUTH_TOKEN), timeout=5).json()
    assert (made["messaging_service_sid"], made["from"]) == (service, None)


@pytest.mark.parametrize(
    ("auth", "fields", "status", "code"),
    [
        (("AC", "x"), {"To": "+4915123456789", "Body": "x"}, 401, 20003),
        ((standins.ACCOUNT_SID, standins.AUTH_TOKEN), {"To": "0151", "Body": "x"}, 400, 21211),
    ],
)
def test_twilios_refusals(
    running: StandIns, auth: tuple[str, str], fields: dict[str, str], status: int, code: int
) -> None:
    url = (
        f"{running.environment()['TWILIO_API_URL']}/2010-04-01/Accounts/{standins.ACCOUNT_SID}/Messages.json"
    )
    answer = requests.post(url, data=fields, auth=auth, timeout=5)
    assert (answer.status_code, answer.json()["code"], answer.json()["status"]) == (status, code, status)
    assert running.journal("SMS") == []


def test_an_outage_of_twilio(running: StandIns) -> None:
    running.outage("SMS", True)
    with pytest.raises(DeliveryError) as caught:
        sms_channel(running).send(Envelope(key=KEY, destination="+4915123456789", body="x"))
    assert caught.value.retry_after is None  # so that the log shows the policy's own waits


def test_a_webhook_is_recorded(running: StandIns) -> None:
    url = running.webhook_url("/orders?id=1")
    webhook_channel().send(
        Envelope(key=KEY, destination=url, method="PATCH", content_type="application/json", body="{}")
    )
    (entry,) = running.journal("WEB_HOOK")
    assert (
        entry["destination"],
        entry["key"],
        entry["body"],
        entry["method"],
        entry["content_type"],
        entry["bytes"],
    ) == (
        "/orders?id=1",
        KEY.hex,
        sha("{}"),
        "PATCH",
        "application/json",
        2,
    )


def test_webhooks_that_fail_and_wait(running: StandIns) -> None:
    assert requests.post(running.webhook_url("/fail/418"), data="x", timeout=5).status_code == 418
    answer = requests.put(running.webhook_url("/slow/0.2"), data="x", timeout=5)
    assert (answer.status_code, answer.elapsed.total_seconds() >= 0.2) == (200, True)
    running.outage("WEB_HOOK", True)
    assert requests.post(running.webhook_url(), data="x", timeout=5).status_code == 503
    assert [entry["destination"] for entry in running.journal("WEB_HOOK")] == ["/slow/0.2"]


def test_as_a_process_of_its_own(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.standins", tmp_path], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    ready = json.loads(process.stdout.readline())
    assert requests.post(f"http://127.0.0.1:{ready['webhook']}/hook", data="x", timeout=5).text == "received"
    assert ready["environment"]["WEBHOOK_ALLOWED_NETS"] == "127.0.0.0/8"
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert len((tmp_path / "WEB_HOOK.jsonl").read_text().splitlines()) == 1
