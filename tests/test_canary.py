"""A secret that is entered once is found nowhere again: no page, no answer, no log, no export, no row of the
database but sealed.
"""

import io
import logging
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import openpyxl
import pytest
from django.apps import apps
from django.core.management import call_command
from django.test import Client
from pytest_httpserver import HTTPServer
from werkzeug import Response

from notifications import channels
from notifications.delivery import drain
from notifications.models import Attempt, Message, NotificationTemplate
from notifications.outbox import Draft, enqueue
from notifications.process import this_process
from notifications.secrets import sealed as secrets
from notifications.secrets.sealed import is_sealed
from notifications.states import MessageType
from tests.factories import admin, make_key
from tests.forms import seen_at

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "c4n4ry-of-a-secret"
TEMPLATES = "/administration/templates/"
FORM = {
    "name": "Ledger", "active": "on", "event": "LOAN_REPAYMENT", "target": "CLIENT", "recipient": "OWNER",
    "trigger_days": "0", "subscription": "OPT_OUT", "match_any": "all", "method": "POST",
    "content_type": "application/json", "text": "{}", "auth_username": "bank",
}  # fmt: skip


@pytest.fixture
def receiver(httpserver: HTTPServer, settings: Any) -> str:
    """A receiver that says back what it was sent, and refuses it."""
    settings.WEBHOOK_ALLOWED_NETS, settings.WEBHOOK_ALLOW_HTTP = [ip_network("127.0.0.0/8")], True
    settings.EMAIL_HOST_PASSWORD = settings.TWILIO_AUTH_TOKEN = CANARY
    channels.close_all()
    this_process.forget()
    httpserver.expect_request("/in").respond_with_handler(lambda request: _echo(str(request.headers)))
    return httpserver.url_for("/in").replace("localhost", "127.0.0.1")


def _echo(said: str) -> Any:
    return Response(f"I got {said}", status=500)


def rows() -> Iterator[tuple[str, str]]:
    """Every value of every row, as a dump of the database holds it."""
    for model in apps.get_models():
        for values in model._default_manager.values():
            yield from ((f"{model.__name__}.{name}", str(value)) for name, value in values.items())


def everything_shown(pages: Client, key: str) -> Iterator[tuple[str, str]]:
    """Every place where a secret could show."""
    message, template = (
        Message.objects.filter(type=MessageType.WEB_HOOK)[0],
        NotificationTemplate.objects.get(),
    )
    for path in (
        "/communications/",
        f"/communications/{message.key.hex}/",
        "/administration/channels/",
        "/administration/audit/",
        TEMPLATES,
    ):
        yield path, pages.get(path).text
    for path in (f"{TEMPLATES}{template.key.hex}/", f"{TEMPLATES}{template.key.hex}/edit/"):
        yield path, pages.get(path).text
    found = pages.post(
        "/api/communications/messages:search", "[]", content_type="application/json", headers={"apiKey": key}
    )
    yield "API", found.content.decode()
    yield (
        "API",
        pages.get(
            f"/api/communications/messages/{message.key.hex}", headers={"apiKey": key}
        ).content.decode(),
    )
    answer = pages.post("/communications/export/")
    book = openpyxl.load_workbook(io.BytesIO(b"".join(answer)))
    yield "export", str([[cell.value for cell in row] for sheet in book for row in sheet.iter_rows()])
    dump = io.StringIO()
    call_command("dumpdata", stdout=dump)
    yield "dumpdata", dump.getvalue()
    said = io.StringIO()
    call_command("message", message.key.hex, "--json", stdout=said)
    yield "manage.py message", said.getvalue()


def test_a_secret_that_is_entered_once_is_shown_nowhere_and_survives_a_new_key(
    receiver: str, httpserver: HTTPServer, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    pages, key = Client(), make_key()
    pages.force_login(admin())
    hidden = {
        "header_lines": f"X-Api-Key: {CANARY}\nX-Tenant: demo",
        "password": CANARY,
        "destination": "https://hooks.example.org/in",
    }
    assert pages.post(f"{TEMPLATES}new/?type=WEB_HOOK", FORM | hidden).status_code == 302
    template = NotificationTemplate.objects.get()
    message = enqueue(
        Draft(
            MessageType.WEB_HOOK,
            destination=receiver,
            body="{}",
            headers={"Authorization": f"Bearer {CANARY}", "X-Tenant": "demo"},
            auth_password="",
            template=template,
        )
    )
    drain(MessageType.WEB_HOOK)

    request, _ = httpserver.log[-1]
    assert request.headers["Authorization"] == f"Bearer {CANARY}"  # it was sent, and said back
    assert "hidden" in Attempt.objects.filter(message=message)[0].detail

    def assert_hidden() -> None:
        leaks = {
            where
            for where, text in (*rows(), *everything_shown(pages, key), ("log", caplog.text))
            if CANARY in text
        }
        assert leaks == set()

    assert_hidden()
    template.refresh_from_db()
    sealed = template.auth_password
    assert is_sealed(sealed)

    # Changed without entering it again, it stays.
    edited = FORM | {
        "header_lines": "X-Api-Key: hidden\nX-Tenant: new",
        "destination": "https://hooks.example.org/in",
    }
    edit = f"{TEMPLATES}{template.key.hex}/edit/"
    assert pages.post(edit, edited | seen_at(pages, edit)).status_code == 302
    template.refresh_from_db()
    assert secrets.open_headers(template.headers) == {"X-Api-Key": CANARY, "X-Tenant": "new"}

    old, settings.SECRETS_KEY = settings.SECRETS_KEY, "another key for tests, 32 characters and more"
    settings.SECRETS_PREVIOUS_KEYS = [old]
    call_command("rotate_secrets", stdout=io.StringIO())
    settings.SECRETS_PREVIOUS_KEYS = []
    template.refresh_from_db()
    message.refresh_from_db()
    assert template.auth_password != sealed
    assert secrets.opened(template.auth_password) == CANARY
    assert secrets.open_headers(message.headers)["Authorization"] == f"Bearer {CANARY}"
    assert_hidden()
