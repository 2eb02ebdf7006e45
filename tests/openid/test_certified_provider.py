"""Against npm's oidc-provider, which is certified: in, roles, out on both ways, and what signs nobody in."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

import pytest
import requests
from django.contrib.auth.models import Group as Role
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from commlog.administration.roles.defaults import install_defaults
from commlog.models import AuditEntry, CompanyGroup, User
from notifications.process import this_process
from tests.factories import PASSWORD, admin

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
SECONDS = 10
CALLBACK = "/sign-in/company/callback/"
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        not (MODULES / "oidc-provider").exists() or shutil.which("node") is None,
        reason="oidc-provider is not installed: make test-openid",
    ),
]


class Browser(requests.Session):
    """It follows redirects, but that back to Commlog where it `waits` with the answer."""

    waits = False

    def get_redirect_target(self, response: requests.Response) -> str | None:
        target: str | None = super().get_redirect_target(response)
        return None if target and self.waits and CALLBACK in target else target


@contextmanager
def _provider(live_server: LiveServer) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    ours = f"{live_server.url}/sign-in/"
    command = ["node", str(HERE / "provider.mjs"), str(MODULES), f"{live_server.url}{CALLBACK}"]
    process = subprocess.Popen(
        [*command, f"{ours}company/ended/", ours],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip(), process
    process.terminate()
    process.wait(SECONDS)


@pytest.fixture(scope="module")
def _running(live_server: LiveServer) -> Iterator[str]:
    with _provider(live_server) as (issuer, _):
        yield issuer


@pytest.fixture
def issuer(live_server: LiveServer, _running: str, settings: Any) -> str:
    """The provider, running, and Commlog set up for it."""
    settings.PUBLIC_URL, settings.COMPANY_SIGN_IN_ISSUER = live_server.url, _running
    settings.COMPANY_SIGN_IN_CLIENT, settings.COMPANY_SIGN_IN_SECRET = "commlog", "a secret of the client"
    settings.COMPANY_SIGN_IN_CREATES = True
    install_defaults()
    for group, role in (("staff", "Viewer"), ("officers", "Officer")):
        CompanyGroup.objects.create(name=group, role=Role.objects.get_or_create(name=role)[0])
    admin(username="ada")
    this_process.forget()
    return _running


def _get(browser: requests.Session, address: str) -> requests.Response:
    return browser.get(address, timeout=SECONDS)


def _submit(browser: requests.Session, page: requests.Response, **typed: str) -> requests.Response:
    """Send the form of a page, its hidden fields along."""
    (action,) = re.findall(r'<form[^>]*action="([^"]+)"', page.text)[:1]
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    return browser.post(urljoin(page.url, action), data=hidden | typed, timeout=SECONDS)


def _sign_in(ours: str, who: str, *, waits: bool = False) -> tuple[Browser, requests.Response]:
    """Through the provider's own pages; where it ends."""
    browser = Browser()
    browser.waits = waits
    page = _get(browser, f"{ours}/sign-in/company/?next=/communications/")
    page = _submit(browser, page, prompt="login", login=who, password="any")
    return browser, _submit(browser, page, prompt="consent")


def test_in_roles_replay_and_out_both_ways(live_server: LiveServer, issuer: str) -> None:
    ours = live_server.url
    browser, page = _sign_in(ours, "vera")
    assert (page.url, page.status_code) == (f"{ours}/communications/", 200)
    vera = User.objects.get(username="vera")
    assert [role.name for role in vera.groups.all()] == ["Viewer"]

    # The code of that sign-in is used once more, with a state of its own.
    (back,) = [
        each.headers["Location"] for each in page.history if "code=" in each.headers.get("Location", "")
    ]
    thief = Browser()
    left = thief.get(f"{ours}/sign-in/company/", allow_redirects=False, timeout=SECONDS).headers["Location"]
    (state,) = re.findall(r"[?&]state=([^&]+)", left)
    replayed = _get(thief, re.sub(r"state=[^&]+", f"state={state}", back))
    assert (replayed.status_code, "did not accept its own answer" in replayed.text) == (403, True)

    # Two groups, then none.
    _get(browser, f"{issuer}/test/groups?of=vera&group=staff&group=officers")
    _get(browser, f"{ours}/sign-in/company/")
    assert {role.name for role in vera.groups.all()} == {"Viewer", "Officer"}
    _get(browser, f"{issuer}/test/groups?of=vera")
    assert _get(browser, f"{ours}/sign-in/company/").status_code == 403
    assert not vera.groups.exists()
    _get(browser, f"{issuer}/test/groups?of=vera&group=staff")

    # Another browser of the same person is told of the end that this one chose at the provider.
    other, page = _sign_in(ours, "vera")
    assert page.status_code == 200
    page = _submit(other, _get(other, f"{ours}/sign-in/company/out/"), logout="yes")
    assert page.url.startswith(f"{ours}/sign-in/")
    ended = other.get(f"{ours}/account/", allow_redirects=False, timeout=SECONDS)
    assert ended.status_code == 302
    vera.refresh_from_db()
    assert vera.is_active
    # And it is really out there: the provider asks for the password again.
    assert 'name="login"' in _get(other, f"{ours}/sign-in/company/").text


def _answer(ours: str, who: str) -> tuple[Browser, str]:
    """A browser on its way back, and the address that it is sent to."""
    browser, page = _sign_in(ours, who, waits=True)
    return browser, page.headers["Location"]


def test_an_answer_is_of_one_browser_once_and_of_the_right_issuer(
    live_server: LiveServer, issuer: str
) -> None:
    browser, back = _answer(live_server.url, "vera")
    assert _get(Browser(), back).status_code == 403  # its state is another browser's
    assert not User.objects.filter(username="vera").exists()
    assert _get(browser, back).url == f"{live_server.url}/communications/"
    assert _get(browser, back).status_code == 403

    browser, back = _answer(live_server.url, "bo")
    named, other = f"iss={quote(issuer, safe='')}", f"iss={quote('https://other.example', safe='')}"
    assert named in back
    assert _get(browser, back.replace(named, other)).status_code == 403
    assert not User.objects.filter(username="bo").exists()


def test_a_provider_of_another_name_is_down(live_server: LiveServer, issuer: str, settings: Any) -> None:
    settings.COMPANY_SIGN_IN_ISSUER = f"{issuer}/"
    page = _get(Browser(), f"{live_server.url}/sign-in/company/")
    assert (page.status_code, "does not answer" in page.text) == (503, True)


@pytest.mark.parametrize("ahead", [600, -600])
def test_a_clock_that_is_ten_minutes_wrong_signs_nobody_in(
    live_server: LiveServer, issuer: str, ahead: int
) -> None:
    _get(Browser(), f"{issuer}/test/clock?ahead={ahead}")
    try:
        _, page = _sign_in(live_server.url, "vera")
    finally:
        _get(Browser(), f"{issuer}/test/clock?ahead=0")
    assert (page.status_code, "clocks" in page.text) == (403, True)
    assert not User.objects.filter(username="vera").exists()


def test_while_it_is_down_a_page_says_so_and_break_glass_works(
    live_server: LiveServer, issuer: str, settings: Any
) -> None:
    settings.LOCAL_PASSWORDS, settings.BREAK_GLASS_USERS = False, ["ada"]
    with _provider(live_server) as (settings.COMPANY_SIGN_IN_ISSUER, process):
        browser, back = _answer(live_server.url, "vera")
        process.kill()
        process.wait(SECONDS)
        page = _get(browser, back)
        assert (page.status_code, page.headers["Retry-After"]) == (503, "60")
        assert "does not answer" in page.text
        assert not User.objects.filter(username="vera").exists()
    given = {"username": "ada", "password": PASSWORD}
    assert Client().post("/sign-in/", given)["Location"] == "/"
    assert AuditEntry.objects.filter(action="BREAK_GLASS").count() == 1
