"""Every page passes axe, in light and dark, wide and narrow: no violation, no colour contrast left undecided,
nothing sideways.
"""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from tests.browser import gallery, room
from tests.browser.conftest import SignIn
from tests.browser.places import of_everything
from tests.factories import admin, set_up_channels

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
WIDTHS, SCHEMES = (1360, 390), ("light", "dark")
_ALL_RULES: dict[str, Any] = {"resultTypes": ["violations", "incomplete"], "iframes": False}
# A page differs in the dark by its colours alone.
_COLOURS = _ALL_RULES | {"runOnly": {"type": "rule", "values": ["color-contrast"]}}


@pytest.fixture(autouse=True)
def _channels(settings: Any) -> None:
    set_up_channels(settings)
    settings.COMPANY_SIGN_IN_ISSUER = "http://127.0.0.1:9/nobody-answers"


def _check(page: Page, title: str) -> None:
    assert faults_of(page) == [], title


def faults_of(page: Page, part: str = "") -> list[str]:
    """What is wrong with the page as it stands, loaded once: its room, and four times what axe says."""
    found = room.faults(page)
    page.evaluate(AXE_SCRIPT)
    if part.startswith("dialog"):  # axe takes what lies under a modal dialog for what is around its text
        page.evaluate(
            "for (const part of document.body.children) if (!part.matches('dialog')) part.style.display = "
            "'none'"
        )
    for width in WIDTHS:
        _show_all(page, width)
        # axe takes what is out of sight in a box that scrolls in one direction alone for hidden under
        # something else.
        page.evaluate("for (const box of document.querySelectorAll('.scroller')) box.style.overflow = 'auto'")
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            found += [
                f"{width} px, {scheme}: {said}"
                for said in _said(page, part, _ALL_RULES if scheme == "light" else _COLOURS)
            ]
    page.emulate_media(color_scheme="light")
    return found


def _show_all(page: Page, width: int) -> None:
    """Make the window as high as all that the page holds: what is out of sight has no colour, and a higher
    window is drawn for nothing. A dialog is at most as high as a part of the window.
    """
    page.set_viewport_size({"width": width, "height": 900})
    height = page.evaluate(
        "Math.max(...[document.documentElement, ...document.querySelectorAll('dialog[open], dialog[open] *')]"
        ".map((part) => part.scrollHeight))"
    )
    page.set_viewport_size({"width": width, "height": height * 3 // 2 + 300})


def _said(page: Page, part: str, options: dict[str, Any]) -> list[str]:
    answer = page.evaluate("([part, options]) => axe.run(part || document, options)", [part, options])
    wrong = answer["violations"] + [rule for rule in answer["incomplete"] if rule["id"] == "color-contrast"]
    found = [(rule["id"], node) for rule in wrong for node in rule["nodes"]]
    return [f"{name}: {node['html'][:160]} {node.get('failureSummary', '')}" for name, node in found]


@pytest.mark.parametrize("chapter", gallery.CHAPTERS)
def test_every_page(
    live_server: LiveServer, open_page: Callable[..., Page], sign_in: SignIn, chapter: str
) -> None:
    person = admin()
    stops = [stop for stop in gallery.stops(of_everything(person), person) if stop.chapter == chapter]
    assert stops
    signed_in, stranger = open_page(), open_page()
    sign_in(signed_in, person)
    found = []
    for stop in stops:
        page = stranger if stop.anonymous else signed_in
        gallery.visit(page, live_server.url, stop)
        found += [f"{stop.title}, {fault}" for fault in faults_of(page, stop.part)]
    assert not found, "\n".join(found)
