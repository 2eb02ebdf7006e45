"""docs/api.md: every example runs; and the page that describes the API is whole without any other host."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from notifications.models import Message
from notifications.states import MessageState
from tests.factories import make_key, make_message

DOCS = Path(__file__).resolve().parents[3] / "docs" / "api.md"


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_every_example_runs(live_server: LiveServer, settings: Any, tmp_path: Path) -> None:
    settings.EMAIL_HOST = "127.0.0.1"
    failed = make_message(MessageState.FAILED)
    script = "\n".join(["set -euo pipefail", *re.findall(r"```sh\n(.*?)```", DOCS.read_text(), re.S)])
    environment = {"COMMLOG": live_server.url, "KEY": make_key(), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    ran = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert '"timeZoneID"' in ran.stdout
    assert set(Message.objects.exclude(pk=failed.pk).values_list("state", "resend_of", "subject")) == {
        ("QUEUED", failed.pk, "Payment due"),
        ("QUEUED", None, "Hello"),
    }


def test_the_examples_are_not_forgotten() -> None:
    assert DOCS.read_text().count("```sh\n") == 7


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
