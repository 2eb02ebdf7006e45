"""Against npm's oidc-provider, which is certified: in, roles, a code used twice, and out on both ways."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
from django.contrib.auth.models import Group as Role
from pytest_django.live_server_helper import LiveServer

from commlog.administration.roles.shipped import install_defaults
from commlog.models import CompanyGroup, User
from notifications.process import this_process
from tests.factories import admin

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
SECONDS = 10
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        not (MODULES / "oidc-provider").exists() or shutil.which("node") is None,
        reason="oidc-provider is not installed: make test-openid",
    ),
]


@pytest.fixture
def issuer(live_server: LiveServer, settings: Any) -> Iterator[str]:
    """The provider, running, and Commlog set up for it."""
    ours = f"{live_server.url}/sign-in/"
    command = ["node", str(HERE / "provider.mjs"), str(MODULES), f"{ours}company/callback/"]
    process = subprocess.Popen(
        [*command, f"{ours}company/ended/", ours],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    settings.PUBLIC_URL = live_server.url
    settings.COMPANY_SIGN_IN_ISSUER = process.stdout.readline().strip()
    settings.COMPANY_SIGN_IN_CLIENT, settings.COMPANY_SIGN_IN_SECRET = "commlog", "a secret of the client"
    settings.COMPANY_SIGN_IN_CREATES = True
    install_defaults()
    for group, role in (("staff", "Viewer"), ("officers", "Officer")):
        CompanyGroup.objects.create(name=group, role=Role.objects.get_or_create(name=role)[0])
    admin(username="ada")
    this_process.forget()
    yield settings.COMPANY_SIGN_IN_ISSUER
    process.terminate()
    process.wait(SECONDS)


def _get(browser: requests.Session, address: str) -> requests.Response:
    return browser.get(address, timeout=SECONDS)


def _submit(browser: requests.Session, page: requests.Response, **typed: str) -> requests.Response:
    """Send the form of a page, its hidden fields along."""
    (action,) = re.findall(r'<form[^>]*action="([^"]+)"', page.text)[:1]
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    return browser.post(urljoin(page.url, action), data=hidden | typed, timeout=SECONDS)


def _sign_in(ours: str, who: str) -> tuple[requests.Session, requests.Response]:
    """Through the provider's own pages; where it ends."""
    browser = requests.Session()
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
    thief = requests.Session()
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
