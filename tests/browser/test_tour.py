"""The way of a clerk through the log: with JavaScript, without it, and by keyboard alone."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from notifications.models import Message
from notifications.states import MessageState, MessageType
from tests.browser.conftest import SignIn
from tests.factories import make_attempt, make_message, officer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _mail_is_on(settings: Any) -> None:
    settings.EMAIL_HOST = "localhost"


def _some_messages() -> Message:
    make_message(MessageState.SENT, destination="bo@example.org")
    make_message(MessageState.WAITING, MessageType.SMS)
    failed = make_message(
        MessageState.FAILED, recipient_name="Ana Silva", content="Dear Ana, the whole text."
    )
    make_attempt(failed)
    return failed


def _row(page: Page, text: str) -> Any:
    return page.locator("[data-row]").filter(has_text=text)


def test_filter_read_resend_and_follow(
    live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn
) -> None:
    failed = _some_messages()
    page = open_page()
    sign_in(page, officer())
    expect(page.locator("[data-row]")).to_have_count(3)

    page.get_by_label("State").focus()
    page.get_by_label("State").select_option("Failed")
    expect(page.locator("[data-row]")).to_have_count(1)
    expect(page).to_have_url(f"{live_server.url}/communications/?state=FAILED")
    expect(page.get_by_label("State")).to_be_focused()
    page.get_by_role("link", name="State: Failed").click()
    expect(page.locator("[data-row]")).to_have_count(3)

    page.get_by_role("link", name="Failed E-mail to ana@example.org").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The recipient’s provider does not know this address or number.")
    expect(dialog).to_contain_text("Dear Ana, the whole text.")
    dialog.get_by_role("button", name="Resend").click()
    expect(dialog.get_by_role("link", name="open the new entry")).to_be_focused()
    new = Message.objects.get(resend_of=failed)
    dialog.get_by_role("link", name="open the new entry").click()
    expect(dialog.locator(f'[data-key="{new.key.hex}"]')).to_be_visible()
    expect(dialog).to_contain_text("resent by Ada Officer")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(_row(page, "Failed").get_by_role("link", name="Resent, queued")).to_be_visible()
    expect(page.get_by_role("link", name="Failed E-mail to ana@example.org")).to_be_focused()


def test_resend_in_the_row_answers_in_place(open_page: Callable[..., Page], sign_in: SignIn) -> None:
    failed = _some_messages()
    page = open_page()
    sign_in(page, officer())
    resend = _row(page, "Failed").get_by_role("button", name="Resend")
    page.emulate_media(media="print")  # on paper there is nothing to click, and nothing is cut
    for tool in (
        resend,
        page.get_by_role("link", name="Edit columns"),
        page.get_by_role("link", name="Manage views"),
    ):
        expect(tool).to_be_hidden()
    expect(_row(page, "Failed").get_by_text("ana@example.org", exact=True)).to_have_css(
        "white-space", "normal"
    )
    page.emulate_media(media="screen")
    resend.click()
    expect(_row(page, "Failed")).to_contain_text("Resent, in the queue: open the new entry")
    expect(page.locator("#live")).to_have_text("Resent. The new entry is in the queue.")
    assert Message.objects.filter(resend_of=failed).count() == 1
    expect(page.locator("[data-row]")).to_have_count(3)  # the list under the hand does not move


def test_back_restores_the_filter(
    live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn
) -> None:
    _some_messages()
    page = open_page()
    sign_in(page, officer())
    page.get_by_label("State").select_option("Failed")
    expect(page.locator("[data-row]")).to_have_count(1)
    page.get_by_label("State").select_option("Sent")
    expect(page.locator("[data-row]").first).to_contain_text("bo@example.org")
    page.go_back()
    expect(page).to_have_url(f"{live_server.url}/communications/?state=FAILED")
    expect(page.locator("[data-row]").first).to_contain_text("ana@example.org")
    expect(page.get_by_label("State")).to_have_value("FAILED")
    left = page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}])")
    assert "example.org" not in left  # no message stays behind in the browser


def test_without_javascript(live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn) -> None:
    failed = _some_messages()
    page = open_page(java_script_enabled=False)
    sign_in(page, officer())
    page.get_by_label("State").select_option("Failed")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("[data-row]")).to_have_count(1)
    page.get_by_role("link", name="State: Failed").click()
    expect(page.locator("[data-row]")).to_have_count(3)

    page.get_by_role("link", name="Failed E-mail to ana@example.org").click()
    expect(page).to_have_url(f"{live_server.url}/communications/{failed.key.hex}/?from")
    expect(page.get_by_role("heading", level=1)).to_have_text("E-mail to ana@example.org")
    page.get_by_label("Raw").check(force=True)
    expect(page.locator(".pane-raw")).to_be_visible()
    page.go_back()
    _row(page, "Failed").get_by_role("button", name="Resend").click()
    expect(page.locator(".note")).to_contain_text("Resent as a new entry")
    page.get_by_role("link", name="Open the entry").click()
    new = Message.objects.get(resend_of=failed)
    expect(page).to_have_url(f"{live_server.url}/communications/{new.key.hex}/")
    page.get_by_role("link", name="original entry").click()
    expect(page).to_have_url(f"{live_server.url}/communications/{failed.key.hex}/")
    page.get_by_text("Ada Officer").first.click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{live_server.url}/sign-in/")


def test_by_keyboard_alone(open_page: Callable[..., Page], sign_in: SignIn) -> None:
    failed = _some_messages()
    page = open_page()
    sign_in(page, officer())
    page.keyboard.press("/")
    expect(page.locator("#id_q")).to_be_focused()
    page.keyboard.type("silva")
    page.keyboard.press("Enter")
    expect(page.locator("[data-row]")).to_have_count(1)
    expect(page.locator("#id_q")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="Failed E-mail to ana@example.org")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("Dear Ana, the whole text.")
    resend = page.get_by_role("dialog").get_by_role("button", name="Resend")
    for _ in range(20):
        if resend.evaluate("element => element === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("link", name="open the new entry")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    assert Message.objects.filter(resend_of=failed).count() == 1


def test_the_dialog_walks_through_the_rows(open_page: Callable[..., Page], sign_in: SignIn) -> None:
    _some_messages()
    page = open_page()
    sign_in(page, officer())
    page.get_by_role("link", name="Failed E-mail to ana@example.org").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".title")).to_have_text("E-mail to ana@example.org")
    dialog.get_by_role("button", name="Next message").click()
    expect(dialog.locator(".title")).to_contain_text("SMS to")
    page.keyboard.press("ArrowRight")
    expect(dialog.locator(".title")).to_have_text("E-mail to bo@example.org")


def test_a_narrow_screen_shows_everything_without_scrolling_sideways(
    open_page: Callable[..., Page], sign_in: SignIn
) -> None:
    failed = _some_messages()
    make_message(
        MessageState.FAILED,
        destination="https://" + "x" * 400 + ".example.org",
        subject="y" * 300,
        recipient_name="z" * 300,
    )
    page = open_page(viewport={"width": 390, "height": 844})
    sign_in(page, officer())
    for path in (page.url, f"{page.url}{failed.key.hex}/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.go_back()
    page.get_by_label("All filters").check()
    page.get_by_label("Type").select_option("SMS")
    expect(page.locator("[data-row]")).to_have_count(1)
