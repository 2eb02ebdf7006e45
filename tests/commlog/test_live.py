"""Live refresh: rows that are not final are drawn anew, what has come is counted, and nothing is inserted."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group as Role
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from commlog import live
from commlog.limits import TookTooLong, time_limit
from commlog.models import ColumnLayout, CustomView, User
from notifications.models import Message
from notifications.states import MessageState, MessageType
from tests.factories import make_message, officer, outsider

pytestmark = pytest.mark.django_db
URL = "/communications/"


@pytest.fixture
def pages(client: Client) -> Client:
    client.force_login(officer())
    return client


def test_a_page_says_what_it_waits_for(pages: Client) -> None:
    waiting, sent = make_message(MessageState.WAITING), make_message(MessageState.SENT)
    text = pages.get(URL).text
    assert f'data-live="{waiting.pk}"' in text
    assert f'data-live="{sent.pk}"' not in text
    assert f'data-watch="{sent.pk}"' in text


def test_rows_are_drawn_anew_in_their_place(pages: Client) -> None:
    one, two = make_message(MessageState.WAITING), make_message(MessageState.QUEUED)
    make_message(MessageState.SENT)
    Message.objects.filter(pk=one.pk).update(state=MessageState.SENT, due_at=None, waiting_reason="", sent_at=one.created_at)
    response = pages.get(URL, {"live": f"{one.pk},{two.pk}", "newest": str(two.pk)}, headers={"HX-Request": "true"})
    assert response.text.count("<tr") == 2
    assert response.text.count('hx-swap-oob="true"') == 3
    assert f'id="row-{one.key.hex}" data-row data-state="SENT" hx-swap-oob="true"' in response.text
    assert "1 new message <a" in response.text
    assert "HX-Push-Url" not in response


def watching(pages: Client, url: str = URL) -> tuple[int, str]:
    """How many cells the head of the page has, and what it asks by itself."""
    text = pages.get(url).text
    head = text.split("<thead")[1].split("</thead>")[0]
    address = unescape(re.search(r'data-here="([^"]*)"', text)[1])  # type: ignore[index]
    return head.count("<th "), address


def cells(pages: Client, address: str, row: Message) -> int:
    """How many cells the row has that comes in the place of the one that the page has."""
    text = pages.get(f"{address}&newest={row.pk}&live={row.pk}", headers={"HX-Request": "true"}).text
    return len(re.findall(r"<t[dh]\b", text.split("<template>")[1].split("</template>")[0]))


@pytest.mark.parametrize("before", [{}, {"columns": ["state", "type", "created"], "timestamps": False}])
def test_rows_fit_the_heads_of_their_page_whatever_was_chosen_since(pages: Client, before: dict[str, Any]) -> None:
    row, user = make_message(MessageState.WAITING), User.objects.get()
    if before:
        ColumnLayout.objects.create(user=user, kind="LOG", **before)
    heads, address = watching(pages)
    after = {"columns": ["state", "destination"], "timestamps": True}
    ColumnLayout.objects.update_or_create(user=user, kind="LOG", defaults=after)
    assert cells(pages, address, row) == heads
    text = pages.get(f"{address}&newest={row.pk}&live={row.pk}", headers={"HX-Request": "true"}).text
    assert (row.created_at.strftime(" %H:%M<") in text) == (not before)
    assert "drawn-" not in text


def test_rows_fit_where_the_view_was_saved_anew_with_other_columns(pages: Client) -> None:
    row = make_message(MessageState.WAITING)
    view = CustomView.objects.create(name="Three", for_everyone=True, columns=["state", "type", "created"])
    heads, address = watching(pages, f"{URL}?view={view.key.hex}")
    CustomView.objects.update(columns=["state"])
    assert (heads, cells(pages, address, row)) == (5, 5)


def test_rows_fit_where_the_permission_to_resend_comes_or_goes(pages: Client) -> None:
    row, user = make_message(MessageState.WAITING), User.objects.get()
    heads, address = watching(pages)
    user.groups.set([Role.objects.get(name="Viewer")])
    assert cells(pages, address, row) == heads
    fewer, address = watching(pages)
    user.groups.set([Role.objects.get(name="Officer")])
    assert cells(pages, address, row) == fewer == heads - 1


def test_show_leads_to_the_first_page_of_the_same_log(pages: Client) -> None:
    first = make_message()
    make_message()
    after = pages.get(URL, {"sort": "type"}).context["log"].sorting.alias
    text = pages.get(f"{URL}?c=type.equals.EMAIL&sort={after}&after=abc&newest={first.pk}").text
    assert '<a href="/communications/?c=type.equals.EMAIL&amp;sort=type">Show</a>' in text


def test_what_is_new_is_what_the_filter_would_show(pages: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make_message(MessageState.SENT)
    for _ in range(3):
        make_message(MessageState.SENT, MessageType.SMS)
    url = f"{URL}?newest={first.pk}"
    assert "3 new messages <a" in pages.get(f"{url}&type=SMS").text
    assert "<a" not in pages.get(f"{url}&type=EMAIL").text
    assert "<a" not in pages.get(f"{url}&type=NOPE").text
    assert "<a" not in pages.get(f"{url}&q=nobody").text
    monkeypatch.setattr(live, "CAP", 2)
    assert "More than 2 new messages <a" in pages.get(url).text


@pytest.mark.parametrize("keys", ["", "x", "\0", "0", "-1", "²", "💶," * 2_000, "1" * 9_000])
@pytest.mark.parametrize("newest", ["", "-1", "x", "\0", "9" * 5_000, "²"])
def test_strange_questions_get_an_answer(pages: Client, keys: str, newest: str) -> None:
    make_message()
    response = pages.get(URL, {"live": keys, "newest": newest})
    assert response.status_code == 200
    assert "<tr" not in response.text


def test_nobody_without_permission_is_told(client: Client) -> None:
    client.force_login(outsider())
    assert client.get(URL, {"live": str(make_message().pk), "newest": "0"}).status_code == 403


@pytest.mark.parametrize("rows", [1, 3])
def test_it_costs_the_same_for_one_row_and_for_three(pages: Client, rows: int, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    keys = ",".join(str(make_message(MessageState.WAITING).pk) for _ in range(rows))
    postgres = 4 if connection.vendor == "postgresql" else 0  # a savepoint and a limit around the count
    with django_assert_num_queries(9 + postgres):
        assert pages.get(URL, {"live": keys, "newest": "0"}).text.count("<tr") == rows


def test_a_question_that_takes_too_long_is_stopped() -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(TookTooLong), time_limit(0.1), connection.cursor() as cursor:
        cursor.execute(endless)
    assert Message.objects.count() == 0  # the connection is as good as before


def test_a_search_that_takes_too_long_is_said(pages: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_message()

    def slow(*_: object, **__: object) -> None:
        raise TookTooLong

    monkeypatch.setattr("commlog.paging.fetch", slow)
    response = pages.get(URL, {"q": "x"})
    assert "The search was stopped" in response.text
    assert response.context["log"].rows == []
