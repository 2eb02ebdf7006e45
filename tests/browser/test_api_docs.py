"""The page that describes the API, under the policy that every page has."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from commlog.api.urls import description
from tests.browser.test_accessibility import _check

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_description_is_drawn_without_sign_in_and_without_another_host(
    live_server: LiveServer, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{live_server.url}/api/docs")
    expect(page.get_by_text("/api/communications/messages:search", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Commlog API")
    page.locator("#operations-Templates-createTemplate button").first.click()
    expect(page.get_by_text("Create a webhook template.")).to_be_visible()
    assert said == []
    assert [url for url in asked if not url.startswith((live_server.url, "data:"))] == []


def test_nothing_is_wrong_with_it_closed_and_open(
    live_server: LiveServer, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.goto(f"{live_server.url}/api/docs")
    expect(page.locator(".opblock")).to_have_count(sum(map(len, description()["paths"].values())))
    _check(page, "closed")
    for name in ("Templates-createTemplate", "Communications-search", "Communications-getByEncodedKey"):
        page.locator(f"#operations-{name} button").first.click()
    expect(page.get_by_label("detailsLevel").first).to_be_visible()
    _check(page, "three operations are open")


def test_an_operation_has_an_address(live_server: LiveServer, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(f"{live_server.url}/api/docs#/Templates/createTemplate")
    expect(page.get_by_text("Create a webhook template.")).to_be_visible()
