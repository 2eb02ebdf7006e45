"""Many at once in a browser: select, confirm, progress, report; with JavaScript, without it, on a phone, and
seen by axe.
"""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from commlog import jobs
from commlog.models import Job
from notifications.models import Message
from notifications.states import MessageState
from tests.browser.conftest import SignIn
from tests.browser.test_accessibility import _check
from tests.factories import make_message, officer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def _mail_is_on(settings: Any) -> None:
    settings.EMAIL_HOST = "localhost"


def _work() -> str:
    """What a worker of the cluster does."""
    claimed = jobs.claim(1)
    assert claimed is not None
    return jobs.run(*claimed[1])


def test_select_confirm_progress_report(
    live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn
) -> None:
    failed = [
        make_message(MessageState.FAILED, destination=f"{name}@example.org") for name in ("ana", "bo", "cy")
    ]
    moving = make_message(MessageState.WAITING)
    page = open_page()
    sign_in(page, officer())
    selected = page.get_by_role("button", name="Resend selected")
    expect(selected).to_be_disabled()
    page.get_by_label("Select the E-mail to ana@example.org").check()
    page.get_by_label("Select the E-mail to cy@example.org").check()
    expect(page.locator("[data-selected]")).to_have_text("2 selected")
    Message.objects.filter(pk=moving.pk).update(
        state=MessageState.SENDING_ASYNC, due_at=None, waiting_reason=""
    )
    # The live refresh takes no tick away.
    expect(page.locator(f"#row-{moving.pk}")).to_contain_text("Sending")
    expect(page.locator("[data-selected]")).to_have_text("2 selected")

    selected.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Resend 2 failed messages to 2 people?")
    _check(page, "bulk-confirm")
    page.get_by_role("button", name="Resend 2").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Bulk resend")
    expect(page.locator("#job")).to_contain_text("0 of 2")
    expect(page.get_by_role("link", name="1 job")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#job")).to_contain_text("Paused")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#job")).to_contain_text("Queued")
    assert _work() == "DONE"
    expect(page.locator("#job")).to_contain_text("2 of 2")  # by itself
    _check(page, "bulk-report")
    page.get_by_role("link", name="Resent as new entries").click()
    expect(page.locator("[data-row]")).to_have_count(2)
    _everything_that_matches(page, live_server.url)
    assert set(Message.objects.filter(resend_of__isnull=False).values_list("resend_of", flat=True)) == {
        failed[0].pk,
        failed[2].pk,
    }


def _everything_that_matches(page: Page, url: str) -> None:
    """A page is ticked; how many match beyond it is asked for then, and no sooner."""
    for _ in range(26):
        make_message(MessageState.FAILED)
    page.set_viewport_size({"width": 1360, "height": 900})
    page.goto(f"{url}/communications/?state=FAILED&per_page=25")
    all_that_match, plain = (
        page.get_by_role("button", name="Select all 27 that can be resent"),
        page.get_by_role("button", name="Resend all that match"),
    )
    expect(plain).to_be_visible()
    page.get_by_label("Select every failed message on this page").check()
    expect(all_that_match).to_be_visible()
    expect(plain).to_be_hidden()
    expect(page.locator("[data-selected]")).to_have_text("All 25 failed messages on this page are selected.")
    expect(page.locator("#live")).to_have_text(
        "All failed messages on this page are selected. 29 match; 27 of them can be resent."
    )
    expect(page.locator("#matching")).to_contain_text("29 match: 27 can be resent, 2 were already resent.")
    _check(page, "bulk-all-that-match")
    page.locator(".col-select [name=row]").first.uncheck()
    expect(page.locator("[data-selected]")).to_have_text("24 selected")
    expect(plain).to_be_visible()
    page.locator(".col-select [name=row]").first.check()
    all_that_match.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Resend 27 failed messages to 2 people?")


def test_without_javascript_all_that_match(open_page: Callable[..., Page], sign_in: SignIn) -> None:
    for _ in range(3):
        make_message(MessageState.FAILED)
    page = open_page(java_script_enabled=False)
    sign_in(page, officer())
    page.get_by_role("button", name="Resend all that match").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Resend 3 failed messages to 1 person?")
    page.get_by_role("button", name="Resend 3").click()
    assert _work() == "DONE"
    page.reload()
    expect(page.locator("#job")).to_contain_text("3 of 3")
    expect(page.locator(".report")).to_contain_text("of these, in progress")
    page.get_by_role("link", name="All jobs").click()
    expect(page.get_by_role("row")).to_have_count(2)
    assert Job.objects.get().outcomes == {"RESENT": 3}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(
    live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn, scheme: str
) -> None:
    make_message(MessageState.FAILED)
    page = open_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    sign_in(page, officer())
    page.locator(".col-select [name=row]").check()
    _check(page, f"bulk-phone-log-{scheme}")
    page.get_by_role("button", name="Resend selected").click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Resend 1 failed message to 1 person?")
    _check(page, f"bulk-phone-confirm-{scheme}")
    page.get_by_role("button", name="Resend 1").click()
    expect(heading).to_have_text("Bulk resend")
    _check(page, f"bulk-phone-job-{scheme}")
    page.goto(f"{live_server.url}/jobs/")
    _check(page, f"bulk-phone-jobs-{scheme}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
