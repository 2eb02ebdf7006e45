"""Two people side by side: what one changes is right on every page that the other has open; and what a page
says while nobody answers.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from commlog.models import Job
from commlog.models.job import JobState
from notifications.models import Lane, Message
from notifications.states import Circuit, MessageState, MessageType
from tests.browser.conftest import SignIn
from tests.factories import admin, make_job, make_message, officer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def _sent(message: Message) -> None:
    Message.objects.filter(pk=message.pk).update(
        state=MessageState.SENT, due_at=None, waiting_reason="", sent_at=timezone.now()
    )


def test_what_one_does_is_right_on_every_page_of_the_other(
    live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn, settings: Any
) -> None:
    settings.EMAIL_HOST = "127.0.0.1"  # a message that could not be sent at all is not resent
    failed, waiting = make_message(MessageState.FAILED), make_message(MessageState.WAITING)
    make_message(MessageState.SENT, MessageType.SMS)
    bo = admin()
    mine, log = open_page(), open_page()
    sign_in(mine, officer())
    sign_in(log, bo)
    other = {"log": log}
    for name, path in {
        "message": f"/communications/{failed.key.hex}/",
        "dashboard": "/",
        "channels": "/administration/channels/",
    }.items():
        other[name] = log.context.new_page()
        other[name].goto(live_server.url + path)

    # A resend, and what becomes of it.
    row = f"#row-{failed.pk}"
    mine.locator(row).get_by_role("button", name="Resend").click()
    expect(mine.locator(row)).to_contain_text("Resent, queued")
    expect(log.locator(row)).to_contain_text("Resent, queued")
    expect(log.locator(row).get_by_role("link", name="Already resent")).to_be_visible()
    expect(other["message"].get_by_role("heading", name="Resends")).to_be_visible()
    _sent(Message.objects.get(resend_of=failed))
    for page in (mine, log):
        expect(page.locator(row)).to_contain_text(re.compile(r"Sent \d\d:\d\d"))
    expect(other["message"].locator("main")).to_contain_text("Resent by")

    # A message that is open in a dialog.
    log.locator(f"#row-{waiting.pk} a.state").click()
    dialog = log.locator("#message-dialog")
    expect(dialog.locator("#live-message-state")).to_have_text("Waiting")
    Message.objects.filter(pk=waiting.pk).update(state=MessageState.FAILED, due_at=None, waiting_reason="")
    expect(dialog.locator("#live-message-state")).to_have_text("Failed")
    expect(dialog.get_by_role("button", name="Resend")).to_be_visible()
    expect(dialog).not_to_contain_text("Waiting")
    log.keyboard.press("Escape")

    # A pause and an outage, a view, a job.
    other["channels"].get_by_role("button", name="Pause SMS").click()
    trouble = {
        "circuit": Circuit.OPEN,
        "opened_at": timezone.now(),
        "probe_at": timezone.now(),
        "trouble": "connection refused",
    }
    Lane.objects.filter(channel=MessageType.EMAIL).update(**trouble)
    for page in (mine, log, other["message"], other["dashboard"], other["channels"]):
        expect(page.get_by_role("alert").filter(has_text="SMS is paused")).to_be_visible()
        expect(page.get_by_role("alert").filter(has_text="in trouble")).to_be_visible()
    expect(other["channels"].locator("main")).to_contain_text("connection refused")
    expect(other["dashboard"].locator("main")).to_contain_text("Paused")
    job = make_job(bo)
    for page in (log, other["message"], other["dashboard"]):
        expect(page.locator("#jobs-indicator")).to_have_text("1 job")
    Job.objects.filter(pk=job.pk).update(state=JobState.DONE, due_at=None, finished_at=timezone.now())
    for page in (log, other["message"], other["dashboard"]):
        expect(page.locator("#jobs-indicator")).to_have_text("")
    expect(other["dashboard"].locator("main")).to_contain_text("Done")


def test_views_and_columns_that_are_changed_elsewhere(
    live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn
) -> None:
    make_message(MessageState.FAILED)
    ada = officer()
    log, elsewhere = open_page(), open_page()
    sign_in(log, ada)
    sign_in(elsewhere, ada)
    elsewhere.goto(f"{live_server.url}/communications/views/new/?kind=LOG&next=/communications/?state=FAILED")
    elsewhere.get_by_label("Name").fill("Not sent")
    elsewhere.get_by_role("button", name="Save").first.click()
    expect(log.get_by_role("navigation", name="Views").get_by_role("link", name="Not sent 1")).to_be_visible()
    elsewhere.goto(f"{live_server.url}/communications/columns/?kind=LOG&next=/communications/")
    elsewhere.get_by_role("checkbox", name="Sent by", exact=True).uncheck()
    elsewhere.get_by_role("button", name="Apply").click()
    expect(log.locator("#newcomers")).to_contain_text("The columns were changed.")
    # The row is drawn anew, with the columns of its page.
    Message.objects.update(failure_cause="another cause", possible_duplicate=True)
    expect(log.get_by_text("May have been delivered twice")).to_have_count(1)
    assert log.locator("thead th").count() == log.locator("[data-row] td").count()
    log.locator("#newcomers").get_by_role("link", name="Show").click()
    expect(log.get_by_role("columnheader", name="Sent by")).to_have_count(0)


def test_a_page_says_when_it_cannot_be_kept_up_to_date(
    open_page: Callable[..., Page], sign_in: SignIn
) -> None:
    failed = make_message(MessageState.FAILED)
    page = open_page()
    sign_in(page, officer())
    said = page.locator("#stale")
    page.context.set_offline(True)
    expect(said).to_have_text(re.compile(r"^Not up to date since \d\d:\d\d$"))
    page.locator(f"#row-{failed.pk}").get_by_role("button", name="Resend").click()
    expect(page.locator("#trouble")).to_contain_text(
        "No answer from the server: it may or may not have been done."
    )
    page.context.set_offline(False)
    expect(said).to_have_text("")


def test_a_page_that_nobody_sees_asks_nothing(open_page: Callable[..., Page], sign_in: SignIn) -> None:
    make_message()
    page = open_page()
    page.add_init_script(
        "Object.defineProperty(document, 'hidden', { get: () => window.hiddenNow ?? false })"
    )
    sign_in(page, officer())
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "newest=" in request.url else None)
    with page.expect_request(re.compile("newest=")):
        pass
    page.evaluate("window.hiddenNow = true")
    page.wait_for_timeout(3_000)  # what was under way has its answer
    asked.clear()
    page.wait_for_timeout(4_000)
    assert asked == []
    page.evaluate("window.hiddenNow = false; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#newcomers")).to_be_attached()
    with page.expect_request(re.compile("newest=")):
        pass


def test_what_is_asked_for_shows_that_it_is_under_way(
    open_page: Callable[..., Page], sign_in: SignIn
) -> None:
    make_message(MessageState.FAILED)
    page = open_page()
    sign_in(page, officer())
    held: list[Route] = []
    page.route(re.compile("state=FAILED"), lambda route: held.append(route))
    with page.expect_request(re.compile("state=FAILED")):
        page.get_by_label("State", exact=True).select_option("Failed")
    expect(page.locator("#log")).to_have_attribute("aria-busy", "true")
    expect(page.locator(".busy-line")).to_be_visible()
    held[0].continue_()
    expect(page.locator("[aria-busy]")).to_have_count(0)
    expect(page.locator(".busy-line")).to_be_hidden()


def test_escape_closes_menus(open_page: Callable[..., Page], sign_in: SignIn) -> None:
    page = open_page()
    sign_in(page, officer())
    menu = page.locator(".user-menu summary")
    menu.click()
    expect(page.get_by_role("link", name="Your account")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Your account")).to_be_hidden()
    expect(menu).to_be_focused()
