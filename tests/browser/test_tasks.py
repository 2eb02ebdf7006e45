"""The eight tasks that officers do most: what each costs, counted in clicks, choices, typed fields and keys.

    python -m pytest -m browser tests/browser/test_tasks.py -s

prints the table. The most frequent four may not cost more than their goal.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from commlog import jobs
from commlog.models import CustomView
from notifications import events
from notifications.events import Happening
from notifications.models import Client, Message
from notifications.states import MessageState, MessageType, Outcome
from tests.browser.conftest import SignIn
from tests.factories import make_client, make_message, make_resend, make_template, officer, set_up_channels

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
# Task: goal, and whether it is kept here.
GOALS = {
    "a person's failed SMS from a number as they say it": (2, True),
    "resend it and see that it arrived": (1, True),
    "resend an outage and see that all arrived": (2, True),
    "save the filter as a view for a role": (6, False),
    "last month's failed e-mails to Excel": (4, False),
    "why did X get nothing": (3, False),
    "correct an address and send anew": (4, True),
    "who resent this, when": (1, False),
}


class Counted:
    """An officer's hands: each click, choice, typed field and key is one."""

    def __init__(self, page: Page, home: str) -> None:
        self.page, self.home, self.found = page, home, dict[str, int]()
        self.number = 0

    def click(self, target: Locator) -> None:
        target.click()
        self.number += 1

    def choose(self, target: Locator, option: str) -> None:
        target.select_option(option)
        self.number += 1

    def write(self, target: Locator, text: str) -> None:
        target.fill(text)
        self.number += 1

    def type(self, text: str) -> None:
        """On the page itself, which knows where it goes."""
        self.page.keyboard.type(text)
        self.number += 1

    def begin(self, path: str = "/") -> None:
        self.page.goto(f"{self.home}{path}")
        self.number = 0

    def done(self, task: str) -> None:
        self.found[task] = self.number
        self.number = 0


@pytest.fixture
def hands(live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn, settings: Any) -> Counted:
    set_up_channels(settings)
    page = open_page(accept_downloads=True)
    sign_in(page, officer())
    return Counted(page, live_server.url)


def _arrive() -> None:
    """What senders do."""
    now = timezone.now()
    Message.objects.filter(state=MessageState.QUEUED).update(
        state=MessageState.SENT, sent_at=now, due_at=None, outcome=Outcome.ACCEPTED
    )


def test_eight_tasks(hands: Counted) -> None:
    ana = make_client(client_id="000123", mobile_phone="+46700000003", email="ana@old.org")
    for task in (_sms_by_number, _correct, _outage, _why_nothing, _view_for_a_role, _last_month, _who_resent):
        task(hands, ana)
    lines = [f"{hands.found[task]} of {goal}  {task}" for task, (goal, _) in GOALS.items()]
    print("\n" + "\n".join(lines))
    over = {
        task: hands.found[task] for task, (goal, kept) in GOALS.items() if kept and hands.found[task] > goal
    }
    assert over == {}


def _sms_by_number(hands: Counted, ana: Client) -> None:
    failed = make_message(
        MessageState.FAILED,
        MessageType.SMS,
        client=ana,
        recipient_name=ana.name,
        destination=ana.mobile_phone,
    )
    page, tasks = hands.page, list(GOALS)
    hands.begin()
    hands.type("0700 00 00 03")
    hands.click(page.locator("#found").get_by_role("link", name="Failed SMS to Ana Silva"))
    expect(page.locator(f'[data-key="{failed.key.hex}"]')).to_be_visible()
    hands.done(tasks[0])
    hands.click(page.get_by_role("button", name="Resend to"))
    expect(page.locator("#message-resend")).to_contain_text("Resent, in the queue")
    _arrive()
    expect(page.locator("#message-resend")).to_contain_text("Sent ")
    hands.done(tasks[1])


def _correct(hands: Counted, ana: Client) -> None:
    make_message(
        MessageState.FAILED,
        client=ana,
        recipient_name=ana.name,
        destination="ana@old.org",
        failure_cause="550 5.1.1 no such user",
    )
    page = hands.page
    hands.begin()
    hands.type("silva")
    hands.click(page.locator("#found").get_by_role("link", name="Failed E-mail to Ana Silva"))
    hands.write(page.get_by_label("E-mail address of Ana Silva"), "ana@new.org")
    hands.click(page.get_by_role("button", name="Save and resend"))
    expect(page.locator(".note").first).to_contain_text("ana@new.org was saved")
    assert Client.objects.get(pk=ana.pk).email == "ana@new.org"
    assert Message.objects.get(destination="ana@new.org").resend_of is not None
    _arrive()
    hands.done(list(GOALS)[6])


def _outage(hands: Counted, ana: Client) -> None:
    for _ in range(3):
        make_message(MessageState.FAILED, MessageType.WEB_HOOK, failure_reason="HTTP_ERROR_WHILE_SENDING")
    page = hands.page
    hands.begin()
    line = page.get_by_role("region", name="Failed today").get_by_role("listitem").filter(has_text="3")
    hands.click(line.get_by_role("link", name="Resend"))
    hands.click(page.get_by_role("button", name="Resend 3"))
    expect(page.locator("#job")).to_contain_text("0 of 3")
    claimed = jobs.claim(1)
    assert claimed is not None
    assert jobs.run(*claimed[1]) == "DONE"
    _arrive()
    expect(page.locator("#job")).to_contain_text("3 of 3")
    expect(page.locator(".fate")).to_contain_text("sent")
    expect(page.locator(".fate")).to_contain_text("3")
    hands.done(list(GOALS)[2])


def _why_nothing(hands: Counted, ana: Client) -> None:
    bo = make_client(client_id="000124", first_names="Bo", last_name="Krause", email="", mobile_phone="")
    make_template(event="CLIENT_CREATED", name="Welcome")
    events.raise_one(Happening("CLIENT_CREATED", client=bo))
    page = hands.page
    hands.begin()
    hands.type("krause")
    hands.click(page.locator("#found").get_by_role("link", name="Bo Krause (000124)"))
    expect(page.locator(".happened")).to_contain_text("Not sent Welcome")
    hands.done(list(GOALS)[5])


def _view_for_a_role(hands: Counted, ana: Client) -> None:
    page = hands.page
    hands.begin()
    hands.click(page.get_by_role("link", name="Failed in the last 24 hours"))
    hands.click(page.get_by_role("link", name="Save as view"))
    hands.write(page.get_by_label("Name"), "To mend")
    hands.click(page.get_by_role("group", name="Roles").get_by_label("Officer"))
    hands.click(page.get_by_role("button", name="Save view"))
    expect(page.locator(".note")).to_contain_text("To mend")
    assert [role.name for role in CustomView.objects.get(name="To mend").roles.all()] == ["Officer"]
    hands.done(list(GOALS)[3])


def _last_month(hands: Counted, ana: Client) -> None:
    before = timezone.now().replace(day=1) - timedelta(days=3)
    make_message(MessageState.FAILED, now=before, subject="Of last month")
    page = hands.page
    hands.begin()
    hands.click(page.get_by_role("link", name="Failed in the last 24 hours"))
    hands.choose(page.get_by_label("Type", exact=True), "E-mail")
    hands.choose(page.get_by_label("Created", exact=True), "Last month")
    expect(page.locator("[data-row]")).to_have_count(1)
    expect(page.locator("[data-row]")).to_contain_text("Of last month")
    with page.expect_download() as file:
        hands.click(page.get_by_role("button", name="Export to Excel"))
    assert file.value.suggested_filename.endswith(".xlsx")
    hands.done(list(GOALS)[4])


def _who_resent(hands: Counted, ana: Client) -> None:
    failed = make_message(MessageState.FAILED, recipient_name="Cy Berg")
    make_resend(failed, MessageState.SENT, resent_by="Otto Ott")
    page = hands.page
    hands.begin(f"/communications/?q={failed.key.hex}")
    hands.click(page.locator(f"#row-{failed.pk} a.state"))
    said = page.get_by_role("dialog").locator(".note", has_text="Resent by Otto Ott")
    expect(said).to_be_in_viewport()
    expect(said.locator("time")).to_be_visible()
    hands.done(list(GOALS)[7])
