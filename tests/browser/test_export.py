"""Export to Excel in a browser: the button, the job where there is much, the file, and what can be read in
it.
"""

from collections.abc import Callable

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Download, Page, expect

from commlog import jobs
from commlog.views import exports
from notifications.states import MessageState
from tests.browser.conftest import SignIn
from tests.browser.test_accessibility import _check
from tests.factories import make_message, officer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def _destinations(download: Download) -> list[str]:
    with download.path().open("rb") as file:
        sheet = load_workbook(file)["Messages"]
    head, *rows = sheet.iter_rows(values_only=True)
    return [row[head.index("Destination")] for row in rows]


def _work() -> str:
    """What a worker of the cluster does."""
    claimed = jobs.claim(1)
    assert claimed is not None
    return jobs.run(*claimed[1])


@pytest.mark.parametrize("scripts", [True, False])
def test_filter_export_and_read_back(
    open_page: Callable[..., Page], sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, scripts: bool
) -> None:
    make_message(MessageState.SENT, destination="bo@example.org")
    make_message(MessageState.FAILED, destination="=ana@example.org")
    page = open_page(java_script_enabled=scripts)
    sign_in(page, officer())
    page.get_by_label("State").select_option("Failed")
    if not scripts:
        page.get_by_role("button", name="Search").click()
    expect(page.locator("[data-row]")).to_have_count(1)
    button = page.get_by_role("button", name="Export to Excel")
    with page.expect_download() as download:
        button.click()
    assert download.value.suggested_filename.endswith(".xlsx")
    assert _destinations(download.value) == ["=ana@example.org"]
    expect(page.locator("[data-row]")).to_have_count(1)  # the page is where it was
    expect(button).to_be_visible()  # and says no more that it is at work
    if scripts:
        expect(button).to_be_focused()
        expect(page.locator("#live")).to_have_text(f"{download.value.suggested_filename} was downloaded.")
        return
    monkeypatch.setattr(exports, "AT_ONCE", 0)
    button.click()
    expect(page.get_by_role("heading", name="Export")).to_be_visible()
    expect(page.locator("#job")).to_contain_text("Queued")


def test_much_is_a_job_in_the_place_of_the_button(
    open_page: Callable[..., Page], sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "AT_ONCE", 1)
    for name in ("ana", "bo"):
        make_message(destination=f"{name}@example.org")
    page = open_page()
    sign_in(page, officer())
    button, place = (
        page.get_by_role("button", name="Export to Excel"),
        page.get_by_role("group", name="Export"),
    )
    button.click()
    expect(place).to_contain_text("0 of 2")
    expect(place).to_be_focused()
    expect(button).to_be_hidden()
    expect(page.get_by_role("link", name="1 job")).to_be_visible()
    _check(page, "an export under way in the log")
    page.set_viewport_size({"width": 1360, "height": 900})
    place.get_by_role("button", name="Cancel").click()
    expect(place).to_contain_text("Cancelled by Ada Officer.")
    expect(page.locator("#live")).to_have_text("Export: Cancelled. Cancelled by Ada Officer.")
    expect(button).to_be_focused()
    expect(page.get_by_role("link", name="1 job")).to_be_hidden()

    button.click()
    expect(place).to_contain_text("0 of 2")
    page.get_by_label("State").select_option("Failed")
    expect(page.locator("[data-row]")).to_have_count(0)
    expect(button).to_be_visible()  # for what is on the screen now
    expect(place).to_contain_text("0 of 2")  # and the other goes on
    assert _work() == "DONE"
    link = page.get_by_role("link", name="Download communications-")
    expect(link).to_be_visible()
    expect(page.locator("#live")).to_contain_text("can be downloaded")
    with page.expect_download() as download:
        link.click()
    assert _destinations(download.value) == ["bo@example.org", "ana@example.org"]
    _check(page, "a finished export in the log")
    place.get_by_role("link", name="Export").click()
    expect(page.get_by_role("heading", name="Export")).to_be_visible()
    expect(link).to_be_visible()
    _check(page, "a finished export")
