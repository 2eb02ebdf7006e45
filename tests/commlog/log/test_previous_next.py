"""Previous and next on a message's page, in the log that it was opened from."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from commlog.models import MenuItem
from commlog.views.previous_next import Neighbours
from notifications.models import Message
from notifications.states import MessageState, MessageType
from tests.factories import make_client, make_message, make_user

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LOG = "/communications/"


def _rows(number: int = 5, **fields: object) -> list[Message]:
    """Newest first."""
    states = [MessageState.FAILED, MessageState.SENT]
    return [
        make_message(states[each % 2], created_at=NOW - timedelta(minutes=each), **fields)
        for each in range(number)
    ]


def _url(message: Message | None, origin: str) -> str:
    return f"/communications/{message.key.hex}/?from={quote(origin, safe='')}" if message else ""


def _beside(pages: Client, message: Message, origin: str) -> Neighbours | None:
    response = pages.get(_url(message, origin))
    assert response.status_code == 200
    found: Neighbours | None = response.context["beside"]
    return found


def test_through_the_whole_log_and_back(pages: Client) -> None:
    rows = _rows()
    for number, message in enumerate(rows):
        before = rows[number - 1] if number else None
        behind = rows[number + 1] if number + 1 < len(rows) else None
        assert _beside(pages, message, LOG) == Neighbours(LOG, _url(before, LOG), _url(behind, LOG))


def test_only_what_the_filter_lets_through(pages: Client) -> None:
    rows = _rows()
    origin = f"{LOG}?state=FAILED&per_page=25"
    assert _beside(pages, rows[2], origin) == Neighbours(origin, _url(rows[0], origin), _url(rows[4], origin))
    # Changed since.
    assert _beside(pages, rows[1], origin) == Neighbours(origin, _url(rows[0], origin), _url(rows[2], origin))


def test_in_the_order_of_the_log(pages: Client) -> None:
    sms, mail, hook = (
        make_message(type=MessageType.SMS),
        make_message(),
        make_message(type=MessageType.WEB_HOOK),
    )
    for origin, (first, second, third) in (
        (f"{LOG}?sort=type", (mail, sms, hook)),
        (f"{LOG}?sort=-type", (hook, sms, mail)),
    ):
        assert _beside(pages, second, origin) == Neighbours(origin, _url(first, origin), _url(third, origin))


@pytest.mark.parametrize("sort", ["message", "destination", "-sent", "sent", "state"])
def test_every_order_has_both_neighbours(pages: Client, sort: str) -> None:
    rows = _rows(7, content="the same text")
    origin = f"{LOG}?sort={sort}"
    listed = [row.message for row in pages.get(origin).context["log"].rows]
    assert len(listed) == len(rows)
    for before, message, behind in zip(listed, listed[1:], listed[2:], strict=False):
        assert _beside(pages, message, origin) == Neighbours(
            origin, _url(before, origin), _url(behind, origin)
        )


@pytest.mark.parametrize("kind", ["client", "user"])
def test_in_a_tab(pages: Client, kind: str) -> None:
    whom: object = make_client() if kind == "client" else make_user()
    rows = _rows(3, **{kind: whom})
    make_message(created_at=NOW - timedelta(seconds=30))
    origin = f"/{kind}s/{whom.key.hex}/communications/"  # type: ignore[attr-defined]
    assert _beside(pages, rows[1], origin) == Neighbours(origin, _url(rows[0], origin), _url(rows[2], origin))


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example/communications/",
        "//evil.example/communications/",
        "/\\evil.example/",
        "javascript:alert(1)",
        "/clients/",
        "/nowhere/",
        f"/clients/{'0' * 32}/communications/",
        "/communications/\0",
        "/communications/?" + "x" * 20_000,
        "/sign-out/",
        "///",
    ],
)
def test_what_is_no_log_of_ours_is_ignored(pages: Client, origin: str) -> None:
    message = make_message()
    assert _beside(pages, message, origin) is None
    assert "evil" not in pages.get(_url(message, origin)).text


def test_a_wrong_filter_has_no_neighbours_but_a_way_back(pages: Client) -> None:
    rows = _rows(3)
    for query in ("state=NOPE", "foo=1", "q=%00", "state=FAILED&state=SENT"):
        origin = f"{LOG}?{query}"
        assert _beside(pages, rows[1], origin) == Neighbours(origin)


def test_a_log_that_may_not_be_opened_has_none(pages: Client) -> None:
    rows = _rows(3)
    assert _beside(pages, rows[1], LOG) is not None
    MenuItem.objects.update(active=False)
    assert _beside(pages, rows[1], LOG) is None


@pytest.mark.parametrize("rows", [3, 9])
def test_the_cost_does_not_depend_on_the_log(
    pages: Client, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    found = _rows(rows)
    pages.get(_url(found[1], LOG))
    # Session, user with permissions; message, chain, attempts; menu item, columns, place,
    # before, behind; menu, jobs, banner.
    with django_assert_num_queries(14):
        pages.get(_url(found[1], LOG))


def test_rows_lead_to_the_page_with_their_log(pages: Client) -> None:
    message = make_message(MessageState.FAILED)
    shown = pages.get(f"{LOG}?state=FAILED").text
    assert f'href="/communications/{message.key.hex}/?from={LOG}?state%3DFAILED"' in shown
    page = pages.get(_url(message, f"{LOG}?state=FAILED")).text
    assert f'<a href="{LOG}?state=FAILED">' in page
    assert f'href="/communications/{message.key.hex}/?from"' in pages.get(LOG).text
    page = pages.get(f"/communications/{message.key.hex}/?from").text
    assert f'<a href="{LOG}">' in page


def test_the_dialog_asks_for_no_neighbours(
    pages: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    message = make_message()
    get: Callable[[], object] = lambda: pages.get(_url(message, LOG), headers={"HX-Request": "true"})  # noqa: E731
    get()
    with django_assert_num_queries(7):
        get()
