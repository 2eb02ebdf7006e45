"""From a template to a message and back: written, previewed, tried, fired by an event, changed; and the old
text is sent again.
"""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from notifications.models import Message, NotificationTemplate
from notifications.states import MessageState
from tests.browser.conftest import SignIn
from tests.factories import admin, make_client, make_key

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def _mail_is_on(settings: Any) -> None:
    settings.EMAIL_HOST = "localhost"


def test_a_template_from_its_writing_to_a_resend(
    live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn
) -> None:
    make_client(client_id="000123")
    page = open_page(viewport={"width": 1360, "height": 900})
    sign_in(page, admin(email="adam@example.org"))
    page.goto(f"{live_server.url}/administration/templates/")
    page.get_by_role("link", name="New E-mail template").click()

    page.get_by_label("Name", exact=True).fill("Payment received")
    page.get_by_label("Event").select_option("LOAN_REPAYMENT")
    page.get_by_label("Subject", exact=True).fill("Thank you")
    text = page.get_by_label("Text", exact=True)
    text.fill("Dear ,")
    text.evaluate("field => field.setSelectionRange(5, 5)")
    page.get_by_role("button", name="{RECIPIENT_NAME}").click()
    expect(text).to_have_value("Dear {RECIPIENT_NAME},")
    page.get_by_label("Preview with client").fill("000123")
    expect(page.locator("#trial")).to_contain_text("Dear Ana Silva,")

    second = page.get_by_label("Second value")
    expect(second).to_be_hidden()
    page.get_by_label("Placeholder", exact=True).fill("AMOUNT")
    page.get_by_label("Operator").select_option("is between")
    page.get_by_label("Value", exact=True).fill("1")
    second.fill("9")
    page.get_by_role("button", name="Add condition").click()
    expect(page.get_by_label("Placeholder", exact=True).nth(1)).to_be_focused()
    page.get_by_role("button", name="Remove condition 1").click()
    expect(page.get_by_label("Placeholder", exact=True)).to_have_count(1)
    expect(page.get_by_label("Placeholder", exact=True)).to_have_value("")
    expect(page.get_by_role("button", name="Add condition")).to_be_focused()

    page.get_by_role("button", name="Send test to me").click()
    expect(page.get_by_text("A test to adam@example.org is on its way.")).to_be_visible()
    page.get_by_role("button", name="Create and activate…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Activate Payment received?")
    expect(page.get_by_role("main")).to_contain_text(
        "the event LOAN_REPAYMENT was not reported in the last 7 days"
    )
    assert not NotificationTemplate.objects.get().active
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Payment received")

    told = page.request.post(
        f"{live_server.url}/api/events",
        data={"event": "LOAN_REPAYMENT", "clientId": "000123"},
        headers={"apiKey": make_key()},
    )
    (key,) = told.json()["messages"]
    page.goto(f"{live_server.url}/communications/?c=template_name.contains.Payment&q=ana@example.org")
    expect(page.locator("[data-row]")).to_have_count(1)
    page.goto(f"{live_server.url}/communications/{key}/")
    expect(page.locator(".content")).to_contain_text("Dear Ana Silva,")
    page.get_by_role("link", name="LOAN_REPAYMENT").click()
    expect(page.get_by_role("row", name="Payment received")).to_contain_text("Ana Silva")

    page.goto(f"{live_server.url}/administration/templates/")
    page.get_by_role("link", name="Payment received").click()
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Text", exact=True).fill("Hello {RECIPIENT_NAME}.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Existing messages keep the old text.")).to_be_visible()

    Message.objects.filter(key=key).update(state=MessageState.FAILED, due_at=None, failure_reason="OTHER")
    page.goto(f"{live_server.url}/communications/{key}/")
    page.get_by_role("button", name="Resend").click()
    expect(page.get_by_text("Resent").first).to_be_visible()
    assert Message.objects.get(resend_of__key=key).content == "Dear Ana Silva,"


def test_the_editor_without_scripts(
    live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn
) -> None:
    make_client()
    page = open_page(java_script_enabled=False)
    sign_in(page, admin())
    page.goto(f"{live_server.url}/administration/templates/new/?type=SMS")
    page.get_by_label("Name", exact=True).fill("Reminder")
    page.get_by_label("Event").select_option("REPAYMENT_REMINDER")
    page.get_by_label("Text", exact=True).fill("{CLIENT_NAME}: {AMOUNT_DUE}")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#trial")).to_contain_text("Ana Silva: [Amount due]")
    expect(page.locator("#trial")).to_contain_text("sent as 1 part")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Reminder Inactive")
    assert not NotificationTemplate.objects.get().active
    page.get_by_role("link", name="Activate…").click()
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Reminder")
    page.get_by_role("link", name="Deactivate…").click()
    page.get_by_role("link", name="Cancel").click()
    assert NotificationTemplate.objects.get().active
