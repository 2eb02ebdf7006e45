"""Nothing moves on a page that is only looked at: a pointer that rests on a button stays on it, whatever
comes and changes.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from commlog.models import CustomView
from notifications.failures import Reason
from notifications.models import Message
from notifications.states import MessageState, MessageType, Outcome
from tests.browser.conftest import SignIn
from tests.factories import make_message, officer, set_up_channels

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
WIDE, NARROW = {"width": 1360, "height": 900}, {"width": 390, "height": 844}
COLUMNS = "state,created,sent,next_attempt,failure_reason,attempts,resent_as,message"
# Every shift from the moment that the page is there, those just after an input as well.
WATCH = """
window.shifts = [];
const place = ({x, y, width, height}) => [x, y, width, height].join(" ");
new PerformanceObserver((list) => {
  const there = performance.getEntriesByType("navigation")[0].loadEventStart;
  for (const {value, startTime, sources} of list.getEntries()) {
    if (!there || startTime < there) continue;
    const moved = sources.map(({node, previousRect, currentRect}) =>
      `${node?.nodeName} ${node?.id || node?.className} ${place(previousRect)} -> ${place(currentRect)}`);
    window.shifts.push([value, ...moved]);
  }
}).observe({type: "layout-shift", buffered: true});
"""
UNDER_POINTER = "([x, y]) => document.elementFromPoint(x, y).closest('[id^=resend-]')?.id"


@pytest.fixture(autouse=True)
def _channels(settings: Any) -> None:
    set_up_channels(settings)


def _end(message: Message, number: int) -> None:
    """As an attempt would that was accepted, or was the last one."""
    now = timezone.now()
    sent = {
        "state": MessageState.SENT,
        "sent_at": now,
        "outcome": Outcome.ACCEPTED,
        "failure_reason": "",
        "failure_cause": "",
    }
    failed = {
        "state": MessageState.FAILED,
        "outcome": Outcome.REFUSED,
        "failure_reason": Reason.MESSAGING_EXCEPTION,
    }
    Message.objects.filter(pk=message.pk).update(
        due_at=None, waiting_reason="", **(failed if number % 2 else sent)
    )


@pytest.mark.parametrize(
    ("viewport", "query"),
    [(WIDE, ""), (WIDE, f"columns={COLUMNS}"), (NARROW, "")],
    ids=["usual columns", "chosen columns", "phone"],
)
def test_a_resting_pointer_stays_on_its_button(
    live_server: LiveServer,
    open_page: Callable[..., Page],
    sign_in: SignIn,
    viewport: dict[str, int],
    query: str,
) -> None:
    ada = officer()
    CustomView.objects.create(name="Failed", owner=ada, conditions={"state": "FAILED"})
    below = make_message(MessageState.FAILED)
    due = timezone.now() + timedelta(minutes=9)
    waiting = [
        make_message(MessageState.WAITING, MessageType.SMS if number % 3 else MessageType.EMAIL, due_at=due)
        for number in range(20)
    ]
    page = open_page(viewport=viewport)
    sign_in(page, ada)
    page.add_init_script(WATCH)
    page.goto(f"{live_server.url}/communications/?{query}")
    button = page.locator(f"#resend-{below.pk} button")
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box
    point = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
    page.mouse.move(*point)
    expect(page.locator(".views .number").first).to_have_text("1")

    for number, message in enumerate(waiting):
        _end(message, number)
    for _ in range(50):
        make_message()

    expect(page.locator("[data-row]:has(.i-SENT)")).to_have_count(10)
    expect(page.locator("[data-row]:has(.i-FAILED)")).to_have_count(11)
    expect(page.locator("#newcomers")).to_contain_text("50 new messages")
    expect(page.locator("#newcomers")).to_be_in_viewport() if viewport == WIDE else None
    assert page.evaluate("shifts") == []
    assert page.evaluate(UNDER_POINTER, point) == f"resend-{below.pk}"
    if viewport == WIDE:
        assert set(
            page.locator("[data-row]").evaluate_all("rows => rows.map((row) => row.offsetHeight)")
        ) == {32}


def test_the_page_scrolls_and_the_head_and_the_foot_stay(
    live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn
) -> None:
    for _ in range(40):
        make_message(MessageState.FAILED)
    page = open_page(viewport=WIDE)
    sign_in(page, officer())
    for query in ("", f"columns={COLUMNS},failure_details,key,client,group,user"):
        page.goto(f"{live_server.url}/communications/?{query}")
        page.mouse.move(600, 500)
        page.mouse.wheel(0, 500)
        page.wait_for_function("() => scrollY === 500")
        assert page.evaluate("document.querySelector('.scroller').scrollTop") == 0
        assert page.locator("thead th").nth(1).bounding_box()["y"] == 0  # type: ignore[index]
        expect(page.get_by_role("button", name="Resend all that match")).to_be_in_viewport()
