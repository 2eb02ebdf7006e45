"""The tools of the log in a browser: conditions, columns, views, live rows; with JavaScript, without it, and seen by axe."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from commlog.models import ColumnLayout, CustomView
from notifications.models import Message
from notifications.states import MessageState, MessageType
from tests.browser.conftest import SignIn
from tests.browser.test_accessibility import _check
from tests.factories import make_client, make_message, officer, viewer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
SHOTS = os.environ.get("SCREENSHOTS", "")


def _some_messages() -> None:
    ana = make_client(client_id="000123")
    make_message(MessageState.FAILED, client=ana, recipient_name="Ana Silva", attempt_count=6)
    make_message(MessageState.SENT, MessageType.SMS)
    make_message(MessageState.SENT, destination="bo@example.org")
    make_message(MessageState.WAITING, due_at=timezone.now() + timedelta(minutes=1))


def _shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


def _rows(page: Page, number: int) -> None:
    expect(page.locator("[data-row]")).to_have_count(number)


def test_conditions_with_javascript(live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn) -> None:
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
    page.wait_for_timeout(300)  # a reader is not quicker than htmx, which a script can be
    page.locator("#f2").select_option("Client")
    expect(page.locator("#v2-1")).to_have_attribute("placeholder", "name or ID")
    page.wait_for_timeout(300)
    page.locator("#v2-1").press_sequentially("ana s", delay=60)
    expect(page.locator("#names-2 option")).to_have_count(1)
    page.locator("#v2-1").fill("Ana Silva (000123)")
    page.get_by_label("any", exact=True).check()
    page.get_by_role("button", name="Apply").click()
    _rows(page, 2)
    expect(page.get_by_role("link", name="Client: is Ana Silva (000123)")).to_be_visible()


def test_the_whole_way_without_javascript(live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn) -> None:
    _some_messages()
    page = open_page(java_script_enabled=False)
    sign_in(page, officer())
    page.get_by_text("More conditions").click()
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
    expect(page.get_by_role("navigation", name="Views").get_by_role("link", name="Often tried")).to_have_attribute("aria-current", "page")
    page.get_by_role("link", name="Clear all").first.click()
    _rows(page, 4)
    expect(page.get_by_text("changed since saved")).to_be_visible()
    page.get_by_role("navigation", name="Views").get_by_role("link", name="All").click()
    page.get_by_role("link", name="Edit columns").click()
    page.get_by_label("Type", exact=True).uncheck()
    page.get_by_label("Attempts").check()
    page.get_by_role("button", name="Move Sent up").click()
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("columnheader")).to_have_count(9)
    expect(page.get_by_role("columnheader", name="Attempts")).to_be_visible()
    assert CustomView.objects.get(name="Often tried").for_everyone
    assert ColumnLayout.objects.get().columns == ["state", "sender", "sent", "created", "recipient", "destination", "message", "attempts"]


def test_columns_in_the_dialog(live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn) -> None:
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
    expect(page.get_by_role("columnheader").first).to_contain_text("Sent by")
    expect(page.locator("td.col-created time").first).to_have_text(timezone.now().strftime("%-d %b %Y"))


def test_a_row_that_moves_is_drawn_anew_and_what_is_new_is_counted(open_page: Callable[..., Page], sign_in: SignIn) -> None:
    _some_messages()
    waiting = Message.objects.get(state=MessageState.WAITING)
    page = open_page()
    sign_in(page, officer())
    link = page.locator(f"#row-{waiting.key.hex} a.state")
    link.focus()
    now = timezone.now()
    Message.objects.filter(pk=waiting.pk).update(state=MessageState.SENT, due_at=None, waiting_reason="", sent_at=now)
    make_message(MessageState.QUEUED)
    expect(link).to_have_attribute("data-state", "SENT", timeout=6_000)
    expect(link).to_be_focused()
    expect(page.locator("#newcomers")).to_contain_text("1 new message")
    _rows(page, 4)
    _shot(page, "live")
    page.locator("#newcomers a").click()
    _rows(page, 5)


@pytest.mark.parametrize("width", [1360, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_tools_pass_axe(live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn, scheme: str, width: int) -> None:
    _some_messages()
    vera = viewer()
    CustomView.objects.create(name="Failed e-mail", owner=vera, for_everyone=True, conditions={"state": "FAILED"})
    view = CustomView.objects.create(name="Mine", owner=vera, criteria=[["attempts", "MORE_THAN", ["5"]]])
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900}, reduced_motion="reduce")
    sign_in(page, vera)
    base = f"{live_server.url}/communications/"
    several = "c=state.in.FAILED,SENT&c=client.equals.000123&c=created.between.2026-01-01,2199-01-01&match=any&c=undelivered.equals.true"
    everything = (
        "columns=state,created,client,subject,event,attempts,failure_reason,failure_details,next_attempt,resend_of,outcome,key,message"
    )
    paths = {
        "log": "",
        "conditions": f"?{several}",
        "wrong": "?c=state.equals.NOPE&c=nope&c=attempts.more_than.x",
        "columns-shown": f"?{everything}",
        "changed": f"?view={view.key.hex}&state=FAILED",
        "columns": "columns/",
        "views": "views/",
        "view-new": "views/new/?next=/communications/%3Fstate%3DFAILED",
        "view-edit": f"views/{view.key.hex}/",
    }  # fmt: skip
    for name, path in paths.items():
        page.goto(base + path)
        if "communications/?" in page.url or name == "log":
            expect(page.locator(".views .number").first).not_to_be_empty()
        _shot(page, f"{name}-{scheme}-{width}")
        _check(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    page.goto(base)
    page.get_by_role("link", name="Edit columns").click()
    expect(page.get_by_role("dialog", name="Edit columns").get_by_role("button", name="Apply")).to_be_visible()
    _shot(page, f"columns-dialog-{scheme}-{width}")
    _check(page, "columns dialog")
