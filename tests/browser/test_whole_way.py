"""From a filter to a shared view, a resend and the client's own log: two people, with JavaScript and without,
and by keys alone.
"""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from commlog.models import ColumnLayout, CustomView
from notifications.models import Message
from notifications.states import MessageState, MessageType
from tests.browser.conftest import SignIn
from tests.factories import make_attempt, make_client, make_message, officer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _mail_is_on(settings: Any) -> None:
    settings.EMAIL_HOST = "localhost"


@pytest.fixture
def failed() -> Message:
    """The one failed e-mail of a client, among others."""
    ana = make_client(client_id="000123")
    make_message(MessageState.FAILED, MessageType.SMS, recipient_name="Bo Lind")
    make_message(MessageState.SENT, destination="bo@example.org")
    message = make_message(
        MessageState.FAILED, client=ana, recipient_name="Ana Silva", content="Dear Ana, the whole text."
    )
    make_attempt(message)
    return message


def _rows(page: Page, number: int) -> None:
    expect(page.locator("[data-row]")).to_have_count(number)


def _choose(page: Page, label: str, option: str, *, javascript: bool) -> None:
    page.get_by_label(label, exact=True).select_option(option)
    if not javascript:
        page.get_by_role("button", name="Search").click()


def _save_and_share(page: Page, *, javascript: bool) -> None:
    _choose(page, "State", "Failed", javascript=javascript)
    _rows(page, 2)
    _choose(page, "Type", "E-mail", javascript=javascript)
    _rows(page, 1)
    expect(page.locator(".chip-text")).to_have_text(["State: Failed", "Type: E-mail"])
    page.get_by_role("link", name="Save as view…").click()
    page.get_by_label("Name").fill("E-mail to mend")
    page.get_by_label("These roles").check()
    page.get_by_role("group", name="Roles").get_by_label("Officer").check()
    page.get_by_role("button", name="Save view").click()
    expect(page.locator(".note")).to_contain_text("The view “E-mail to mend” was saved.")


def _open_from_the_menu(page: Page, *, javascript: bool) -> None:
    page.get_by_role("link", name="Clients", exact=True).click()
    page.locator(".item-views summary").click()
    if not javascript:
        page.get_by_role("link", name="All views").click()
    page.get_by_role("link", name="E-mail to mend").click()
    _rows(page, 1)


def _edit_columns(page: Page) -> None:
    page.get_by_role("link", name="Edit columns").click()
    page.get_by_role("checkbox", name="Sent by", exact=True).uncheck()
    page.get_by_role("checkbox", name="Failure reason").check()
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("columnheader", name="Failure reason")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Sent by")).to_have_count(0)
    expect(page.get_by_text("changed since saved")).to_be_visible()


def _resend_and_follow(page: Page, failed: Message, *, javascript: bool) -> None:
    page.get_by_role("link", name="Failed E-mail to ana@example.org").click()
    place = page.get_by_role("dialog", name="E-mail to") if javascript else page.get_by_role("main")
    expect(place).to_contain_text("Dear Ana, the whole text.")
    place.get_by_role("button", name="Resend to").click()
    place.get_by_role("link", name="open the new entry" if javascript else "Open the entry").click()
    new = Message.objects.get(resend_of=failed)
    expect(place.locator(f'[data-key="{new.key.hex}"]')).to_be_attached()
    place.get_by_role("link", name="original entry").click()
    expect(place.locator(f'[data-key="{failed.key.hex}"]')).to_be_attached()
    expect(place.locator(f'a[href*="{new.key.hex}"]').first).to_be_visible()


def _to_the_tab_of_the_client(page: Page) -> None:
    page.get_by_role("link", name="Ana Silva").first.click()
    page.get_by_role("link", name="Communications 2").click()
    expect(page.locator("[data-row]:has(.i-QUEUED)")).to_have_count(1)
    expect(page.locator("[data-row]:has(.i-FAILED)")).to_have_count(1)


@pytest.mark.parametrize("javascript", [True, False])
def test_two_people(
    open_page: Callable[..., Page], sign_in: SignIn, failed: Message, javascript: bool
) -> None:
    first, second = (open_page(java_script_enabled=javascript) for _ in range(2))
    sign_in(first, officer())
    _save_and_share(first, javascript=javascript)
    view = CustomView.objects.get(name="E-mail to mend")
    assert [role.name for role in view.roles.all()] == ["Officer"]
    assert not view.for_everyone

    sign_in(second, officer(username="bo", first_name="Bo", last_name="Borg"))
    _open_from_the_menu(second, javascript=javascript)
    _edit_columns(second)
    assert not ColumnLayout.objects.exists()  # it is the view's columns that were tried out
    _resend_and_follow(second, failed, javascript=javascript)
    _to_the_tab_of_the_client(second)
    assert Message.objects.get(resend_of=failed).resent_by == "Bo Borg"


def _tab_to(page: Page, target: Any) -> None:
    """By the Tab key alone, as somebody does who has no mouse."""
    for _ in range(80):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {target}")


def test_by_keys_alone(
    live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn, failed: Message
) -> None:
    page = open_page()
    sign_in(page, officer())
    page.keyboard.press("/")
    page.keyboard.type("silva")
    page.keyboard.press("Enter")
    _rows(page, 1)
    page.keyboard.press("Escape")
    _tab_to(page, page.get_by_role("link", name="Save as view…"))
    page.keyboard.press("Enter")
    _tab_to(page, page.get_by_label("Name"))
    page.keyboard.type("Ana")
    page.keyboard.press("Enter")
    expect(page.locator(".note")).to_contain_text("The view “Ana” was saved.")
    _tab_to(page, page.locator(".item-views summary"))
    page.keyboard.press("Enter")
    _tab_to(page, page.get_by_role("link", name="Ana 1").first)
    page.keyboard.press("Enter")
    _rows(page, 1)
    _tab_to(page, page.get_by_role("link", name="Edit columns"))
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Edit columns")
    _tab_to(page, dialog.get_by_label("Find a column"))
    page.keyboard.type("reason")
    _tab_to(page, dialog.get_by_label("Failure reason"))
    page.keyboard.press("Space")
    _tab_to(page, dialog.get_by_role("button", name="Apply"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("columnheader", name="Failure reason")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    message = page.get_by_role("dialog", name="E-mail to")
    expect(message).to_contain_text("Dear Ana, the whole text.")
    _tab_to(page, message.get_by_role("button", name="Resend to"))
    page.keyboard.press("Enter")
    expect(message.get_by_role("link", name="open the new entry")).to_be_focused()
    page.keyboard.press("Enter")
    _tab_to(page, message.get_by_role("link", name="original entry"))
    page.keyboard.press("Enter")
    _tab_to(page, message.get_by_role("link", name="Ana Silva").first)
    page.keyboard.press("Enter")
    _tab_to(page, page.get_by_role("link", name="Communications 2"))
    page.keyboard.press("Enter")
    _rows(page, 2)
    assert Message.objects.filter(resend_of=failed).count() == 1
