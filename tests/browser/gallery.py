"""Every page there is, and the states of pages that no address says: what axe checks, and what `make
screenshots` draws.

A page comes in by itself: every GET address of the permissions matrix whose answer is a page is visited. A
state is a line here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from django.conf import settings
from django.test import Client, RequestFactory
from django.urls import reverse
from playwright.sync_api import Page, expect

from commlog.models import User
from commlog.views import errors
from tests.test_permissions_matrix import ADDRESSES, TABLE, World

CHAPTERS = ("log", "people", "administration", "others")
_SEGMENTS = {
    "communications": "log",
    "clients": "people",
    "groups": "people",
    "users": "people",
    "administration": "administration",
}  # the rest: others
_MADE_UP = "/made-up/"
_SEVERAL = (
    "c=state.in.FAILED,SENT&c=client.empty&c=created.between.2026-01-01,2199-01-01&match=any"
    "&c=undelivered.equals.true"
)
_MANY_COLUMNS = (
    "state,created,client,subject,event,attempts,failure_reason,failure_details,"
    "next_attempt,resend_of,outcome,key,message"
)


@dataclass(frozen=True, slots=True)
class Stop:
    """A page in one of its states: where it is, and what brings it there."""

    title: str
    path: str
    act: Callable[[Page], None] | None = None
    anonymous: bool = False
    part: str = ""  # what of it lies over the rest, and is looked at alone

    @property
    def chapter(self) -> str:
        """Where it belongs, so that tests can share the work."""
        return _SEGMENTS.get(self.path.split("/")[1], "others")


def stops(world: World, person: User) -> list[Stop]:
    """All of them, as `person` sees them, who should be an administrator."""
    return [
        *_pages(world, person),
        *_log_states(world),
        *_people_states(world),
        *_administration_states(world),
        *_other_states(person),
    ]


def visit(page: Page, url: str, stop: Stop) -> None:
    """Bring the page there."""
    page.goto(url + stop.path)
    if stop.act:
        stop.act(page)


def _pages(world: World, person: User) -> Iterator[Stop]:
    browser = Client(raise_request_exception=True)
    browser.force_login(person)
    for name in TABLE:
        if name in ADDRESSES and (TABLE[name].method == "get" or name.endswith("-delete")):
            path = world.address(name)
            answer = browser.get(path)
            if (
                answer.status_code == 200
                and answer["Content-Type"].startswith("text/html")
                and "<main" in answer.text
            ):
                yield Stop(name, path)


def _log_states(world: World) -> Iterator[Stop]:
    log, message = reverse("log"), world.address("message")
    yield Stop("log, filtered", f"{log}?state=FAILED&q=a")
    yield Stop("log, nothing matches", f"{log}?q=nothing+like+this")
    yield Stop(
        "log, wrong conditions",
        f"{log}?state=NOPE&created_from=0000-01-01&foo=1&c=state.equals.NOPE&c=nope&c=attempts.more_than.x",
    )
    yield Stop("log, bad page size", f"{log}?per_page=-5")
    yield Stop("log, more conditions", f"{log}?{_SEVERAL}")
    yield Stop("log, many columns", f"{log}?columns={_MANY_COLUMNS}")
    yield Stop("log, a changed view", f"{log}?view={world.view.hex}&state=FAILED")
    yield Stop(
        "log, the user menu", log, lambda page: page.locator(".user-menu summary").click(), part=".user-menu"
    )
    yield Stop("log, the views in the menu", log, _open_menu, part=".item-views")
    yield Stop("log, edit columns", log, _edit_columns, part="dialog[open]")
    yield Stop("log, a message", f"{log}?state=FAILED", _open_first, part="dialog[open]")
    yield Stop("log, keyboard shortcuts", log, _show_shortcuts, part="dialog[open]")
    yield Stop("message, HTML", message, partial(_tab, "HTML"))
    yield Stop("message, raw", message, partial(_tab, "Raw"))


def _people_states(world: World) -> Iterator[Stop]:
    yield Stop("clients, sorted", "/clients/?sort=-name")
    yield Stop("clients, nothing matches", "/clients/?q=nothing+like+this")
    yield Stop("clients, a wrong search", "/clients/?q=%00")
    yield Stop("new client, errors", "/clients/new/", partial(_send, "Save"))
    write = f"/clients/{world.client.hex}/send/sms/"
    yield Stop("write, errors", write, partial(_send, "Preview"))
    yield Stop("write, preview", write, _preview)
    yield Stop("write, asked before it is left", write, _leave, part="dialog[open]")


def _administration_states(world: World) -> Iterator[Stop]:
    yield Stop("audit, wrong conditions", "/administration/audit/?who=zzz&since=0000-01-01")
    yield Stop("audit, nothing matches", "/administration/audit/?action=EXPORTED&who=nobody")
    yield Stop("users, nothing matches", "/administration/users/?q=nobody+like+this")
    yield Stop("new user, errors", "/administration/users/new/", _wrong_user)
    yield Stop("templates, nothing matches", "/administration/templates/?q=nothing+like+this")
    yield Stop("new template, errors", "/administration/templates/new/", partial(_send, "Create"))
    yield Stop("new template, preview", "/administration/templates/new/?type=SMS", _previewed)


def _send(button: str, page: Page) -> None:
    """Send the form, and stay until its answer is drawn: a click alone is over before."""
    with page.expect_navigation():
        page.get_by_role("button", name=button, exact=True).click()


def _previewed(page: Page) -> None:
    page.get_by_label("Name", exact=True).fill("Reminder")
    page.get_by_label("Event").select_option("REPAYMENT_REMINDER")
    page.get_by_label("Text", exact=True).fill("{CLIENT_NAME}: {AMOUNT_DUE} {CF:LOYALTY}")
    expect(page.locator("#trial")).to_contain_text("Left empty")


def _other_states(person: User) -> Iterator[Stop]:
    yield Stop("sign-in", "/sign-in/", anonymous=True)
    yield Stop("forgotten password", "/sign-in/forgotten/", anonymous=True)
    yield Stop("link not valid", "/sign-in/password/", anonymous=True)
    if settings.COMPANY_SIGN_IN_ISSUER:
        yield Stop("company account", "/account/security/company/")
        yield Stop("company sign-in, no answer", "/sign-in/company/", anonymous=True)
    yield Stop("sign-in, wrong password", "/sign-in/", _wrong_password, anonymous=True)
    yield Stop("account, asked whether still there", "/account/", _ask, part="dialog[open]")
    # What a browser cannot be brought to quickly: the real answer, shown at an address of its own.
    request = RequestFactory().get("/")
    request.user = person  # type: ignore[attr-defined]
    forged = Client(enforce_csrf_checks=True)
    forged.force_login(person)
    for title, page in {
        "error 400": errors.bad_request(request, ValueError()).text,
        "error 403": _denied(),
        "error 404": forged.get("/nowhere/").text,
        "error 500": errors.server_error(request).text,
        "stale form": forged.post("/account/password/").text,
        "locked out": _locked_out(),
    }.items():
        yield Stop(title, _MADE_UP, partial(_show, page))


def _ask(page: Page) -> None:
    """As half an hour without a sign of the reader would; tests/browser/test_presence.py lets it pass."""
    page.evaluate("""() => {
      const box = document.getElementById("still-there");
      for (const time of box.querySelectorAll("time")) time.textContent = "14:32:00";
      box.showModal();
    }""")


def _denied() -> str:
    browser = Client()
    browser.force_login(
        User.objects.filter(groups__name="Viewer").first() or User.objects.create_user("gallery-viewer")
    )
    return browser.get("/administration/").text


def _locked_out() -> str:
    wrong = {"username": "gallery-nobody", "password": "wrong"}
    return [Client().post("/sign-in/", wrong) for _ in range(6)][-1].text


def _show(text: str, page: Page) -> None:
    page.route(f"**{_MADE_UP}", lambda route: route.fulfill(body=text, content_type="text/html"))
    page.reload()
    page.unroute(f"**{_MADE_UP}")


def _open_menu(page: Page) -> None:
    page.locator(".item-views summary").first.click()
    expect(page.locator(".item-views .manage").first).to_be_visible()


def _edit_columns(page: Page) -> None:
    page.get_by_role("link", name="Edit columns").click()
    expect(
        page.get_by_role("dialog", name="Edit columns").get_by_role("button", name="Apply")
    ).to_be_visible()


def _open_first(page: Page) -> None:
    page.locator("[data-row] a.state").first.click()
    expect(page.locator("dialog .message")).to_be_visible()


def _show_shortcuts(page: Page) -> None:
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()


def _tab(name: str, page: Page) -> None:
    page.get_by_label(name, exact=True).check(force=True)


def _preview(page: Page) -> None:
    page.get_by_label("Text", exact=True).fill("ы" * 80)
    _send("Preview", page)


def _leave(page: Page) -> None:
    page.get_by_label("Text", exact=True).fill("Half of it")
    page.get_by_role("link", name="Groups", exact=True).click()
    expect(page.get_by_role("alertdialog", name="Leave this page?")).to_be_visible()


def _wrong_user(page: Page) -> None:
    page.get_by_label("User name").fill("a b")
    page.get_by_label("E-mail address").fill("nowhere")
    page.get_by_role("button", name="Create and invite").click()
    expect(page.locator(".field-error").first).to_be_visible()


def _wrong_password(page: Page) -> None:
    page.get_by_label("User name").fill("gallery-nobody-else")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("main").get_by_role("alert")).to_be_visible()
