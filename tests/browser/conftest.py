"""A real browser in front of a real server.

Skipped, with the reason, where there is no Chromium; REQUIRE_BROWSER=1 fails instead.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from commlog.models import User
from tests.factories import PASSWORD

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
# Playwright's synchronous API runs an event loop in this thread, which Django takes for asynchronous code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")

# A machine with other work is slow, which is no fault of a page.
_PATIENCE = 30_000
expect.set_options(timeout=_PATIENCE)

SignIn = Callable[[Page, User], None]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's Chromium, which may run as root in a container."""
    if not Path(CHROMIUM).exists():
        reason = f"no Chromium at {CHROMIUM} (set CHROMIUM to its path)"
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return browser_type_launch_args | {
        "executable_path": CHROMIUM,
        # Without a graphics card, drawing as if there were one takes more of the processor.
        "args": ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
    }


@pytest.fixture
def sign_in(live_server: LiveServer) -> SignIn:
    """Signs a person in through the form, and ends on the log."""

    def through_the_form(page: Page, person: User) -> None:
        page.goto(f"{live_server.url}/communications/")
        page.get_by_label("User name").fill(person.username)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{live_server.url}/communications/")

    return through_the_form


@pytest.fixture
def open_page(new_context: Callable[..., BrowserContext]) -> Callable[..., Page]:
    """A page in a window of its own; it fails the test on a script error or a refused resource.

    Nothing moves in it: buttons and links fade from one background to another, and axe would measure the
    colours on the way.
    """

    def opened(**options: Any) -> Page:
        page = new_context(reduced_motion="reduce", **options).new_page()
        page.set_default_timeout(_PATIENCE)
        page.on("pageerror", _fail)
        # A half-written form may be left: its own test says no.
        page.on("dialog", lambda asked: asked.accept())
        page.on(
            "console",
            lambda message: _fail(message.text) if "Content Security Policy" in message.text else None,
        )
        return page

    return opened


def _fail(error: object) -> None:
    raise AssertionError(error)
