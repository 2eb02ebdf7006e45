"""What is typed and chosen in the filter bar counts, however slowly the answers come: address, bar and rows
say the same in the end.
"""

import os
import random
import re
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Error, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from notifications.models import Message
from notifications.states import MessageState, MessageType
from tests.browser.conftest import SignIn
from tests.factories import make_message, officer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(3_000)]
SEEDS = int(os.environ.get("FILTER_SEEDS", "3"))
NAMES = ("zoe", "bo", "mia mwangi")
STATES = {"": None, "FAILED": MessageState.FAILED, "SENT": MessageState.SENT}
TYPES = {"": None, "EMAIL": MessageType.EMAIL, "SMS": MessageType.SMS}


@pytest.fixture
def page(open_page: Callable[..., Page], sign_in: SignIn) -> Page:
    for name in NAMES:
        for state in (MessageState.FAILED, MessageState.SENT):
            for channel in (MessageType.EMAIL, MessageType.SMS):
                make_message(state, channel, recipient_name=name)
    page = open_page()
    sign_in(page, officer())
    return page


def _after(page: Page, route: Route, delay: int) -> None:
    """Let an answer come late; what the browser has given up meanwhile needs none."""
    with suppress(Error):
        page.wait_for_timeout(delay)
        route.continue_()


def test_two_changes_while_an_answer_is_under_way_both_count(page: Page, live_server: LiveServer) -> None:
    held: list[Route] = []
    page.route("**/communications/?*", lambda route: held.append(route))
    box = page.locator("#id_q")
    box.fill("mia mwangi")
    box.press("Enter")
    page.wait_for_timeout(150)
    page.get_by_label("State", exact=True).select_option("Failed")
    while len(held) < 2:
        page.wait_for_timeout(20)
    held[1].continue_()
    expect(page.locator("[data-row]")).to_have_count(2)
    held[0].abort()  # the browser has given it up
    expect(page).to_have_url(f"{live_server.url}/communications/?q=mia+mwangi&state=FAILED")
    expect(box).to_have_value("mia mwangi")
    expect(page.get_by_label("State", exact=True)).to_have_value("FAILED")


def test_what_is_typed_after_a_choice_stays(page: Page) -> None:
    held: list[Route] = []
    page.route("**/communications/?*", lambda route: held.append(route))
    page.get_by_label("State", exact=True).select_option("Failed")
    box = page.locator("#id_q")
    box.press_sequentially("mia ")
    while not held:
        page.wait_for_timeout(20)
    held[0].continue_()
    expect(page.locator("[data-row]")).to_have_count(6)
    expect(box).to_be_focused()
    box.press_sequentially("mwangi")
    expect(box).to_have_value("mia mwangi")


def test_what_is_wrong_is_said_at_its_field_and_goes_with_it(page: Page) -> None:
    box, title = page.locator("#id_q"), page.title()
    page.get_by_text("More conditions").click()
    page.locator("#f1").select_option("Attempts")
    expect(page.get_by_label("Operator").get_by_role("option")).to_have_count(7)
    page.get_by_label("Value").fill("many")
    box.fill("x" * 201)
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("heading", name="Nothing shown: a filter is not valid")).to_be_visible()
    expect(box).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#id_q_error")).to_have_text("Search for at most 200 characters.")
    assert page.get_by_label("Value").get_attribute("aria-describedby") == "wrong-1"
    expect(page.locator("#wrong-1")).to_contain_text("umber")
    assert page.title() == f"Error: {title}"
    page.get_by_label("Value").fill("5")
    box.fill("zoe")
    box.press("Enter")
    expect(page.locator(".field-error")).to_have_count(0)
    assert page.title() == title
    page.get_by_role("button", name="Add condition").click()
    page.locator("#f2").select_option("State")
    page.get_by_role("button", name="Remove condition 1").click()
    expect(page.get_by_role("button", name="Remove condition 2")).to_be_focused()
    expect(page).not_to_have_url(re.compile("attempts"))
    page.get_by_role("button", name="Remove condition 2").click()
    expect(page.get_by_role("button", name="Add condition")).to_be_focused()
    expect(page).to_have_url(re.compile(r"/communications/\?q=zoe$"))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_is_entered_last_is_what_is_shown(page: Page, live_server: LiveServer, seed: int) -> None:
    """FILTER_SEEDS=100 tries a hundred."""
    dice = random.Random(seed)
    page.route(
        "**/communications/?*", lambda route: _after(page, route, dice.choice((0, 50, 200, 500, 1_000)))
    )
    entered = {"q": "", "state": "", "type": "", "per_page": "50"}
    pending = False
    for _ in range(8):
        name = dice.choice(("q", "state", "type", "per_page"))
        if name == "q":
            entered["q"] = dice.choice(("", *NAMES))
            box = page.locator("#id_q")
            box.fill("")
            box.press_sequentially(entered["q"], delay=dice.choice((0, 20)))
            pending = dice.random() < 0.5
            if not pending:
                box.press("Enter")
        else:
            entered[name] = dice.choice(
                {"state": [*STATES], "type": [*TYPES], "per_page": ["25", "50"]}[name]
            )
            page.locator(f'[name="{name}"]').select_option(entered[name])
            pending = False  # it takes the text along
        page.wait_for_timeout(dice.choice((0, 0, 30, 150, 400)))
    if pending:
        page.locator("#id_q").press("Enter")

    chosen = Message.objects.filter(recipient_name__contains=entered["q"])
    for field, known in (("state", STATES), ("type", TYPES)):
        if known[entered[field]]:
            chosen = chosen.filter(**{field: known[entered[field]]})
    said = {name: value for name, value in entered.items() if value and (name, value) != ("per_page", "50")}
    for _ in range(200):  # the last answer may be a second away
        if dict(parse_qsl(urlsplit(page.url).query)) == said:
            break
        page.wait_for_timeout(50)
    assert dict(parse_qsl(urlsplit(page.url).query)) == said
    assert {name: page.locator(f'main [name="{name}"]').first.input_value() for name in entered} == entered
    expect(page.locator("[data-row]")).to_have_count(chosen.count())
    page.unroute_all(behavior="wait")
