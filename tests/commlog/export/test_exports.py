"""Exports over the whole way: the button of a log, the file, and the entry of the audit trail."""

import csv
import io
import re
from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from openpyxl import Workbook, load_workbook
from pytest_django import DjangoAssertNumQueries

from commlog.export.plans import parts_of
from commlog.export.reading import Extent, extent_of
from commlog.log.columns import CATALOGUE
from commlog.models import AuditEntry, ColumnLayout, CustomView, Job, MenuItem, User
from commlog.views import exports
from notifications.failures import Reason
from notifications.models import Message
from notifications.states import MessageState, MessageType
from tests.factories import make_client, make_group, make_message, make_resend, officer, viewer

pytestmark = pytest.mark.django_db
URL = "/communications/export/"
LOG = "/communications/"
AT = datetime(2026, 11, 24, 8, 14, 2, tzinfo=UTC)


@pytest.fixture
def ada() -> User:
    return officer(username="ada")


def press(pages: Client, query: str = "", log: str = LOG, format: str = "xlsx", **options: Any) -> Any:
    """What the button gives."""
    return pages.post(f"{URL}?{urlencode({'of': f'{log}?{query}'})}", {"format": format}, **options)


def export(pages: Client, query: str = "", log: str = LOG) -> Workbook:
    """The Excel file that the button gives."""
    response = press(pages, query, log)
    assert response.status_code == 200, response.get("Location")
    assert response["Content-Disposition"].startswith('attachment; filename="communications-20')
    return load_workbook(io.BytesIO(b"".join(response)))


def button(pages: Client, log: str) -> str:
    """Where the buttons of that log lead."""
    return unescape(re.search(r'class="export" method="post" action="([^"]*)"', pages.get(log).text)[1])  # type: ignore[index]


def lines(book: Workbook) -> list[tuple[Any, ...]]:
    return list(book["Messages"].iter_rows(values_only=True))


def about(book: Workbook) -> dict[str, Any]:
    return {str(label): value for label, value in book["About"].iter_rows(max_col=2, values_only=True)}


@pytest.mark.parametrize("text", ["Dear Bo;=1+2;bye", "a;@SUM(1)", 'a";=1+2', "a\t=1+2\n=3+4"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_file_runs_nothing_whatever_separates_fields(pages: Client, text: str, delimiter: str) -> None:
    make_message(
        MessageState.SENT,
        content=text,
        subject=text.replace("\n", " "),
        recipient_name=text,
        destination=text,
    )
    content = b"".join(press(pages, format="csv").streaming_content).decode("utf-8-sig")
    fields = [field for row in csv.reader(io.StringIO(content), delimiter=delimiter) for field in row]
    assert content.count("1+2") + content.count("SUM(1)") == 4
    assert [field for field in fields if field.startswith(("=", "+", "-", "@"))] == []


def test_the_usual_columns_with_subject_and_whole_text(pages: Client) -> None:
    text = "Dear Ana,\r\n" + "your payment is due. " * 50
    make_message(MessageState.SENT, now=AT, recipient_name="Ana Silva", content=text)
    make_message(
        MessageState.FAILED,
        MessageType.SMS,
        now=AT.replace(hour=9),
        content="=cmd()",
        resent_by="Ada Officer",
    )
    assert lines(export(pages)) == [
        ("State", "Sent by", "Created", "Sent", "Type", "Sent to", "Destination", "Subject", "Message"),
        (
            "FAILED",
            "Mambu · resent by Ada Officer",
            datetime(2026, 11, 24, 9, 14, 2),
            None,
            "SMS",
            None,
            "+4917012345678",
            None,
            "=cmd()",
        ),
        (
            "SENT",
            "Mambu",
            datetime(2026, 11, 24, 8, 14, 2),
            datetime(2026, 11, 24, 8, 14, 3),
            "EMAIL",
            "Ana Silva",
            "ana@example.org",
            "Payment due",
            text.replace("\r\n", "\n"),
        ),
    ]


def test_every_column_of_the_catalogue(pages: Client, ada: User) -> None:
    ana = make_client(client_id="000123")
    fields = {
        "event": "LOAN_DUE",
        "attempt_count": 6,
        "possible_duplicate": True,
        "failure_cause": "550 " + "x" * 900,
    }
    failed = make_message(
        MessageState.FAILED,
        now=AT,
        client=ana,
        group=make_group(group_id="G1", name="Women"),
        user=ada,
        **fields,
    )
    waiting = make_resend(
        failed, MessageState.WAITING, created_at=AT.replace(hour=9), due_at=AT.replace(hour=10)
    )
    head, newer, older = lines(export(pages, f"columns={','.join(CATALOGUE)}"))
    shown = dict(zip(head, older, strict=True))
    # The subject has its own column, the message is the whole text.
    assert list(head) == [column.label for column in CATALOGUE.values()]
    assert (shown["Client"], shown["Group"], shown["User"]) == ("Ana Silva 000123", "Women G1", "Ada Officer")
    assert (shown["Event"], shown["Attempts"], shown["Possible duplicate"]) == (
        "LOAN_DUE",
        6,
        "Possible duplicate",
    )
    assert (shown["Failure reason"], shown["Failure details"]) == (
        Reason.MESSAGING_EXCEPTION.value,
        failed.failure_cause,
    )
    assert (shown["Resent as"], shown["Key"], shown["Outcome"]) == (
        f"{waiting.key.hex} WAITING",
        failed.key.hex,
        "REFUSED",
    )
    shown = dict(zip(head, newer, strict=True))
    assert (shown["Resend of"], shown["Resent by"], shown["Resent as"]) == (
        failed.key.hex,
        "Ada Officer",
        None,
    )
    assert (shown["Waiting reason"], shown["Next attempt"]) == (
        "READY_TO_BE_SENT",
        datetime(2026, 11, 24, 10, 14, 2),
    )


def test_filter_order_and_columns_of_the_screen(pages: Client, ada: User) -> None:
    for attempts, state in (
        (3, MessageState.FAILED),
        (1, MessageState.FAILED),
        (2, MessageState.SENT),
        (2, MessageState.FAILED),
    ):
        make_message(state, attempt_count=attempts)
    ColumnLayout.objects.create(user=ada, kind="LOG", columns=["attempts", "state"], timestamps=True)
    book = export(
        pages,
        "state=FAILED&sort=attempts&c=attempts.less_than.3&page_size=1".replace(
            "&page_size=1", "&per_page=25"
        ),
    )
    assert [row[:2] for row in lines(book)] == [("Attempts", "State"), (1, "FAILED"), (2, "FAILED")]
    told = about(book)
    assert (told["Filter: State"], told["Filter: Attempts"], told["Order"]) == (
        "Failed",
        "less than 3",
        "Attempts, ascending",
    )
    assert told["Address"] == "/communications/?state=FAILED&sort=attempts&c=attempts.less_than.3"
    assert (told["Messages"], told["Exported by"], told["Log"]) == (2, "Ada Officer (ada)", "Communications")
    assert told["Time zone"] == "UTC, of every time in this file"


def test_what_is_empty_comes_last_as_on_the_pages(pages: Client) -> None:
    for state in (MessageState.FAILED, MessageState.SENT, MessageState.QUEUED):
        make_message(state)
    pages.get("/communications/?sort=sent&columns=state")
    for alias in ("sent", "-sent"):
        log = pages.get(f"/communications/?sort={alias}&columns=key").context["log"]
        assert [row[0] for row in lines(export(pages, f"sort={alias}&columns=key"))[1:]] == [
            row.message.key.hex for row in log.rows
        ]


def test_the_file_of_a_view_says_so(pages: Client, ada: User) -> None:
    make_message(MessageState.FAILED)
    make_message(MessageState.SENT)
    criteria = [["state", "EQUALS", ["FAILED"]], ["attempts", "MORE_THAN", ["7"]]]
    view = CustomView.objects.create(
        name="Trouble", owner=ada, kind="LOG", criteria=criteria, match="ANY", columns=["state"]
    )
    book = export(pages, f"view={view.key.hex}")
    assert [row[0] for row in lines(book)] == ["State", "FAILED"]
    told = about(book)
    assert (told["Log"], told["Filter: More conditions"]) == (
        "Communications, view “Trouble”",
        "any condition is met",
    )
    assert (
        told["Address"]
        == "/communications/?columns=state&c=state.equals.FAILED&c=attempts.more_than.7&match=any"
    )


def test_the_tab_of_a_client_exports_the_client_alone(pages: Client) -> None:
    ana = make_client(client_id="000123")
    make_message(client=ana, destination="ana@example.org")
    make_message(destination="bo@example.org")
    book = export(pages, "columns=destination", f"/clients/{ana.key.hex}/communications/")
    assert [row[0] for row in lines(book)] == ["Destination", "ana@example.org"]
    assert about(book)["Log"] == "Communications of Ana Silva (000123)"
    order = button(pages, f"/clients/{ana.key.hex}/communications/?state=FAILED&columns=type")
    assert (
        order == f"/communications/export/?of=%2Fclients%2F{ana.key.hex}%2Fcommunications%2F"
        "%3Fstate%3DFAILED%26columns%3Dtype"
    )


@pytest.mark.parametrize("deleted", [False, True])
def test_a_file_holds_what_the_screen_showed_whatever_becomes_of_its_view_and_columns(
    pages: Client, ada: User, deleted: bool
) -> None:
    make_message(MessageState.FAILED, destination="ana@example.org")
    make_message(MessageState.SENT, MessageType.SMS)
    view = CustomView.objects.create(
        name="Trouble", for_everyone=True, conditions={"state": "FAILED"}, sorting="type"
    )
    order = button(pages, f"/communications/?view={view.key.hex}")
    CustomView.objects.update(conditions={"state": "SENT"}, columns=["destination"], timestamps=False)
    ColumnLayout.objects.create(user=ada, kind="LOG", columns=["key"])
    if deleted:
        view.delete()
    book = load_workbook(io.BytesIO(b"".join(pages.post(order, {"format": "xlsx"}))))
    assert [row[:2] for row in lines(book)] == [("State", "Sent by"), ("FAILED", "Mambu")]
    assert about(book)["Filter: State"] == "Failed"


def test_as_csv(pages: Client) -> None:
    make_message(MessageState.SENT, MessageType.SMS, now=AT, content="=1+1\r\n")
    response = press(pages, "columns=created,sent,destination", format="csv")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert list(csv.reader(io.StringIO(b"".join(response).decode("utf-8-sig"), newline=""))) == [
        ["Created", "Sent", "Destination", "Subject", "Message"],
        ["2026-11-24 08:14:02.000+00:00", "2026-11-24 08:14:03.000+00:00", "'+4917012345678", "", "'=1+1\n"],
    ]


def test_who_exported_what_is_recorded(pages: Client, ada: User) -> None:
    make_message(MessageState.FAILED)
    export(pages, "state=FAILED")
    entry = AuditEntry.objects.get(action="EXPORTED")
    assert (entry.actor, entry.target_kind, entry.target_label) == (ada, "log", "Communications")
    assert (entry.after["filter"], entry.after["messages"], entry.after["format"]) == (
        "State: Failed",
        1,
        "xlsx",
    )


@pytest.mark.parametrize(
    "query",
    [
        "state=NONSENSE",
        "c=nonsense.equals.x",
        "c=attempts.more_than.x",
        "nonsense=1",
        "state=FAILED&state=SENT",
    ],
)
def test_a_filter_that_is_wrong_exports_nothing(pages: Client, query: str) -> None:
    make_message()
    response = press(pages, query, follow=True)
    assert "Nothing was exported: a filter is not valid." in response.text
    assert not AuditEntry.objects.filter(action="EXPORTED").exists()
    assert 'name="format"' not in pages.get(f"/communications/?{query}").text


def test_the_button_is_for_those_who_may(client: Client, pages: Client) -> None:
    make_message()
    assert "Export to Excel" in pages.get("/communications/").text
    pages.force_login(viewer())
    assert "Export to Excel" not in pages.get("/communications/").text
    assert press(pages).status_code == 403


@pytest.mark.parametrize(
    "log",
    [
        "https://evil.example/communications/",
        "//evil.example/communications/",
        "/nowhere/",
        "/clients/",
        "\0",
    ],
)
def test_what_is_no_log_is_not_exported(pages: Client, log: str) -> None:
    assert press(pages, log=log).status_code == 404


def test_a_tab_that_is_closed_is_not_exported(pages: Client, ada: User) -> None:
    ana = make_client()
    role = ada.groups.get()
    role.permissions.remove(role.permissions.get(codename="view_client_details"))
    assert press(pages, log=f"/clients/{ana.key.hex}/communications/").status_code == 403
    MenuItem.objects.update(active=False)
    assert press(pages).status_code == 403


@pytest.mark.parametrize("rows", [1, 3])
def test_an_export_takes_the_same_queries_whatever_its_length(
    pages: Client, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(rows):
        make_message(client=make_client(), group=make_group())
    with django_assert_num_queries(12 if connection.vendor == "sqlite" else 19):
        assert len(lines(export(pages, f"columns={','.join(CATALOGUE)}"))) == rows + 1


def test_fewer_rows_are_fetched_at_once_where_texts_are_long() -> None:
    parts = parts_of([CATALOGUE["message"]])
    make_message(content="short", subject="")
    assert extent_of(Message.objects.all(), parts) == Extent(rows=1, at_once=2_000, cells=[1, 1])
    make_message(content="x" * 40_000, subject="")
    assert extent_of(Message.objects.all(), parts) == Extent(rows=2, at_once=100, cells=[1, 2])
    make_message(content="x" * 1_000_000, subject="")
    assert extent_of(Message.objects.all(), parts) == Extent(rows=3, at_once=30, cells=[1, 31])


@pytest.mark.parametrize("format", ["xlsx", "csv"])
def test_more_than_ten_megabytes_of_text_are_a_job(pages: Client, format: str) -> None:
    """What a request writes must be written before the web server ends it."""
    for content in ("x" * 4_000_000, "ü" * 2_000_000):  # bytes count, not characters
        make_message(MessageState.SENT, content=content, html="<p>" + "x" * 4_000_000)
    assert "Content-Disposition" in press(pages, format=format)
    make_message(MessageState.SENT, content="ü" * 1_000_001)
    job = press(pages, format=format)
    assert (job.status_code, job["Location"]) == (302, f"/jobs/{Job.objects.get().key.hex}/")
    assert Job.objects.get().total == 3
    assert "Content-Disposition" in press(pages, "q=nothing+here", format=format)


def test_the_button_says_what_comes_at_once(pages: Client) -> None:
    said = (
        f"More than {exports.AT_ONCE:,} messages or {exports.BYTES_AT_ONCE // 1_000_000} MB of text are "
        "prepared in the background."
    )
    assert said in pages.get(LOG).text
