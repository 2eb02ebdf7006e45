"""docs/api.md: every block runs, in order, as it is written; and the page that describes the API is whole
without any other host.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from notifications.channels.base.contract import DeliveryError, Envelope
from notifications.channels.webhook import WebhookChannel, new_secret
from notifications.models import Message
from notifications.secrets.sealed import seal
from notifications.states import MessageState, MessageType
from tests.factories import make_client, make_message, make_template
from tests.web_server import ROOT, commlog

DOCS = ROOT / "docs" / "api.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (\w+\.py)\n")  # a block that readers save under this name


class Reader:
    """Somebody who pastes one block after the other into a shell; only the place of the demo is another."""

    def __init__(self, address: str, directory: Path) -> None:
        self.directory = directory
        self.written = {"http://127.0.0.1:8000": address, "--demo ": "", ".venv/bin/python": sys.executable}
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DATABASE_URL": _database(),
        }

    def begin(self, block: str) -> None:
        """The first block, which sets the two variables."""
        for written, here in self.written.items():
            assert written in block
            block = block.replace(written, here)
        told = self._run(["bash", "-euo", "pipefail", "-c", f'{block}\necho "$COMMLOG $KEY"'], ROOT)
        self.environment = self.environment | dict(zip(("COMMLOG", "KEY"), told.split(), strict=True))
        del self.environment["DATABASE_URL"]

    def bash(self, block: str) -> str:
        """What it prints."""
        return self._run(["bash", "-euo", "pipefail", "-c", block], self.directory)

    def python(self, block: str) -> str:
        """What it prints; one that has a name is kept under it, and only looked at."""
        name = NAMED.match(block)
        file = self.directory / (name[1] if name else "program.py")
        file.write_text(block)
        return self._run([sys.executable, *(["-m", "py_compile"] if name else []), str(file)], self.directory)

    def json(self, block: str) -> str:
        """What the block before it has left."""
        assert json.loads((self.directory / "error.json").read_text()) == json.loads(block)
        return ""

    def _run(self, command: list[str], directory: Path) -> str:
        ran = subprocess.run(
            command,
            cwd=directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0, f"{command[-1]}\n{ran.stdout}{ran.stderr}"
        return ran.stdout


def _database() -> str:
    if connection.vendor == "postgresql":
        return "postgres://{USER}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict)
    return f"sqlite:///{connection.settings_dict['NAME']}"


@pytest.fixture
def address(transactional_db: None) -> Iterator[str]:
    """Of a web server on the database of this test."""
    twilio = {"TWILIO_FROM": "Bank", "TWILIO_ACCOUNT_SID": "AC" + "0a" * 16, "TWILIO_AUTH_TOKEN": "0a" * 16}
    with commlog("--threads", "4", **twilio) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_every_block_runs_in_order(address: str, tmp_path: Path) -> None:
    make_template()
    make_client(client_id="000204037", email="ana@example.org")
    failed = [
        *_many_like(make_message(MessageState.FAILED), 1_002),
        *_many_like(make_message(MessageState.FAILED, MessageType.SMS), 2),
    ]
    reader = Reader(address, tmp_path)
    (_, first), *blocks = BLOCK.findall(DOCS.read_text())
    reader.begin(first)
    told = [getattr(reader, language)(block) for language, block in blocks]
    resent = Message.objects.exclude(resend_of=None).order_by("resend_of")
    assert list(resent.values_list("resend_of", flat=True)) == failed
    made = Message.objects.exclude(state=MessageState.FAILED).filter(resend_of=None, type=MessageType.EMAIL)
    assert Counter(made.values_list("subject", flat=True)) == {
        "Hello": 1,
        "Hello again": 1,
        "Only once": 1,
        "First of a list": 1,
        "Payment of 12.50": 1,
        "Payment of 10": 1,
        "Payment of 20": 1,
    }
    assert "3 failed, 0 of them left alone\n" in told
    assert f"{Message.objects.count() - 4} messages\n" in told  # before two e-mails and two events
    (template,) = [json.loads(each) for each in told if "signingSecret" in each]
    _check_receiver(tmp_path / "receiver.py", template["signingSecret"])


def _many_like(message: Message, others: int) -> list[int]:
    """The message and so many copies of it."""
    copies = [copy(message) for _ in range(others)]
    for each in copies:
        each.pk, each.key = None, uuid4()
    Message.objects.bulk_create(copies)
    return list(Message.objects.filter(type=message.type).order_by("pk").values_list("pk", flat=True))


def _check_receiver(program: Path, secret: str) -> None:
    """It takes what we sign with its secret, each message once, and nothing else."""
    message = Envelope(
        key=uuid4(),
        destination="",
        body='{"amount": 12.5}',
        content_type="application/json",
        signing_secrets=(seal(secret),),
    )
    channel = WebhookChannel([ip_network("127.0.0.0/8")], allow_http=True)
    with _running(program, secret) as (url, output):
        for _ in range(2):
            channel.send(replace(message, destination=url))
        for others in ((), (seal(new_secret()),)):
            with pytest.raises(DeliveryError, match="401"):
                channel.send(replace(message, destination=url, signing_secrets=others))
        channel.close()
    assert output.read_text() == '{"amount": 12.5}\n'


@contextmanager
def _running(program: Path, secret: str) -> Iterator[tuple[str, Path]]:
    """The receiver: its address, and where it prints to."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    output = program.with_suffix(".out")
    given = {"PORT": str(port), "SIGNING_SECRET": secret}
    with (
        output.open("w") as file,
        subprocess.Popen([sys.executable, str(program)], env=given, stdout=file) as running,
    ):
        until = time.monotonic() + 30
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert time.monotonic() < until
            time.sleep(0.05)
        try:
            yield f"http://127.0.0.1:{port}/", output
        finally:
            running.terminate()


@pytest.mark.django_db
def test_the_page_asks_no_other_host(client: Client) -> None:
    page = client.get("/api/docs")
    content = page.content.decode()
    assert (page.status_code, "/api/openapi.json" in content) == (200, True)
    assert re.findall(r'(?:src|href)="(?!/static/)([^"]*)"', content) == ["/api/openapi.json"]
    assert not re.search(r"<script(?![^>]*(?:src=|application/json))", content)
    described = client.get("/api/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    assert "/api/communications/messages:search" in described["paths"]
