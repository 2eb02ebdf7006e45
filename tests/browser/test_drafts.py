"""Nothing typed is lost: a half-written form is asked about before it is left, and survives whatever refuses
it.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Dialog, Page, expect
from pytest_django.live_server_helper import LiveServer

from commlog.models import User
from notifications.models import Client, Message
from tests.browser.conftest import SignIn
from tests.factories import PASSWORD, admin, make_client, make_message

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
TEXT = "Dear Ana, your new card is on its way.\nKind regards"
KEPT = "() => Object.keys(sessionStorage).filter((name) => name.startsWith('commlog.draft')).length"


@pytest.fixture(autouse=True)
def _channels(settings: Any) -> None:
    settings.EMAIL_HOST = "localhost"


@pytest.fixture
def ana() -> Client:
    return make_client(client_id="000123")


@pytest.fixture
def ada() -> User:
    return admin()


@pytest.fixture
def page(open_page: Callable[..., Page], sign_in: SignIn, ada: User) -> Page:
    page = open_page()
    sign_in(page, ada)
    return page


def _write(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_label("Subject", exact=True).fill("Your card")
    page.get_by_label("Text", exact=True).fill(TEXT)


def _is_back(page: Page) -> None:
    expect(page.get_by_text("Your unsaved text was restored.")).to_be_visible()
    expect(page.get_by_label("Subject", exact=True)).to_have_value("Your card")
    expect(page.get_by_label("Text", exact=True)).to_have_value(TEXT)


def _sign_in_again(page: Page, person: User) -> None:
    page.get_by_label("User name").fill(person.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_a_half_written_message_is_asked_about(page: Page, live_server: LiveServer, ana: Client) -> None:
    url = f"{live_server.url}/clients/{ana.key.hex}/send/email/"
    _write(page, url)
    question = page.get_by_role("alertdialog", name="Leave this page?")
    page.get_by_role("link", name="Groups", exact=True).click()
    page.keyboard.press("Enter")  # stays
    expect(question).to_have_count(0)
    expect(page.get_by_label("Text", exact=True)).to_have_value(TEXT)

    asked: list[Dialog] = []
    page.on("dialog", lambda each: asked.append(each))
    page.reload()  # what the browser asks about itself is kept
    assert [each.type for each in asked] == ["beforeunload"]
    _is_back(page)

    page.get_by_role("link", name="Cancel").click()
    question.get_by_role("button", name="Leave without saving").click()
    page.wait_for_url(lambda found: found.endswith(f"/clients/{ana.key.hex}/"))
    page.goto(url)
    expect(page.get_by_label("Text", exact=True)).to_have_value("")
    page.get_by_role("link", name="Groups", exact=True).click()  # nothing to be asked about
    expect(page.get_by_role("heading", level=1)).to_have_text("Groups")


def test_a_message_survives_its_refusals_and_is_sent_once(
    page: Page, live_server: LiveServer, ana: Client, ada: User, settings: Any
) -> None:
    url = f"{live_server.url}/clients/{ana.key.hex}/send/email/"
    _write(page, url)
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 50
    page.get_by_role("button", name="Preview").click()
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
    expect(page.get_by_role("heading", level=1)).to_have_text("The form is too large")
    page.get_by_role("link", name="Back to the form").click()
    _is_back(page)

    page.context.clear_cookies(name="csrftoken")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("This form has expired")
    page.get_by_role("link", name="Reload the form").click()
    _is_back(page)

    page.get_by_role("button", name="Preview").click()
    Session.objects.all().delete()
    page.get_by_role("button", name="Send", exact=True).click()
    _sign_in_again(page, ada)
    _is_back(page)

    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("E-mail to ana@example.org is on its way.")).to_be_visible()
    sent = Message.objects.get()
    assert (sent.subject, sent.content) == ("Your card", TEXT)
    assert page.evaluate(KEPT) == 0
    page.goto(url)
    expect(page.get_by_label("Text", exact=True)).to_have_value("")


def test_a_template_comes_back_with_all_its_conditions(
    page: Page, live_server: LiveServer, ada: User
) -> None:
    page.goto(f"{live_server.url}/administration/templates/new/?type=EMAIL")
    page.get_by_label("Name", exact=True).fill("Reminder")
    rows = page.locator(".asked").count()
    for number in range(1, rows + 1):
        page.locator(f'[name="f{number}"]').fill("AMOUNT")
        page.locator(f'[name="v{number}"]').fill(str(number))
    page.get_by_role("button", name="Create", exact=True).click()  # refused
    problems = page.locator(".problems")
    expect(problems).to_be_focused()
    expect(problems).to_contain_text("Text")
    page.get_by_role("button", name="Add condition").click()
    page.locator(f'[name="f{rows + 1}"]').fill("AMOUNT")
    Session.objects.all().delete()
    page.get_by_role("button", name="Create", exact=True).click()
    _sign_in_again(page, ada)
    expect(page.get_by_label("Name", exact=True)).to_have_value("Reminder")
    for number in range(1, rows + 1):
        expect(page.locator(f'[name="v{number}"]')).to_have_value(str(number))
    expect(page.locator(f'[name="f{rows + 1}"]')).to_have_value("AMOUNT")


def test_a_condition_that_is_not_applied_is_asked_about_and_outlives_the_session(
    page: Page, ada: User
) -> None:
    make_message(attempt_count=6)
    make_message()
    page.get_by_text("More conditions").click()
    page.locator("#f1").select_option("Attempts")
    expect(page.get_by_label("Operator").get_by_role("option")).to_have_count(7)
    page.get_by_role("link", name="Clients", exact=True).click()
    page.get_by_role("button", name="Stay").click()
    page.get_by_label("Value").fill("6")
    Session.objects.all().delete()
    page.get_by_role("button", name="Apply").click()
    _sign_in_again(page, ada)
    expect(page.locator("[data-row]")).to_have_count(1)
    expect(page.locator(".chip-text")).to_have_text("Attempts: 6")


def test_errors_are_summed_up_at_the_top(page: Page, live_server: LiveServer, settings: Any) -> None:
    settings.EMAIL_HOST = ""  # a first password is typed where nobody can be invited
    page.goto(f"{live_server.url}/administration/users/new/")
    title = page.title()
    page.get_by_label("Password").fill("short")
    assert "short" not in page.evaluate("() => JSON.stringify(sessionStorage)")
    page.get_by_label("User name").fill("a b")
    page.get_by_role("button", name="Create user").click()
    problems = page.locator(".problems")
    expect(problems).to_be_focused()
    assert page.title() == f"Error: {title}"
    for link in problems.get_by_role("link").all():
        field = page.locator(link.get_attribute("href") or "")
        expect(field).to_have_attribute("aria-invalid", "true")
        link.click()
        expect(field).to_be_focused()
    assert problems.get_by_role("link").count() >= 2
