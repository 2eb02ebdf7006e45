"""Outages of the demo: played from its dashboard, and what the stand-ins say then."""

import json
import smtplib
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from bench.standins import stand_ins
from commlog.demo import outages
from commlog.demo.outages import Outage
from commlog.demo.place import Place
from tests.factories import officer


@pytest.mark.django_db
def test_the_dashboard_of_a_demo_plays_both_kinds(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(officer())
    assert "Play an outage" not in client.get("/").text
    assert client.post("/demo/outage/", {"kind": "down"}).status_code == 404
    demo = Place(tmp_path)
    demo.database.touch()
    memory = {"smtp": 1, "twilio": 2, "webhook": 3, "secret_key": "x", "finished": True}
    (tmp_path / "demo.json").write_text(json.dumps(memory))
    monkeypatch.setitem(settings.DATABASES["default"], "NAME", str(demo.database))
    for kind in (Outage.DOWN, Outage.REFUSING, Outage.NONE):
        assert client.post("/demo/outage/", {"kind": kind}).status_code == 302
        assert (client.get("/").context["outage"], outages.played(demo)) == (kind, kind)
    assert client.post("/demo/outage/", {"kind": "forever"}).status_code == 404


def test_a_mail_server_that_is_down_takes_no_connection_and_one_that_refuses_no_mail(tmp_path: Path) -> None:
    with stand_ins(tmp_path) as running:
        demo = Place(tmp_path)
        port = int(running.environment()["EMAIL_URL"].rpartition(":")[2])
        mail = smtplib.SMTP("127.0.0.1", port)
        outages.play(demo, Outage.DOWN)
        assert mail.mail("a@example.org")[0] == 421
        with pytest.raises(smtplib.SMTPServerDisconnected):
            mail.noop()
        with pytest.raises(smtplib.SMTPConnectError, match="421"):
            smtplib.SMTP("127.0.0.1", port)
        outages.play(demo, Outage.REFUSING)
        with smtplib.SMTP("127.0.0.1", port) as mail, pytest.raises(smtplib.SMTPDataError, match="550"):
            mail.sendmail("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\ny")
