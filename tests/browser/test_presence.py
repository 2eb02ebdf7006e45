"""Asking before a session lapses, keeping it for who works on a page, and leaving the page once it has
lapsed.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.browser.conftest import SignIn
from tests.factories import officer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ALMOST = "28:05"  # minutes after which the page asks how long is left
FULL = timedelta(minutes=29)


@pytest.fixture
def page(open_page: Callable[..., Page], sign_in: SignIn) -> Page:
    page = open_page()
    page.clock.install()
    sign_in(page, officer())
    return page


def _session() -> Any:
    return SessionStore(Session.objects.get().session_key)


def _left() -> timedelta:
    return _session().get_expiry_date() - timezone.now()


def _nobody_was_there(*, left: timedelta, of_all: timedelta | None = None) -> None:
    """As if the user had gone away at the right moment for this to be left now."""
    session = _session()
    session.set_expiry(timezone.now() + left)
    if of_all is not None:
        session["began"] = (timezone.now() + of_all).timestamp() - settings.SESSION_LONGEST
    session.save()


def _until_kept(page: Page) -> None:
    for _ in range(300):
        if _left() > FULL:
            return
        page.wait_for_timeout(100)
    raise AssertionError(_left())


def test_who_was_away_is_asked_and_stays(page: Page) -> None:
    _nobody_was_there(left=timedelta(seconds=100))
    asked = page.get_by_role("alertdialog", name="Are you still there?")
    expect(asked).to_have_count(0)

    page.clock.fast_forward(ALMOST)
    expect(asked).to_be_visible()
    expect(asked).to_contain_text("You have been inactive for a while and will be signed out at ")
    expect(asked.get_by_role("button", name="Stay signed in")).to_be_focused()
    assert _left() < timedelta(seconds=100)  # asking keeps nothing

    page.keyboard.press("Enter")
    expect(asked).to_have_count(0)
    _until_kept(page)


def test_who_types_is_not_asked(page: Page) -> None:
    page.clock.fast_forward("20:00")
    page.locator("#id_q").press_sequentially("Ana")
    _until_kept(page)
    _nobody_was_there(left=timedelta(seconds=100))
    page.clock.fast_forward("02:00")
    page.locator("#id_q").press_sequentially("S")
    page.clock.fast_forward("00:02")
    _until_kept(page)
    expect(page.get_by_role("alertdialog")).to_have_count(0)


def test_who_works_elsewhere_is_not_asked_any_more(page: Page) -> None:
    _nobody_was_there(left=timedelta(seconds=100))
    page.clock.fast_forward(ALMOST)
    expect(page.get_by_role("alertdialog")).to_be_visible()
    _nobody_was_there(left=timedelta(minutes=25))
    page.clock.fast_forward("00:12")
    expect(page.get_by_role("alertdialog")).to_have_count(0)
    assert _left() < timedelta(minutes=25)


def test_a_page_whose_session_has_lapsed_is_left(page: Page, live_server: LiveServer) -> None:
    page.goto(f"{live_server.url}/account/?of=mine")
    _nobody_was_there(left=timedelta(seconds=-1))
    page.clock.fast_forward(ALMOST)
    expect(page).to_have_url(f"{live_server.url}/sign-in/?next=%2Faccount%2F%3Fof%3Dmine")


def test_the_end_that_nothing_puts_off_is_told_once(page: Page) -> None:
    _nobody_was_there(left=timedelta(seconds=100), of_all=timedelta(seconds=100))
    told = page.get_by_role("alertdialog", name="You will be signed out soon")
    page.clock.fast_forward(ALMOST)
    expect(told).to_contain_text("Your session has reached its maximum length. You will be signed out at ")
    told.get_by_role("button", name="OK").click()
    expect(told).to_have_count(0)
    with page.expect_response("**/sign-in/left/"):
        page.clock.fast_forward("00:12")
    page.wait_for_timeout(300)
    expect(told).to_have_count(0)
