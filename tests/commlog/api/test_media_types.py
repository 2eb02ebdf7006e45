"""Answers in the media type that was asked for: plain JSON, or by the name of the API's version."""

from typing import Any

import pytest
from django.test import Client

from notifications.models import Message
from notifications.states import MessageState
from tests.commlog.api.conftest import Program
from tests.commlog.api.test_permissions import BASE, EMAIL
from tests.factories import make_message

pytestmark = pytest.mark.django_db
JSON, V1, V2 = "application/json", "application/vnd.mambu.v1+json", "application/vnd.mambu.v2+json"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (V2, V2),
        (V2.upper(), V2),
        (f"{V2};q=0.9, */*;q=0.1", V2),
        (f"{V1}, {V2}", V2),
        (f"{V1}, */*", JSON),
        (f"{JSON}, {V2};q=0.5", JSON),
        (f"{V2};q=0, {JSON}", JSON),
        ("*/*", JSON),
        ("text/*", JSON),
        ("image/png", JSON),
        ("", JSON),
        ("\x01" * 2_000, JSON),
        (f"{V2};q=high", V2),
        (";,/;;q", JSON),
    ],
)
@pytest.mark.parametrize("prefix", ["/api", ""])
def test_what_is_accepted_is_answered_in_kind(program: Program, prefix: str, accept: str, kind: str) -> None:
    answer = program.post(f"{prefix}/communications/messages:search", [], Accept=accept)
    assert (answer.status_code, answer["Content-Type"], answer.json()) == (200, kind, [])
    assert "Accept" in answer["Vary"].split(", ")


def test_refusals_and_other_methods_are_answered_in_kind_too(program: Program) -> None:
    key = make_message(MessageState.SENT).key.hex
    for answer, status in (
        (program.get(f"{BASE}/{key}", Accept=V2), 200),
        (program.call("head", f"{BASE}/{key}", "", Accept=V2), 200),
        (program.post(f"{BASE}:search", {"of": 1}, Accept=V2), 400),
        (Client().get(f"{BASE}/{key}", headers={"Accept": V2}), 401),
        (program.call("delete", f"{BASE}/{key}", "", Accept=V2), 405),
    ):
        assert (answer.status_code, answer["Content-Type"], "Accept" in answer["Vary"]) == (status, V2, True)


def test_a_repeated_answer_is_in_the_kind_that_is_asked_for_now(program: Program, settings: Any) -> None:
    settings.EMAIL_HOST = "127.0.0.1"
    kinds = [
        program.post(BASE, EMAIL, Idempotency_Key="k", Accept=accept)["Content-Type"]
        for accept in (V2, "*/*", V2)
    ]
    assert kinds == [V2, JSON, V2]
    assert Message.objects.count() == 1


@pytest.mark.parametrize("accept", [V1, f"{V1}, text/html", f"{V1}, {V2};q=0, {JSON};q=0"])
@pytest.mark.parametrize("prefix", ["/api", ""])
def test_v1_alone_is_refused_and_nothing_is_done(
    program: Program, settings: Any, prefix: str, accept: str
) -> None:
    settings.EMAIL_HOST = "127.0.0.1"
    answer = program.post(f"{prefix}/communications/messages", EMAIL, Accept=accept)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["errorCode"], error["errorReason"]) == (406, 3, "INVALID_API_OPERATION")
    assert error["errorSource"] == f"Accept: this address answers {V2} and {JSON}, and no API v1"
    assert (answer["Content-Type"], "Accept" in answer["Vary"], Message.objects.count()) == (JSON, True, 0)


@pytest.mark.parametrize("path", ["/api/notifications/messages/search", "/api/notifications/messages"])
def test_there_are_no_addresses_of_v1(program: Program, path: str) -> None:
    assert program.post(path, {}, Accept="*/*").status_code == 404
    assert program.post(path, {}, Accept=V1).status_code in (404, 406)
