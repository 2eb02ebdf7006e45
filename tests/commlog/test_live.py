"""Live refresh: rows that are not final are drawn anew, what has come is counted, and nothing is inserted."""

import re
from datetime import timedelta
from html import unescape
from time import monotonic
from typing import Any

import pytest
from django.contrib.auth.models import Group as Role
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from commlog.kit.limits import TookTooLong, time_limit
from commlog.live import rows as live_rows
from commlog.models import ColumnLayout, CustomView, User
from commlog.models.job import JobState
from notifications.models import Message
from notifications.states import MessageState, MessageType
from tests.factories import admin, make_attempt, make_job, make_message, make_resend, outsider
from tests.open_page import OpenPage

pytestmark = pytest.mark.django_db
URL = "/communications/"


def test_a_page_says_what_it_waits_for(pages: Client) -> None:
    waiting, sent = make_message(MessageState.WAITING), make_message(MessageState.SENT)
    text = pages.get(URL).text
    assert f'id="row-{waiting.pk}" data-row="' in text
    assert f'data-watch="{sent.pk}"' in text


def test_rows_are_drawn_anew_in_their_place(pages: Client) -> None:
    one, two = make_message(MessageState.WAITING), make_message(MessageState.QUEUED)
    make_message(MessageState.SENT)
    Message.objects.filter(pk=one.pk).update(
        state=MessageState.SENT, due_at=None, waiting_reason="", sent_at=one.created_at
    )
    response = pages.get(
        URL, {"live": f"{one.pk},{two.pk}", "newest": str(two.pk)}, headers={"HX-Request": "true"}
    )
    assert response.text.count("<tr") == 2
    assert response.text.count('hx-swap-oob="true"') == 2
    assert response.text.count('id="newcomers" hx-swap-oob="innerHTML"') == 1
    assert re.search(rf'id="row-{one.pk}" data-row="\w{{8}}" hx-swap-oob="true".*i-SENT', response.text)
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
def test_rows_fit_the_heads_of_their_page_whatever_was_chosen_since(
    pages: Client, before: dict[str, Any]
) -> None:
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
    assert (
        '<a href="/communications/?c=type.equals.EMAIL&amp;sort=type" data-keeps-ticks data-news="1">Show</a>'
        in text
    )


def test_what_is_new_is_what_the_filter_would_show(pages: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make_message(MessageState.SENT)
    for _ in range(3):
        make_message(MessageState.SENT, MessageType.SMS)
    url = f"{URL}?newest={first.pk}"
    assert "3 new messages <a" in pages.get(f"{url}&type=SMS").text
    assert "<a" not in pages.get(f"{url}&type=EMAIL").text
    assert "<a" not in pages.get(f"{url}&type=NOPE").text
    assert "<a" not in pages.get(f"{url}&q=nobody").text
    monkeypatch.setattr(live_rows, "CAP", 2)
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
def test_it_costs_the_same_for_one_row_and_for_three(
    pages: Client, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    keys = ",".join(str(make_message(MessageState.WAITING).pk) for _ in range(rows))
    postgres = 4 if connection.vendor == "postgresql" else 0  # a savepoint and a limit around the count
    with django_assert_num_queries(8 + postgres):
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

    monkeypatch.setattr("commlog.kit.paging.fetch", slow)
    response = pages.get(URL, {"q": "x"})
    assert "The search was stopped" in response.text
    assert response.context["log"].rows == []


# --- What an open page asks by itself -----------------------------------------------------------------------
def test_nothing_is_answered_where_nothing_has_changed(pages: Client) -> None:
    failed = make_message(MessageState.FAILED)
    make_resend(failed, MessageState.SENT)
    make_message(MessageState.WAITING)
    job = make_job(User.objects.get())
    urls = (
        "/communications/",
        "/communications/?sort=type",
        "/",
        "/jobs/",
        "/account/",
        f"/jobs/{job.key.hex}/",
    )
    for url in (*urls, f"/communications/{failed.key.hex}/"):
        page = OpenPage(pages, url)
        page.ask()  # the counts of the views come after the page
        again = page.ask()
        assert (url, again.status_code, again.content, again.cookies) == (url, 204, b"", {})


def test_only_the_rows_travel_that_have_changed(pages: Client) -> None:
    rows = [make_message(MessageState.WAITING) for _ in range(5)]
    page = OpenPage(pages, URL)
    page.ask()
    Message.objects.filter(pk=rows[2].pk).update(failures=2)
    text = page.ask().text
    assert re.findall(r'<tr id="row-(\w+)"', text) == [str(rows[2].pk)]
    assert page.ask().status_code == 204


def test_a_row_says_what_became_of_its_resend(pages: Client) -> None:
    failed = make_message(MessageState.FAILED)
    page = OpenPage(pages, URL)
    new = make_resend(failed, MessageState.QUEUED)  # a colleague's
    text = page.ask().text
    assert "Resent, queued</a>" in text
    assert "Already resent: open the new entry" in text
    sent = timezone.now()
    Message.objects.filter(pk=new.pk).update(state=MessageState.SENT, due_at=None, sent_at=sent)
    assert f">Sent {timezone.localtime(sent):%H:%M}</a>" in page.ask().text


def test_an_open_dialog_and_a_message_page_follow_the_message(pages: Client) -> None:
    message = make_message(MessageState.WAITING)
    url = f"/communications/{message.key.hex}/"
    dialog, page = OpenPage(pages, URL, opened=url), OpenPage(pages, url)
    dialog.ask()
    failed = {"state": MessageState.FAILED, "due_at": None, "waiting_reason": ""}
    Message.objects.filter(pk=message.pk).update(**failed)
    make_attempt(message)
    for open_page, title in ((dialog, 0), (page, 1)):
        text = open_page.ask().text
        assert text.count("data-title>Failed: E-mail to ana@example.org · Commlog<") == title
        assert "no more retries" in text
        assert ">Resend<" in text
        state = text.partition('id="live-message-state"')[2]
        assert re.search(r'<span class="state" data-state="(\w+)"', state)[1] == "FAILED"  # type: ignore[index]
        assert "next try" not in state
        assert 'class="pane' not in state  # what was sent never changes, and is not sent again
        assert open_page.ask().status_code == 204


def test_an_open_dialog_reads_its_message_with_its_texts_at_once(pages: Client) -> None:
    message = make_message(MessageState.FAILED)
    dialog = OpenPage(pages, URL, opened=f"/communications/{message.key.hex}/")
    with CaptureQueriesContext(connection) as asked:
        assert dialog.ask().status_code == 200
    html, content = (f'"notifications_message"."{name}"' for name in ("html", "content"))
    assert [content in each["sql"] for each in asked if html in each["sql"]] == [True]


@pytest.mark.parametrize("url", ["/", "/communications/", "/account/", "/administration/channels/"])
def test_every_page_follows_pauses(client: Client, url: str) -> None:
    client.force_login(admin())
    make_message(MessageState.SENT, MessageType.SMS)
    page = OpenPage(client, url)
    page.ask()
    client.post("/administration/channels/SMS/pause/")
    assert "SMS is paused" in page.ask().text
    client.post("/administration/channels/SMS/resume/")
    text = page.ask().text
    assert 'id="live-banners"' in text
    assert "SMS is paused" not in text


def test_the_jobs_of_the_reader_are_followed_on_every_page(pages: Client) -> None:
    page, listed, dashboard = (OpenPage(pages, url) for url in ("/account/", "/jobs/", "/"))
    job = make_job(User.objects.get(), state=JobState.QUEUED)
    assert "1 job" in page.ask().text
    assert f"/jobs/{job.key.hex}/" in listed.ask().text
    assert f"/jobs/{job.key.hex}/" in dashboard.ask().text


def test_tabs_and_figures_are_followed(pages: Client) -> None:
    view = CustomView.objects.create(name="Not sent", for_everyone=True, conditions={"state": "FAILED"})
    log, dashboard = OpenPage(pages, URL), OpenPage(pages, "/")
    assert f'<span id="count-{view.key.hex}" class="number">0</span>' in log.ask().text
    make_message(MessageState.FAILED)
    CustomView.objects.create(name="Another view", for_everyone=True)
    text = log.ask().text
    assert f'<span id="count-{view.key.hex}" class="number">1</span>' in text
    assert "Another view" in text
    assert "Failed in the last 24 hours</span> <b>1</b>" in dashboard.ask().text


def test_a_page_says_when_its_view_or_its_columns_were_changed_elsewhere(pages: Client) -> None:
    view = CustomView.objects.create(name="Mine", for_everyone=True, conditions={"state": "FAILED"})
    viewed, plain = OpenPage(pages, f"{URL}?view={view.key.hex}"), OpenPage(pages, URL)
    CustomView.objects.update(conditions={"state": "SENT"})
    make_message(MessageState.SENT)
    text = viewed.ask().text
    assert f'The view was changed. <a href="/communications/?view={view.key.hex}"' in text
    ColumnLayout.objects.create(user=User.objects.get(), kind="LOG", columns=["state", "destination"])
    assert 'The columns were changed. <a href="/communications/"' in plain.ask().text


def test_it_keeps_no_session(pages: Client) -> None:
    page = OpenPage(pages, URL)
    session = pages.session
    session.set_expiry(timezone.now() + timedelta(minutes=5))
    session.save()
    before = Session.objects.values_list("session_key", "session_data", "expire_date").get()
    make_message()
    response = page.ask()
    assert "1 new message" in response.text
    assert response.cookies == {}
    assert Session.objects.values_list("session_key", "session_data", "expire_date").get() == before


def test_strange_headers_get_an_answer(pages: Client) -> None:
    for seen in ("", "=", "banners", "message=x,job=y", "message=" + "0" * 32, "a=b," * 9_000, "views=\x7f"):
        response = pages.get("/communications/", {"newest": "0"}, headers={"Commlog-Seen": seen})
        assert response.status_code in (200, 204)


@pytest.mark.django_db(transaction=True)
def test_while_nothing_is_committed_nothing_is_looked_at(pages: Client) -> None:
    make_message(MessageState.WAITING)
    page = OpenPage(pages, URL)
    for _ in range(2):
        page.ask()
    assert page.ask().status_code == 204
    # The snapshot, session and user; on SQLite asked on a connection of its own.
    least = 1 if connection.vendor == "postgresql" else 0
    # Which is the server's: other databases commit, too, and tests beside this one may write for seconds.
    # When a minute has passed, the page says so.
    until = monotonic() + (60 if connection.vendor == "postgresql" else 0)
    while True:
        with CaptureQueriesContext(connection) as asked:
            status = page.ask().status_code
        if (status, len(asked)) == (204, least) or monotonic() > until:
            break
    assert (status, len(asked)) == (204, least)
    make_message()
    assert "1 new message" in page.ask().text


@pytest.mark.django_db(transaction=True)
def test_a_message_that_is_committed_late_is_announced(pages: Client) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    lane = make_message().lane
    late = connection.copy()
    try:
        late.set_autocommit(False)
        with late.cursor() as cursor:
            cursor.execute("SELECT nextval(pg_get_serial_sequence('notifications_message', 'id'))")
            number = cursor.fetchone()[0]
            # It writes, so it is under way.
            cursor.execute("UPDATE notifications_lane SET cap = cap WHERE id = %s", [lane.pk])
        make_message()
        page = OpenPage(pages, URL)
        assert int(page.newest) > number
        page.ask()
        assert page.ask().status_code == 204
        make_message(pk=number)  # as that transaction would
        late.rollback()
        assert "1 new message" in page.ask().text
    finally:
        late.close()
