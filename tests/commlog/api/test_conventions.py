"""What clients expect of any API: HEAD, Location, the id of a request, ETag, errors in JSON, answers that say
they are repeated.
"""

import logging
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from commlog.api.codes import Code
from commlog.kit.log_lines import Line
from notifications.models import NotificationTemplate
from notifications.states import MessageState
from tests.commlog.api.conftest import Program, refusal
from tests.commlog.api.test_optional import TEMPLATE
from tests.commlog.api.test_permissions import BASE, EMAIL
from tests.factories import make_key, make_message

pytestmark = pytest.mark.django_db


def test_head_is_get_without_its_body(program: Program) -> None:
    path = f"{BASE}/{make_message(MessageState.SENT).key.hex}"
    whole, head = program.get(path), program.call("head", path, "")
    assert (head.status_code, head.content, head["Content-Type"]) == (200, b"", whole["Content-Type"])
    assert program.call("head", f"{BASE}:search", "").status_code == 405
    assert program.call("delete", path, "")["Allow"] == "GET, HEAD"
    assert Client().head(path).status_code == 401


@pytest.mark.parametrize("prefix", ["/api", ""])
def test_what_is_made_says_where_it_can_be_read(program: Program, prefix: str) -> None:
    made = program.post(f"{prefix}/communications/messages", EMAIL, Idempotency_Key="k")
    assert made["Location"] == f"{prefix}/communications/messages/{made.json()['encodedKey']}"
    assert program.get(made["Location"]).json()["encodedKey"] == made.json()["encodedKey"]
    again = program.post(f"{prefix}/communications/messages", EMAIL, Idempotency_Key="k")
    assert (again["Location"], again["Idempotency-Replayed"], "Idempotency-Replayed" in made) == (
        made["Location"],
        "true",
        False,
    )


def test_a_program_that_only_sends_is_told_the_place_and_the_repetition() -> None:
    Group.objects.create(name="Sender").permissions.set(
        Permission.objects.filter(codename="send_manual_email")
    )
    program = Program(make_key(role="Sender"))
    answers = [program.post(BASE, EMAIL, Idempotency_Key="k") for _ in range(2)]
    assert [answer["Location"] for answer in answers] == [f"{BASE}/{answers[0].json()['encodedKey']}"] * 2
    assert [answer.get("Idempotency-Replayed") for answer in answers] == [None, "true"]


def test_a_template_says_where_it_can_be_read(program: Program) -> None:
    assert (
        program.post("/api/templates", TEMPLATE)["Location"]
        == f"/api/templates/{NotificationTemplate.objects.get().key.hex}"
    )


def test_every_answer_and_its_log_lines_name_the_request(
    program: Program, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.handler.setFormatter(Line("{call} {message}", style="{"))
    assert program.post(f"{BASE}:search", [], X_Request_Id="batch-7.a")["X-Request-Id"] == "batch-7.a"
    names = [
        program.post(f"{BASE}:search", [], X_Request_Id=given)["X-Request-Id"]
        for given in ("", "two words", "x" * 65)
    ]
    assert sorted({len(name) for name in names}) == [32]
    assert len(set(names)) == 3
    for path in ("/api/nothing", f"{BASE}/{'0' * 32}"):
        assert program.get(path, **{"X-Request-Id": "lost-1"})["X-Request-Id"] == "lost-1"
    assert caplog.text.splitlines() == [
        " [lost-1] Not Found: /api/nothing",
        f" [lost-1] Not Found: {BASE}/{'0' * 32}",
    ]
    page = Client().get("/healthz")["X-Request-Id"]
    (console,) = [each for each in logging.getLogger().handlers if type(each) is logging.StreamHandler]
    line = logging.makeLogRecord({"name": "commlog", "msg": "Done.", "levelname": "INFO"})
    assert console.format(line).endswith(f"INFO commlog [{page}] Done.")
    program.post(f"{BASE}:search", [], X_Request_Id="batch-7.a")
    assert console.format(line).endswith("INFO commlog [batch-7.a] Done.")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (f"{BASE}:search", "{", 400),
        (f"{BASE}:search", [{"field": "nothing"}], 400),
        ("/communications/messages:resend", ["0" * 32], 404),
        (f"{BASE}:resend", {}, 400),
        ("/api/nothing", {}, 404),
        ("/api/" + "x" * 50_000, {}, 414),
    ],
)
def test_an_error_names_the_request_in_its_body_too(
    program: Program, path: str, body: Any, status: int
) -> None:
    refused = program.post(path, body, X_Request_Id="batch-7.a")
    assert (refused.status_code, refused["X-Request-Id"], refused.json()["requestId"]) == (
        status,
        "batch-7.a",
        "batch-7.a",
    )
    unnamed = program.post(path, body)
    assert (len(unnamed["X-Request-Id"]), unnamed.json()["requestId"]) == (32, unnamed["X-Request-Id"])


def test_what_nobody_foresaw_can_be_found_in_the_log(
    program: Program, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.handler.setFormatter(Line("{call} {message}", style="{"))
    monkeypatch.delattr("commlog.api.messages.pages.answer")
    failed = program.post(f"{BASE}:search", [], X_Request_Id="batch-7.b")
    assert (refusal(failed)[:2], failed.json()["requestId"]) == ((500, Code.INTERNAL_ERROR), "batch-7.b")
    assert (
        " [batch-7.b] An operation of the API failed: POST /api/communications/messages:search" in caplog.text
    )


def test_the_description_is_fetched_once() -> None:
    first = Client().get("/api/openapi.json")
    assert first["Cache-Control"] == "no-cache"
    again = Client().get("/api/openapi.json", headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("path", ["/api/nothing", "/api/", "/communications/messages/of/nobody"])
def test_an_address_of_nothing_is_said_in_json(settings: Any, debug: bool, path: str) -> None:
    settings.DEBUG = debug
    assert refusal(Client().get(path))[:2] == (404, 3)
