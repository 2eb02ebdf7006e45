"""A passkey, made and used by Chromium's virtual authenticator."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.browser.conftest import SignIn
from tests.browser.test_accessibility import faults_of
from tests.factories import PASSWORD, admin

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


def _with_authenticator(page: Page) -> None:
    browser = page.context.new_cdp_session(page)
    browser.send("WebAuthn.enable")
    of_this_machine = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True}
    checks_the_person = {"hasUserVerification": True, "isUserVerified": True}
    options = of_this_machine | checks_the_person | {"automaticPresenceSimulation": True}
    browser.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def test_a_passkey_is_set_up_and_then_asked_for(
    live_server: LiveServer, settings: Any, sign_in: SignIn, open_page: Callable[..., Page]
) -> None:
    settings.PUBLIC_URL, settings.CONFIRM_MINUTES = live_server.url, 5
    person, page = admin(), open_page()
    _with_authenticator(page)
    sign_in(page, person)

    page.goto(f"{live_server.url}/account/security/passkey/")
    page.get_by_label("Name of this passkey").fill("My laptop")
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    assert page.locator(".recovery-codes li").count() == 10
    page.get_by_role("link", name="I have saved them").click()
    expect(page.get_by_text("My laptop, set up")).to_be_visible()

    page.context.clear_cookies()
    page.goto(f"{live_server.url}/jobs/")
    page.get_by_label("User name").fill(person.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    assert faults_of(page) == []
    page.get_by_role("button", name="Use your passkey").click()
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()

    # The sign-in is minutes ago, so it is asked again.
    settings.CONFIRM_MINUTES = 0.000_001
    page.goto(f"{live_server.url}/account/security/app/")
    expect(page.get_by_role("heading", name="Confirm it’s you")).to_be_visible()
    assert faults_of(page) == []
    settings.CONFIRM_MINUTES = 5
    page.get_by_role("button", name="Use your passkey").click()
    expect(page.get_by_role("heading", name="Set up an app")).to_be_visible()
