"""Hostile addresses, asked of every list: a clear message, never an error of ours, never everything where a
condition is wrong.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from notifications.models import Message
from tests.factories import admin, make_client, make_group, make_message

pytestmark = pytest.mark.django_db

LONG = "x" * 10_000
ODD = [
    "",
    "%00",
    "a%00b",
    "-5",
    "💶",
    "مرحبا \u202e gnp",
    "0000-01-01",
    "9999-12-31",
    LONG,
    "'; DROP TABLE x; --",
    "<script>alert(1)</script>",
    "%",
    "_\\",
    "\u0301",
    "%ED%A0%80",
]
NAMES = (
    "q", "who", "state", "status", "type", "sender", "role", "action", "created_from", "created_to", "since",
    "until", "sort", "per_page", "page", "after", "before", "match", "c", "f1", "view", "columns",
    "timestamps", "density", "edited", "live", "newest", "counts", "next", "from", "nope",
)  # fmt: skip
LISTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "log": lambda made: "/communications/",
    "client's tab": lambda made: f"/clients/{made['client'].key.hex}/communications/",
    "group's tab": lambda made: f"/groups/{made['group'].key.hex}/communications/",
    "user's tab": lambda made: f"/users/{made['user'].key.hex}/communications/",
    "clients": lambda made: "/clients/",
    "groups": lambda made: "/groups/",
    "users": lambda made: "/users/",
    "users of the administration": lambda made: "/administration/users/",
    "audit trail": lambda made: "/administration/audit/",
    "menu items": lambda made: "/administration/menu-items/",
    "roles": lambda made: "/administration/roles/",
    "views": lambda made: "/communications/views/",
    "columns": lambda made: "/communications/columns/",
    "jobs": lambda made: "/jobs/",
}
LOGS = [name for name in LISTS if "log" in name or "tab" in name]


@pytest.fixture
def made(client: Client) -> dict[str, Any]:
    """A signed-in administrator, and a message of each kind of recipient."""
    user = admin()
    client.force_login(user)
    found = {"client": make_client(), "group": make_group(), "user": user}
    for name, person in found.items():
        make_message(**{name: person})
    return found


@pytest.mark.parametrize("name", LISTS)
def test_no_parameter_breaks_a_list(client: Client, made: dict[str, Any], name: str) -> None:
    path = LISTS[name](made)
    # Every name at the log, and every second one where the same code reads it.
    for number, parameter in enumerate(NAMES):
        if name != "log" and (number + len(name)) % 2:
            continue
        value = ODD[(number * 3 + len(name)) % len(ODD)]  # every value, and not with every name in every list
        query = f"{parameter}={value}" if "%" in value else urlencode({parameter: value})
        response = client.get(f"{path}?{query}")
        assert response.status_code in ((200, 404) if parameter == "view" else (200,)), query[:80]
        assert b"<script>alert" not in response.content


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("page=%00", "Unknown filter"),
        ("nope=1", "Unknown filter"),
        (f"q={LONG}", "at most 200 characters"),
        ("q=%00", "NUL character"),
        ("created_from=0000-01-01", "Enter a day between"),
        ("created_to=9999-12-31", "Enter a day between"),
        ("c=created.on.9999-12-31", "Must be a day such as"),
        ("c=nope.equals.1", "Unknown field"),
        ("state=💶", "Unknown state"),
    ],
    ids=lambda text: text[:24],
)
def test_a_wrong_condition_is_said_and_lists_nothing_in_every_log(
    client: Client, made: dict[str, Any], name: str, query: str, said: str
) -> None:
    path = LISTS[name](made)
    assert len(client.get(path).context["log"].rows) >= 1
    response = client.get(f"{path}?{query}")
    assert (response.status_code, list(response.context["log"].rows)) == (200, [])
    assert said.lower() in response.text.lower()


@pytest.mark.parametrize("name", LOGS)
def test_a_wrong_page_size_is_said_and_the_filter_stays(
    client: Client, made: dict[str, Any], name: str
) -> None:
    response = client.get(f"{LISTS[name](made)}?per_page=-5&state=FAILED")
    assert "A page cannot have “-5” rows. It has 25." in response.text
    assert list(response.context["log"].rows) == []
    assert Message.objects.count() == 3


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize("text", ["💶", "مرحبا", "\u202e gnp", "\u0301"])
def test_unusual_letters_are_searched_for_like_any(
    client: Client, made: dict[str, Any], name: str, text: str
) -> None:
    Message.objects.update(content=f"Dear {text} friend")
    assert len(client.get(LISTS[name](made), {"q": text}).context["log"].rows) >= 1
    Message.objects.update(content="Dear friend")
    assert list(client.get(LISTS[name](made), {"q": text}).context["log"].rows) == []
