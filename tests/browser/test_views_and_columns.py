"""The tools of the log in a browser: conditions, columns, views, live rows; with JavaScript and without
it.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from commlog.models import ColumnLayout, CustomView
from notifications.models import Message
from notifications.states import MessageState, MessageType
from tests.browser.conftest import SignIn
from tests.factories import make_client, make_message, officer, viewer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


def _some_messages() -> None:
    ana = make_client(client_id="000123")
    make_message(MessageState.FAILED, client=ana, recipient_name="Ana Silva", attempt_count=6)
    make_message(MessageState.SENT, MessageType.SMS)
    make_message(MessageState.SENT, destination="bo@example.org")
    make_message(MessageState.WAITING, due_at=timezone.now() + timedelta(minutes=1))


def _rows(page: Page, number: int) -> None:
    expect(page.locator("[data-row]")).to_have_count(number)


def test_conditions_with_javascript(
    live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn
) -> None:
    _some_messages()
    page = open_page()
    sign_in(page, officer())
    page.get_by_text("More conditions").click()
    page.get_by_label("Field").focus()
    page.get_by_label("Field").select_option("Type")
    expect(page.get_by_label("Field")).to_be_focused()
    _rows(page, 4)  # a condition without its value asks nothing yet
    page.locator("select#v1").select_option("SMS")
    page.get_by_role("button", name="Apply").click()
    _rows(page, 1)
    expect(page).to_have_url(f"{live_server.url}/communications/?c=type.equals.SMS")
    page.get_by_role("button", name="Add condition").click()
    expect(page.locator("#f2")).to_be_focused()
    page.locator("#f2").select_option("Client")
    expect(page.locator("#v2-1")).to_have_attribute("placeholder", "name or ID")
    page.locator("#v2-1").press_sequentially("ana s", delay=60)
    expect(page.locator("#names-2 option")).to_have_count(1)
    page.locator("#v2-1").fill("Ana Silva (000123)")
    page.get_by_label("any", exact=True).check()
    page.get_by_role("button", name="Apply").click()
    _rows(page, 2)
    expect(page.get_by_role("link", name="Client: Ana Silva (000123)")).to_be_visible()


def test_the_whole_way_without_javascript(
    live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn
) -> None:
    _some_messages()
    page = open_page(java_script_enabled=False)
    sign_in(page, officer())
    page.get_by_text("More conditions").click()
    page.get_by_role("button", name="Add condition").click()
    page.get_by_label("Field").select_option("Attempts")
    page.get_by_label("Operator").select_option("is more than")
    page.get_by_label("Value").fill("5")
    page.get_by_role("button", name="Apply").click()
    _rows(page, 1)
    page.get_by_role("link", name="Save as view…").click()
    page.get_by_label("Name").fill("Often tried")
    page.get_by_label("Everyone").check()
    page.get_by_role("button", name="Save view").click()
    _rows(page, 1)
    expect(
        page.get_by_role("navigation", name="Views").get_by_role("link", name="Often tried")
    ).to_have_attribute("aria-current", "page")
    page.get_by_role("link", name="Clear all").first.click()
    _rows(page, 4)
    expect(page.get_by_text("changed since saved")).to_be_visible()
    page.get_by_role("navigation", name="Views").get_by_role("link", name="All").click()
    page.get_by_role("link", name="Edit columns").click()
    page.get_by_label("Type", exact=True).uncheck()
    page.get_by_label("Attempts").check()
    page.get_by_role("button", name="Move Sent up").click()
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("columnheader")).to_have_count(10)  # with those of the boxes and the actions
    expect(page.get_by_role("columnheader", name="Attempts")).to_be_visible()
    assert CustomView.objects.get(name="Often tried").for_everyone
    assert ColumnLayout.objects.get().columns == [
        "state",
        "sender",
        "sent",
        "created",
        "recipient",
        "destination",
        "message",
        "attempts",
    ]


def test_columns_in_the_dialog(
    live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn
) -> None:
    _some_messages()
    page = open_page()
    sign_in(page, officer())
    page.get_by_role("link", name="Edit columns").click()
    dialog = page.get_by_role("dialog", name="Edit columns")
    dialog.get_by_role("button", name="Move State down").click()
    expect(dialog.get_by_role("listitem").first).to_contain_text("Sent by")
    expect(dialog.get_by_role("button", name="Move State down")).to_be_focused()
    dialog.get_by_label("Include timestamps").uncheck()
    dialog.get_by_role("button", name="Apply").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("columnheader").nth(1)).to_contain_text("Sent by")
    expect(page.locator("td.col-created").first).to_have_text(timezone.now().strftime("%-d %b %Y"))


def test_a_row_that_moves_is_drawn_anew_and_what_is_new_is_counted(
    open_page: Callable[..., Page], sign_in: SignIn
) -> None:
    _some_messages()
    waiting = Message.objects.get(state=MessageState.WAITING)
    page = open_page()
    sign_in(page, officer())
    link = page.locator(f"#row-{waiting.pk} a.state")
    link.focus()
    now = timezone.now()
    Message.objects.filter(pk=waiting.pk).update(
        state=MessageState.SENT, due_at=None, waiting_reason="", sent_at=now
    )
    make_message(MessageState.QUEUED)
    expect(link).to_have_class("state i-SENT", timeout=6_000)
    expect(link).to_be_focused()
    expect(page.locator("#newcomers")).to_contain_text("1 new message")
    _rows(page, 4)
    page.locator("#newcomers a").click()
    _rows(page, 5)


def test_a_column_is_found_and_dragged(open_page: Callable[..., Page], sign_in: SignIn) -> None:
    _some_messages()
    page = open_page()
    sign_in(page, officer())
    page.get_by_role("link", name="Edit columns").click()
    dialog = page.get_by_role("dialog", name="Edit columns")
    dialog.get_by_label("Find a column").fill("att")
    expect(dialog.get_by_role("listitem")).to_have_text(["Attempts", "Next attempt"])
    dialog.get_by_label("Attempts").check()
    dialog.get_by_label("Find a column").fill("")
    state, kind = (
        dialog.get_by_role("listitem").filter(has_text=name).locator("[data-grip]").first
        for name in ("State", "Type")
    )
    kind.hover()
    page.mouse.down()
    box = state.bounding_box()
    assert box
    page.mouse.move(box["x"] + 4, box["y"] + 2, steps=4)
    page.mouse.up()
    dialog.get_by_label("Find a column").press("Enter")  # applies, rather than to press the first button
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("columnheader")).to_have_count(11)
    assert ColumnLayout.objects.get().columns == [
        "type", "state", "sender", "created", "sent", "recipient", "destination", "message", "attempts",
    ]  # fmt: skip


def test_what_is_typed_while_a_row_is_on_its_way_stays(
    open_page: Callable[..., Page], sign_in: SignIn
) -> None:
    _some_messages()
    page = open_page()
    sign_in(page, officer())
    page.get_by_text("More conditions").click()
    page.get_by_label("Field").select_option("Destination")
    expect(page.get_by_label("Operator").get_by_role("option")).to_have_count(9)  # those of a line of text
    waiting: list[Route] = []
    page.route("**/condition/**", lambda route: waiting.append(route))
    page.get_by_label("Operator").select_option("starts with")
    page.get_by_label("Value").press_sequentially("bo@")
    with page.expect_response("**/condition/**"):
        waiting[0].continue_()
    expect(page.get_by_label("Operator")).to_have_value("STARTS_WITH")
    expect(page.get_by_label("Value")).to_have_value("bo@")
    expect(page.get_by_label("Value")).to_be_focused()
    page.get_by_role("button", name="Apply").click()
    _rows(page, 1)


def test_the_menu_lists_the_views_of_an_item(
    live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn
) -> None:
    _some_messages()
    vera = viewer()
    view = CustomView.objects.create(name="Failed e-mail", owner=vera, conditions={"state": "FAILED"})
    page = open_page()
    sign_in(page, vera)
    page.goto(f"{live_server.url}/clients/")
    page.get_by_text("Views under Communications").click(force=True)
    page.get_by_role("link", name="Failed e-mail 1").click()
    expect(page).to_have_url(f"{live_server.url}/communications/?view={view.key.hex}")
    _rows(page, 1)
