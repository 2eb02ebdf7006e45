"""Every page passes axe, in light and dark, wide and narrow: no violation, and no colour contrast that axe could not decide."""

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from notifications.models import Message
from notifications.states import MessageState, MessageType, Outcome
from tests.browser.conftest import SignIn
from tests.factories import make_attempt, make_message, make_resend, officer, outsider

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


def _log_in_every_state() -> Message:
    for kind in MessageType:
        for state in MessageState:
            make_message(state, kind, recipient_name="Ana Silva")
    failed = make_message(MessageState.FAILED, outcome=Outcome.UNKNOWN, html="<p>Hi</p>")
    for outcome in Outcome:
        make_attempt(failed, outcome)
    make_attempt(failed, "")
    make_resend(failed, MessageState.SENT)
    return failed


def _visits(page: Page, url: str, failed: Message) -> Iterator[str]:
    """Brings the page into each of its states, and names it."""
    for path in ("", "?state=FAILED&q=ana", "?q=nothing+like+this", "?state=NOPE&created_from=0000-01-01&foo=1", "?per_page=-5&per_page="):
        page.goto(f"{url}/communications/{path}")
        yield f"log {path}"
    page.goto(f"{url}/communications/{failed.key.hex}/")
    yield "message"
    for tab in ("HTML", "Raw"):
        page.get_by_label(tab, exact=True).check(force=True)
        yield tab
    page.goto(f"{url}/communications/?state=FAILED")
    page.locator("[data-row] a.state").first.click()
    expect(page.locator("dialog .message")).to_be_visible()
    yield "dialog"
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    yield "keys"
    page.goto(f"{url}/nowhere/")
    yield "not found"


def _check(page: Page, name: str) -> None:
    found = Axe().run(page, options={"resultTypes": ["violations", "incomplete"], "iframes": False}).response
    wrong = found["violations"] + [rule for rule in found["incomplete"] if rule["id"] == "color-contrast"]
    said = [f"{rule['id']}: {node['html'][:160]} {node.get('failureSummary', '')}" for rule in wrong for node in rule["nodes"]]
    assert said == [], f"{name}: {said}"


@pytest.mark.parametrize("width", [1360, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page(live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn, scheme: str, width: int) -> None:
    failed = _log_in_every_state()
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900}, reduced_motion="reduce")
    page.goto(f"{live_server.url}/sign-in/")
    _check(page, "sign-in")
    page.get_by_label("Username").fill("nobody")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    _check(page, "wrong password")
    sign_in(page, officer())
    for name in _visits(page, live_server.url, failed):
        _check(page, name)


def test_the_page_without_permission(live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn) -> None:
    page = open_page()
    sign_in(page, outsider())
    expect(page.get_by_role("heading", level=1)).to_have_text("You may not see this")
    _check(page, "no permission")
