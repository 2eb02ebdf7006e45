"""Scripts in a browser whose page is on another host call the API only where API_ALLOWED_ORIGINS says so, and
never with cookies.
"""

from typing import Any

import pytest
from django.test import Client

from notifications.states import MessageState
from tests.commlog.api.conftest import Program, refusal
from tests.commlog.api.test_permissions import BASE
from tests.factories import make_message

pytestmark = pytest.mark.django_db
PORTAL, OTHER = "https://portal.example.org", "https://other.example.org"
ASKS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "apikey,content-type"}


def _told(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("Access-Control-")}


@pytest.fixture
def _for_the_portal(settings: Any) -> None:
    settings.API_ALLOWED_ORIGINS = [PORTAL]


@pytest.mark.usefixtures("_for_the_portal")
def test_an_allowed_page_may_ask_and_call(program: Program) -> None:
    asked = Client().options(f"{BASE}:search", headers={"Origin": PORTAL} | ASKS)
    assert (asked.status_code, asked.content, asked["Vary"]) == (204, b"", "Origin")
    assert _told(asked) == {
        "Access-Control-Allow-Origin": PORTAL,
        "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
        "Access-Control-Allow-Headers": "*, Authorization",
        "Access-Control-Max-Age": "3600",
        "Access-Control-Expose-Headers": "*",
    }
    message = make_message(MessageState.SENT)
    called = program.post(f"{BASE}:search", [], Origin=PORTAL)
    assert [each["encodedKey"] for each in called.json()] == [message.key.hex]
    assert _told(called) == {"Access-Control-Allow-Origin": PORTAL, "Access-Control-Expose-Headers": "*"}


@pytest.mark.usefixtures("_for_the_portal")
def test_an_allowed_page_can_read_what_is_wrong() -> None:
    for path, status in ((f"{BASE}:search", 401), ("/api/nothing", 404)):
        refused = Client().post(path, [], content_type="application/json", headers={"Origin": PORTAL})
        assert refusal(refused)[0] == status
        assert refused["Access-Control-Allow-Origin"] == PORTAL


@pytest.mark.parametrize(
    "origin", [OTHER, "null", "", f"{PORTAL}.evil.example", PORTAL.upper(), "http://portal.example.org"]
)
@pytest.mark.usefixtures("_for_the_portal")
def test_no_other_page_may(program: Program, origin: str) -> None:
    asked = Client().options(f"{BASE}:search", headers={"Origin": origin} | ASKS)
    called = program.post(f"{BASE}:search", [], Origin=origin)
    assert (asked.status_code, called.status_code) == (405, 200)
    assert (_told(asked), _told(called), "Origin" in called["Vary"]) == ({}, {}, True)


@pytest.mark.usefixtures("_for_the_portal")
def test_pages_stay_closed(client: Client) -> None:
    assert _told(client.options("/communications/", headers={"Origin": PORTAL} | ASKS)) == {}
    assert _told(client.get("/sign-in/", headers={"Origin": PORTAL})) == {}


def test_by_default_no_page_may(program: Program) -> None:
    asked = Client().options(f"{BASE}:search", headers={"Origin": PORTAL} | ASKS)
    called = program.post(f"{BASE}:search", [], Origin=PORTAL)
    assert (asked.status_code, called.status_code) == (405, 200)
    assert (_told(asked), _told(called), "Origin" in called["Vary"]) == ({}, {}, False)
