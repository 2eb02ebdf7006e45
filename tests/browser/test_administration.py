"""The administration and the own account in a browser: accessible on every screen, and usable without JavaScript."""

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Group as Role
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from commlog import audit
from commlog.audit import AuditAction
from commlog.models import MenuItem, User
from tests.browser.conftest import SignIn
from tests.browser.test_accessibility import _check
from tests.factories import admin, make_user, officer, viewer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


def _some_of_everything(ada: User) -> User:
    olaf = officer(username="olaf", email="olaf@example.org", api_access=True)
    viewer(username="w" * 150, first_name="V" * 100, last_name="x" * 100)
    make_user("gone", is_active=False)
    nobodies = Role.objects.create(name="A role with a rather long name that wraps somewhere")
    MenuItem.objects.create(name="W" * 32, type="CLIENTS", for_everyone=False, creator=olaf, position=4).roles.add(nobodies)
    MenuItem.objects.create(name="Switched off", type="GROUPS", active=False, position=5)
    before = {"name": "Old", "seen by": "all users", "active": True}
    audit.record(ada, AuditAction.CHANGED, MenuItem.objects.first(), before=before, after={"name": "New", "seen by": ["Officer", "Viewer"]})
    audit.record(olaf, AuditAction.DENIED, kind="page", label="/administration/" + "x" * 200, after={"method": "GET", "reason": "y" * 300})
    return olaf


def _addresses(olaf: User) -> Iterator[str]:
    item, role = MenuItem.objects.get(name="Switched off"), Role.objects.get(name="Officer")
    administrator = Role.objects.get(name="Administrator")
    yield from ("/account/", "/account/password/")
    yield from (f"/administration/{path}" for path in ("", "audit/", "audit/?who=zzz&since=0000-01-01", "audit/?action=EXPORTED"))
    yield from ("/administration/retry-policy/", "/administration/menu-items/", "/administration/menu-items/new/")
    yield from (f"/administration/menu-items/{item.key.hex}/{path}" for path in ("", "delete/"))
    yield from (f"/administration/roles/{path}" for path in ("", "new/", f"{role.pk}/", f"{role.pk}/delete/", f"{administrator.pk}/"))
    yield from (f"/administration/users/{path}" for path in ("", "?q=nobody", "new/"))
    yield from (f"/administration/users/{olaf.key.hex}/{path}" for path in ("", "edit/", "password/"))


@pytest.mark.parametrize("width", [1360, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page(live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn, scheme: str, width: int) -> None:
    ada = admin(username="ada")
    olaf = _some_of_everything(ada)
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900}, reduced_motion="reduce")
    sign_in(page, ada)
    for path in _addresses(olaf):
        page.goto(f"{live_server.url}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        _check(page, path)
    page.goto(f"{live_server.url}/administration/users/new/")
    page.get_by_label("User name").fill("a b")
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Make the user").click()
    expect(page.locator(".field-error")).to_have_count(2)
    _check(page, "a wrong user")


def test_without_javascript(live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn) -> None:
    page = open_page(java_script_enabled=False)
    sign_in(page, admin(username="ada"))
    page.get_by_role("link", name="Administration").click()
    page.get_by_role("navigation", name="Administration").get_by_role("link", name="Roles").click()
    page.get_by_role("link", name="New role").click()
    page.get_by_label("Name").fill("Teller")
    page.get_by_label("View communication history").check()
    page.get_by_role("button", name="Make the role").click()
    expect(page.locator(".note")).to_contain_text("The role Teller was made.")

    page.get_by_role("navigation", name="Administration").get_by_role("link", name="Users").click()
    page.get_by_role("link", name="New user").click()
    page.get_by_label("User name").fill("tilda")
    page.get_by_label("First name").fill("Tilda")
    page.get_by_label("Password").fill("three quiet green rivers")
    page.get_by_label("Teller").check()
    page.get_by_role("button", name="Make the user").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tilda")
    page.get_by_role("button", name="Deactivate").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Deactivated")
    page.get_by_role("button", name="Activate").click()

    page.get_by_role("navigation", name="Administration").get_by_role("link", name="Menu items").click()
    page.get_by_role("link", name="New menu item").click()
    page.get_by_label("Name").fill("Failures")
    page.get_by_label("These roles").check()
    page.get_by_label("Teller").check()
    page.get_by_role("button", name="Make the menu item").click()
    page.get_by_role("button", name="Move Failures up").click()
    expect(page.locator("tbody tr").nth(3)).to_contain_text("Failures")

    page.get_by_role("navigation", name="Administration").get_by_role("link", name="Audit trail").click()
    expect(page.locator("tbody tr").first).to_contain_text("Changed the order")
    page.get_by_label("Who").fill("tilda")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody tr")).to_have_count(3)


def test_moving_a_menu_item_of_ones_own(live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn) -> None:
    page = open_page()
    sign_in(page, officer())
    page.locator(".user-menu summary").click()
    page.get_by_role("link", name="Your account").click()
    names = page.get_by_role("navigation", name="Main").get_by_role("listitem")
    before = names.all_inner_texts()
    assert before[0] == "Communications"
    page.get_by_role("button", name="Move Communications down").click()
    expect(names.first).to_have_text(before[1])
