"""The administration and the own account in a browser: usable without JavaScript."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from notifications.models import ChannelSwitch
from tests.browser.conftest import SignIn
from tests.factories import admin, officer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


def test_without_javascript(live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn) -> None:
    page = open_page(java_script_enabled=False)
    sign_in(page, admin(username="ada"))
    page.get_by_role("link", name="Administration").click()
    page.get_by_role("navigation", name="Administration").get_by_role("link", name="Roles").click()
    page.get_by_role("link", name="New role").click()
    page.get_by_label("Name").fill("Teller")
    page.get_by_label("View communication history").check()
    page.get_by_role("button", name="Create role").click()
    expect(page.locator(".note")).to_contain_text("The role Teller was created.")

    page.get_by_role("navigation", name="Administration").get_by_role("link", name="Users").click()
    page.get_by_role("link", name="New user").click()
    page.get_by_label("User name").fill("tilda")
    page.get_by_label("First name").fill("Tilda")
    page.get_by_label("Password").fill("three quiet green rivers")
    page.get_by_label("Teller").check()
    page.get_by_role("button", name="Create user").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tilda")
    page.get_by_role("button", name="Deactivate").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Deactivated")
    page.get_by_role("button", name="Activate").click()

    page.get_by_role("navigation", name="Administration").get_by_role("link", name="Menu items").click()
    page.get_by_role("link", name="New menu item").click()
    page.get_by_label("Name").fill("Failures")
    page.get_by_label("These roles").check()
    page.get_by_label("Teller").check()
    page.get_by_role("button", name="Create menu item").click()
    page.get_by_role("button", name="Move Failures up").click()
    expect(page.locator("tbody tr").nth(4)).to_contain_text("Failures")

    page.get_by_role("navigation", name="Administration").get_by_role("link", name="Audit trail").click()
    expect(page.locator("tbody tr").first).to_contain_text("Changed the order")
    page.get_by_label("Who").fill("tilda")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody tr")).to_have_count(3)


def test_moving_a_menu_item_of_ones_own(
    live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, officer())
    page.locator(".user-menu summary").click()
    page.get_by_role("link", name="Your account").click()
    # Beside the list of views under an item.
    names = page.get_by_role("navigation", name="Main").locator("li > a")
    expect(page.get_by_role("button", name="Move Communications down")).to_be_visible()
    before = names.all_inner_texts()
    assert before[:2] == ["Dashboard", "Communications"]
    page.get_by_role("button", name="Move Communications down").click()
    expect(names.nth(1)).to_have_text(before[2])


def test_ticking_a_role_chooses_these_roles(
    live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, admin())
    for path, others in (
        ("/administration/menu-items/new/", ("All users",)),
        ("/communications/views/new/", ("Only me", "Everyone")),
    ):
        page.goto(live_server.url + path)
        these, officer_box, viewer_box = (
            page.get_by_label("These roles"),
            page.get_by_label("Officer"),
            page.get_by_label("Viewer"),
        )
        officer_box.check()
        expect(these).to_be_checked()
        viewer_box.check()
        viewer_box.uncheck()
        for other in others:
            page.get_by_label(other).check()
            expect(officer_box).not_to_be_checked()
            these.check()
            expect(officer_box).to_be_checked()
            expect(viewer_box).not_to_be_checked()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_channel_is_not_switched_off_by_one_click(
    live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn, javascript: bool
) -> None:
    page = open_page(java_script_enabled=javascript)
    sign_in(page, admin())
    page.goto(f"{live_server.url}/administration/channels/")
    page.get_by_role("link", name="Switch off… E-mail").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Switch off E-mail?")
    assert not ChannelSwitch.objects.filter(enabled=False).exists()
    page.get_by_role("button", name="Pause E-mail instead").click()
    expect(page.locator(".note")).to_contain_text("E-mail is paused.")
    switch = ChannelSwitch.objects.get(channel="EMAIL")
    assert (switch.enabled, switch.paused_at is not None) == (True, True)
    page.get_by_role("link", name="Switch off… E-mail").click()
    page.get_by_role("button", name="Switch off E-mail").click()
    expect(page.locator(".note")).to_contain_text("E-mail is switched off.")
    assert not ChannelSwitch.objects.get(channel="EMAIL").enabled


def test_a_form_on_its_way_is_not_sent_again(
    live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, admin())
    page.goto(f"{live_server.url}/administration/company/")
    sent = page.evaluate("""() => {
      const form = document.querySelector("main form");
      form.noValidate = true;
      let sent = 0;
      window.addEventListener("submit", (event) => {
        sent += !event.defaultPrevented;
        event.preventDefault();
      });
      const twice = () => { form.requestSubmit(); form.requestSubmit(); return sent; };
      const before = twice();
      window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
      return [before, twice()];
    }""")
    assert sent == [1, 2]
