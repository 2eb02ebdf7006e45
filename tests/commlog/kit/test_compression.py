"""gzip above 1 KB for pages and programs; never for what shows a secret once."""

import gzip

import pytest
from django.test import Client
from django.urls import reverse

from commlog.api import large_responses
from notifications.states import MessageState, MessageType
from tests.commlog.api.conftest import Program, program
from tests.commlog.api.test_optional import TEMPLATE
from tests.commlog.api.test_permissions import BASE
from tests.factories import admin, make_consumer, make_message, make_template

__all__ = ["program"]  # a fixture of the API's tests
pytestmark = pytest.mark.django_db
LONG = "All work and no play. " * 100


@pytest.mark.parametrize("at_once", [large_responses._AT_ONCE, 100], ids=["in memory", "from a file"])
def test_a_long_answer_is_compressed(program: Program, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(large_responses, "_AT_ONCE", at_once)
    make_message(MessageState.SENT, content=LONG)
    plain = program.post(f"{BASE}:search", [])
    answer = program.post(f"{BASE}:search", [], Accept_Encoding="gzip")
    sent = answer.getvalue()
    assert (answer["Content-Encoding"], "Content-Encoding" in plain) == ("gzip", False)
    assert "Accept-Encoding" in answer["Vary"]
    assert gzip.decompress(sent) == plain.getvalue()
    assert len(sent) < 1_000 < len(LONG)


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "x-gzip", "gzip; q=0.000, br"])
def test_it_is_not_for_whoever_does_not_take_it(program: Program, accepted: str) -> None:
    make_message(MessageState.SENT, content=LONG)
    answer = program.post(f"{BASE}:search", [], Accept_Encoding=accepted)
    assert answer.json()[0]["body"] == LONG
    assert "Content-Encoding" not in answer


def test_a_short_answer_is_not_compressed(program: Program) -> None:
    make_message(MessageState.SENT, content="Short.")
    answer = program.post(f"{BASE}:search", [], Accept_Encoding="gzip")
    assert (len(answer.content) <= 1_024, "Content-Encoding" in answer) == (True, False)


def test_a_secret_is_not_compressed_nor_when_it_is_repeated(program: Program) -> None:
    body = TEMPLATE | {"body": LONG}
    answers = [
        program.post("/api/templates", body, Accept_Encoding="gzip", Idempotency_Key="k") for _ in range(2)
    ]
    for answer in answers:
        assert answer.json()["signingSecret"].startswith("whsec_")
        assert (len(answer.content) > 1_024, "Content-Encoding" in answer) == (True, False)
        assert answer["Cache-Control"] == "no-store, no-transform"
    read = program.get(answers[0]["Location"], Accept_Encoding="gzip")  # without the secret
    assert read["Content-Encoding"] == "gzip"


def test_the_description_keeps_its_tag(client: Client) -> None:
    first = client.get("/api/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert (first["Content-Encoding"], first["ETag"][:3]) == ("gzip", 'W/"')
    again = client.get(
        "/api/openapi.json", headers={"Accept-Encoding": "gzip", "If-None-Match": first["ETag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


def test_pages_are_compressed_but_for_those_that_show_a_key_or_secret_once(client: Client) -> None:
    client.force_login(admin())
    taken = {"Accept-Encoding": "gzip"}
    sizes = set()
    for _ in range(4):
        page = client.get("/communications/", headers=taken)
        sizes.add(len(page.content))
        assert (page["Content-Encoding"], page["Content-Length"]) == ("gzip", str(len(page.content)))
        assert b"<h1>Communications</h1>" in gzip.decompress(page.content)
    assert len(sizes) > 1  # a length says little of what is in it
    issued = client.post(
        reverse("api-consumer-key", args=[make_consumer("Extractor").key]), {"days": "30"}, headers=taken
    )
    assert b"It is shown only once" in issued.content
    hook = make_template(MessageType.WEB_HOOK)
    client.post(reverse("template-secret", args=[hook.key]))
    shown, later = (client.get(reverse("template", args=[hook.key]), headers=taken) for _ in range(2))
    assert b"shown only once: <code>whsec_" in shown.content
    assert later["Content-Encoding"] == "gzip"
    for page in (issued, shown):
        assert (page.headers.get("Content-Encoding"), page["Cache-Control"]) == (
            None,
            "no-store, no-transform",
        )
