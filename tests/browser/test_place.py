"""The reader's place: an open dialog is an entry of the history, and who comes back finds scroll, ticks and
focus as they were.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from notifications.states import MessageState
from tests.browser.conftest import SignIn
from tests.factories import make_message, officer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
TOP = "() => Math.round(document.activeElement.getBoundingClientRect().top)"


@pytest.fixture(autouse=True)
def _mail_is_on(settings: Any) -> None:
    settings.EMAIL_HOST = "localhost"


@pytest.fixture
def page(open_page: Callable[..., Page], sign_in: SignIn) -> Page:
    """The first page of a log of sixty failed messages, to the addresses 59 to 10."""
    for number in range(60):
        make_message(MessageState.FAILED, destination=f"p{number}@example.org")
    page = open_page(viewport={"width": 1360, "height": 900})
    sign_in(page, officer())
    return page


def _tick(page: Page, *numbers: int) -> None:
    for number in numbers:
        page.get_by_label(f"Select the E-mail to p{number}@example.org").check()


def _ticked(page: Page) -> list[str]:
    found: list[str] = page.locator(".col-select [name=row]:checked").evaluate_all(
        "boxes => boxes.map((box) => box.ariaLabel)"
    )
    return [re.findall("[0-9]+", label)[0] for label in found]


def test_an_open_message_is_an_entry_of_the_history(page: Page) -> None:
    log = page.url
    _tick(page, 20)
    link, dialog = (
        page.get_by_role("link", name="Failed E-mail to p19@example.org"),
        page.get_by_role("dialog"),
    )
    link.scroll_into_view_if_needed()
    scrolled = page.evaluate("scrollY")
    assert scrolled > 300
    link.click()
    expect(dialog.locator(".title")).to_have_text("E-mail to p19@example.org")
    page.go_back()
    expect(dialog).to_have_count(0)
    expect(link).to_be_focused()
    assert (page.url, page.evaluate("scrollY"), _ticked(page)) == (log, scrolled, ["20"])

    page.go_forward()
    expect(dialog.locator(".title")).to_have_text("E-mail to p19@example.org")
    page.keyboard.press("ArrowRight")
    expect(dialog.locator(".title")).to_have_text("E-mail to p18@example.org")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("link", name="Failed E-mail to p18@example.org")).to_be_focused()
    page.get_by_role("link", name="Edit columns").click()
    expect(dialog.get_by_role("button", name="Apply")).to_be_visible()
    page.go_back()
    expect(dialog).to_have_count(0)
    assert page.url == log


def test_back_from_a_page_of_a_message(page: Page) -> None:
    _tick(page, 59, 15)
    link = page.get_by_role("link", name="Failed E-mail to p35@example.org")
    link.scroll_into_view_if_needed()
    link.click()
    top = link.evaluate("link => Math.round(link.getBoundingClientRect().top)")
    page.get_by_role("link", name="Open page").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("E-mail to p35@example.org")
    for _ in range(3):  # above it in the list
        make_message()
    page.go_back()
    expect(page.get_by_role("dialog").locator(".title")).to_have_text("E-mail to p35@example.org")
    page.keyboard.press("Escape")
    expect(link).to_be_focused()
    for _ in range(100):
        if page.evaluate(TOP) == top:
            break
        page.wait_for_timeout(50)
    assert page.evaluate(TOP) == top
    assert _ticked(page) == ["59", "15"]
    expect(page.locator("[data-selected]")).to_have_text("2 selected")


def test_show_keeps_what_is_ticked(page: Page) -> None:
    _tick(page, 59, 12)
    for _ in range(5):
        make_message()
    page.locator("#newcomers").get_by_role("link", name="Show").click()
    expect(page.locator("[data-row]:has(.i-QUEUED)")).to_have_count(5)
    assert _ticked(page) == ["59"]
    expect(page.locator("[data-selected]")).to_have_text("2 selected, 1 not on this page")
    page.get_by_role("button", name="Resend selected").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Resend 2 failed messages")
    page.go_back()
    expect(page.locator("[data-selected]")).to_have_text("2 selected, 1 not on this page")
    page.get_by_role("button", name="Clear selection").click()
    expect(page.get_by_role("button", name="Resend selected")).to_be_disabled()
    assert _ticked(page) == []


def test_back_brings_the_filter_that_there_was(page: Page, live_server: LiveServer) -> None:
    page.get_by_label("State", exact=True).select_option("Sent")
    expect(page).to_have_url(f"{live_server.url}/communications/?state=SENT")
    expect(page.locator("[data-row]")).to_have_count(0)
    page.go_back()
    expect(page.locator("[data-row]")).to_have_count(50)
    expect(page.get_by_label("State", exact=True)).to_have_value("")
    page.go_forward()
    expect(page.locator("[data-row]")).to_have_count(0)
    expect(page.get_by_label("State", exact=True)).to_have_value("SENT")
