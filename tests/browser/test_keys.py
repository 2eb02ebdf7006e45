"""The keyboard: what is typed on a page is text for its search box, rows have keys while they have the focus,
and no key sends.
"""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Request, expect
from pytest_django.live_server_helper import LiveServer

from notifications.models import Message
from notifications.states import MessageState, MessageType
from tests.browser import gallery
from tests.browser.conftest import SignIn
from tests.browser.places import of_everything
from tests.factories import admin, make_client, make_message, officer, set_up_channels

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
NAMES = ("krause", "jürgen", "mark", "JR", "rex@x.org")
# All that typing could have changed, the search box aside.
_STATE = """() => [
  location.href,
  JSON.stringify({...localStorage}),
  document.querySelectorAll("dialog[open], details[open]").length,
  ...[...document.querySelectorAll("input, select, textarea")]
    .filter((field) => !["id_q", "find"].includes(field.id) && field.type !== "hidden")
    .map((field) => [field.id || field.name, field.value, field.checked].join()),
]"""
_LEAVE = (
    "() => { document.activeElement.blur(); for (const id of ['id_q', 'find']) { const box = "
    "document.getElementById(id); if (box) box.value = ''; } }"
)


@pytest.fixture(autouse=True)
def _channels(settings: Any) -> None:
    set_up_channels(settings)


@pytest.fixture
def sent() -> list[str]:
    """The addresses that something other than a GET went to."""
    return []


@pytest.fixture
def page(open_page: Callable[..., Page], sign_in: SignIn, sent: list[str]) -> Page:
    """The log of an officer who has a failed, a waiting and a sent message, newest first."""
    make_message(MessageState.SENT, destination="bo@example.org")
    make_message(MessageState.WAITING, MessageType.SMS)
    make_message(MessageState.FAILED, recipient_name="Ana Silva", content="Dear Ana, the whole text.")
    opened = open_page()
    sign_in(opened, officer())
    _listen(opened, sent)
    return opened


def _listen(page: Page, sent: list[str]) -> None:
    def note(request: Request) -> None:
        if request.method != "GET":
            sent.append(f"{request.method} {request.url}")

    page.on("request", note)


def _failed(page: Page) -> Any:
    return page.get_by_role("link", name="Failed E-mail to ana@example.org")


@pytest.mark.parametrize("chapter", gallery.CHAPTERS)
def test_a_name_typed_on_any_page_is_text_for_its_search_box(
    live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn, sent: list[str], chapter: str
) -> None:
    person, page = admin(), open_page()
    stops = [
        stop
        for stop in gallery.stops(of_everything(person), person)
        if stop.chapter == chapter and not stop.act and not stop.anonymous
    ]
    sign_in(page, person)
    _listen(page, sent)
    messages = Message.objects.count()
    boxes = 0
    for stop in stops:
        gallery.visit(page, live_server.url, stop)
        box = page.locator("#id_q")
        boxes += (found := box.count())
        box = box if found else page.locator("#find")
        if not box.count():
            continue  # a page without the frame, such as those before the sign-in
        before = page.evaluate(_STATE)
        for name in NAMES:
            page.evaluate(_LEAVE)
            page.keyboard.type(name)
            assert (stop.title, box.input_value()) == (stop.title, name)
        assert (stop.title, page.evaluate(_STATE)) == (stop.title, before)
    assert sent == []
    assert Message.objects.count() == messages
    assert boxes >= {"log": 3, "people": 3, "administration": 2, "others": 0}[chapter]


@pytest.mark.parametrize("place", ["button", "link", "row", "box of a row"])
def test_a_name_typed_on_a_button_a_link_or_a_row_sends_nothing(
    page: Page, sent: list[str], place: str
) -> None:
    places = {
        "button": page.get_by_role("button", name="Resend to ana@example.org"),
        "link": page.get_by_role("link", name="Edit columns"),
        "row": _failed(page),
        "box of a row": page.get_by_label("Select the E-mail to ana@example.org"),
    }
    places[place].focus()
    page.keyboard.type("rarer")  # r resent what had the focus
    expect(page.locator("#id_q")).to_have_value("rarer")
    assert sent == []
    assert Message.objects.count() == 3


@pytest.mark.parametrize("typed", ["+46700", "#12", "'Leary", "Kd-7", "10.00"])
def test_every_character_counts(page: Page, typed: str) -> None:
    page.keyboard.type(typed)
    expect(page.locator("#id_q")).to_have_value(typed)


@pytest.mark.parametrize("key", ["Dead", "Process"])
def test_a_character_that_is_yet_to_be_composed_goes_to_the_box(page: Page, key: str) -> None:
    page.evaluate(
        "key => document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}))", key
    )
    expect(page.locator("#id_q")).to_be_focused()


def test_a_character_of_the_third_level_is_text_and_a_command_is_not(page: Page) -> None:
    press = "given => document.body.dispatchEvent(new KeyboardEvent('keydown', {bubbles: true, ...given}))"
    for command in (
        {"key": "k", "ctrlKey": True},
        {"key": "j", "metaKey": True},
        {"key": "r", "altKey": True},
        {"key": " "},
        {"key": "F5"},
    ):
        page.evaluate(press, command)
        expect(page.locator("#id_q")).not_to_be_focused()
    # AltGr on Windows
    page.evaluate(press, {"key": "@", "ctrlKey": True, "altKey": True, "modifierAltGraph": True})
    expect(page.locator("#id_q")).to_be_focused()


def test_the_find_box_is_reached_from_everywhere_and_its_list_walked(
    page: Page, live_server: LiveServer
) -> None:
    ana = make_client(client_id="000123")
    page.keyboard.press("/")  # the log has a box of its own
    page.keyboard.press("Control+k")
    expect(page.locator("#find")).to_be_focused()
    page.keyboard.type("000123")
    expect(page.locator("#found")).to_contain_text("Ana Silva (000123)")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#find")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/clients/{ana.key.hex}/")
    page.goto(f"{live_server.url}/")
    page.keyboard.type("lind")  # the dashboard has none
    expect(page.locator("#find")).to_have_value("lind")
    page.keyboard.press("Escape")
    expect(page.locator("#found")).to_be_hidden()


def test_a_new_name_takes_the_place_of_the_old_one(page: Page) -> None:
    page.goto(f"{page.url}?q=silva")
    page.keyboard.type("krause")
    expect(page.locator("#id_q")).to_have_value("krause")


def test_what_is_typed_while_the_log_is_on_its_way_stays(page: Page) -> None:
    page.keyboard.type("silva")
    held = []
    page.route("**/communications/?*", lambda route: held.append(route))
    page.keyboard.press("Enter")
    page.keyboard.type(" ana")
    expect(page.locator("#id_q")).to_have_value("silva ana")
    while not held:  # the request may be slower than whoever types
        page.wait_for_timeout(20)
    held[0].continue_()
    expect(page.locator("[data-row]")).to_have_count(1)
    page.keyboard.type("!")
    expect(page.locator("#id_q")).to_have_value("silva ana!")


def test_the_rows_have_keys_while_one_has_the_focus(page: Page, sent: list[str]) -> None:
    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    expect(_failed(page)).to_be_focused()
    page.keyboard.press("x")
    expect(page.get_by_label("Select the E-mail to ana@example.org")).to_be_checked()
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="Waiting SMS to")).to_be_focused()
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="Sent E-mail to bo@example.org")).to_be_focused()
    page.keyboard.press("j")  # the last one
    page.keyboard.press("k")
    expect(page.get_by_role("link", name="Waiting SMS to")).to_be_focused()
    expect(page.locator("#id_q")).to_have_value("")
    page.keyboard.press("K")  # a name
    expect(page.locator("#id_q")).to_have_value("K")
    assert sent == []


def test_rows_without_a_link_are_walked_too(page: Page) -> None:
    page.goto(f"{page.url}?columns=subject,destination")
    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    expect(page.locator("[data-row]").first).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator("[data-row]").nth(1)).to_be_focused()


def test_letters_do_nothing_in_a_dialog_and_arrows_walk(page: Page, sent: list[str]) -> None:
    _failed(page).click()
    dialog = page.get_by_role("dialog")
    title = dialog.locator(".title")
    expect(title).to_have_text("E-mail to ana@example.org")
    page.keyboard.type("jkrx/?")
    expect(title).to_have_text("E-mail to ana@example.org")
    expect(page.locator("#id_q")).to_have_value("")
    page.keyboard.press("ArrowRight")
    expect(title).to_contain_text("SMS to")
    page.keyboard.press("ArrowLeft")
    expect(title).to_have_text("E-mail to ana@example.org")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.type("krause")
    page.keyboard.press("Escape")
    expect(page.locator("#id_q")).to_have_value("")
    assert sent == []


def test_the_shortcuts_can_be_switched_off(page: Page) -> None:
    page.get_by_role("button", name="Keyboard shortcuts").click()
    page.get_by_label("Use these shortcuts in this browser").uncheck()
    page.keyboard.press("Escape")
    _failed(page).focus()
    page.keyboard.type("jx?/krause")
    expect(_failed(page)).to_be_focused()
    expect(page.locator("#id_q")).to_have_value("")


def test_the_list_of_shortcuts_is_on_every_page(page: Page, live_server: LiveServer) -> None:
    for path in ("/", "/clients/", f"/clients/{make_client().key.hex}/", "/jobs/"):
        page.goto(live_server.url + path)
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()


def test_no_page_takes_the_focus_by_itself(
    live_server: LiveServer, new_context: Callable[..., BrowserContext], sign_in: SignIn
) -> None:
    make_message(MessageState.FAILED)
    page = new_context(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844}).new_page()
    sign_in(page, officer())
    for path in ("/communications/", "/clients/"):
        page.goto(live_server.url + path)
        assert page.evaluate("document.activeElement === document.body")
    page.go_back()
    assert page.evaluate("document.activeElement === document.body")
