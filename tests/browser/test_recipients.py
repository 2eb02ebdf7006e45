"""Clients, groups, users and writing to them, in a real browser."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from commlog.message.sms_length import measure
from notifications.models import Client, Message
from notifications.states import MessageState
from tests.browser.conftest import SignIn
from tests.factories import make_client, make_group, make_message, officer, set_up_channels

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
HTML = (
    '<h1>Payment due</h1><p>Dear <b>Ana</b></p><script>top.location="https://evil.example"</script><img '
    'src="https://evil.example/1.gif">'
)


@pytest.fixture(autouse=True)
def _channels(settings: Any) -> None:
    set_up_channels(settings)


def _people() -> tuple[Client, Message]:
    ana = make_client(client_id="000123")
    make_client(client_id="000124", first_names="Bo", last_name="Lind", email="", mobile_phone="12")
    make_group(ana)
    failed = make_message(
        MessageState.FAILED,
        client=ana,
        recipient_name="Ana Silva",
        destination="old@example.org",
        html=HTML,
        content="Dear Ana, pay.",
    )
    return ana, failed


def _write_and_send(page: Page, *, javascript: bool) -> None:
    """From the list of clients to the entry in the client's log."""
    page.get_by_role("link", name="Clients", exact=True).click()
    page.get_by_label("Name, ID, address or number").fill("silva ana")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="Ana Silva").click()
    page.get_by_role("link", name="Send e-mail").click()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Enter a subject.", exact=True)).to_be_visible()
    page.get_by_label("Subject", exact=True).fill("Your loan")
    page.get_by_label("Text", exact=True).fill("Dear Ana,\ncome by tomorrow.")
    if javascript:
        expect(page.locator("[data-length]")).to_have_text("27 characters of 100,000.")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("region", name="Text")).to_contain_text("come by tomorrow.")
    page.get_by_role("button", name="Change").click()
    page.get_by_label("Text", exact=True).fill("Dear Ana,\ncome by today.")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("link", name="Communications 2")).to_have_attribute("aria-current", "page")
    expect(page.locator("[data-row]").first).to_contain_text("come by today.")
    expect(page.locator(".note")).to_contain_text("is on its way.")


@pytest.mark.parametrize("javascript", [True, False])
def test_from_the_client_to_the_entry_in_the_tab(
    open_page: Callable[..., Page], sign_in: SignIn, javascript: bool
) -> None:
    ana, failed = _people()
    page = open_page(java_script_enabled=javascript)
    sign_in(page, officer())
    _write_and_send(page, javascript=javascript)
    new = Message.objects.exclude(pk=failed.pk).get()
    assert (new.client, new.sender, new.event) == (ana, "Ada Officer", "MANUAL")
    page.get_by_label("State").select_option("Failed")
    if not javascript:
        page.get_by_role("button", name="Search").click()
    expect(page.locator("[data-row]")).to_have_count(1)
    assert f"/clients/{ana.key.hex}/communications/" in page.url
    assert "state=FAILED" in page.url


@pytest.mark.parametrize("javascript", [True, False])
def test_a_failed_one_is_sent_anew(
    live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn, javascript: bool
) -> None:
    _, failed = _people()
    page = open_page(java_script_enabled=javascript)
    sign_in(page, officer())
    page.goto(f"{live_server.url}/communications/{failed.key.hex}/")
    page.get_by_role("link", name="Edit and resend…").click()
    expect(page.get_by_text("The failed message went to old@example.org.")).to_be_visible()
    page.get_by_label("Text", exact=True).fill("Dear Ana, please pay.")
    page.get_by_label("Send the HTML version too").uncheck()
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("E-mail to ana@example.org")
    expect(page.get_by_role("link", name="original entry")).to_be_visible()
    new = Message.objects.get(resend_of=failed)
    assert (new.first, new.content, new.html) == (failed, "Dear Ana, please pay.", "")


def test_the_preview_of_html_is_harmless(
    live_server: LiveServer, new_context: Callable[..., Any], sign_in: SignIn
) -> None:
    _, failed = _people()
    page = new_context().new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    sign_in(page, officer())
    page.goto(f"{live_server.url}/communications/{failed.key.hex}/")
    page.get_by_label("HTML", exact=True).check(force=True)
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="Payment due")).to_be_visible()
    expect(frame.get_by_text("1 external image is not shown")).to_be_visible()
    assert not [url for url in asked if "evil" in url]
    # Opened by itself, it is sandboxed as well.
    page.goto(f"{live_server.url}/communications/{failed.key.hex}/preview/")
    assert page.evaluate("window.origin") == "null"


@pytest.mark.parametrize(
    "text", ["", "a" * 160, "a" * 161, "€" * 81, "ы" * 71, "🐘" * 67, "a\nb", "x" * 1601]
)
def test_the_browser_counts_as_the_server_does(
    live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn, text: str
) -> None:
    ana, _ = _people()
    page = open_page()
    sign_in(page, officer())
    page.goto(f"{live_server.url}/clients/{ana.key.hex}/send/sms/")
    page.get_by_label("Text", exact=True).fill(text)
    said = page.locator("[data-length]")
    if len(text) > 1600:
        expect(said).to_have_text("1,601 characters of 1,600: 1 character too many.")
        return
    length = measure(text)
    expect(said).to_contain_text(f"{length.characters} character")
    if length.parts:
        expect(said).to_contain_text(f"{length.parts} part{'s' if length.parts > 1 else ''}")
