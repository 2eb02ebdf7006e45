"""Export to Excel in a browser: the button, the job where there is much, the file, and what can be read in it."""

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


@pytest.mark.parametrize("scripts", [True, False])
def test_filter_export_and_read_back(open_page: Callable[..., Page], sign_in: SignIn, scripts: bool) -> None:
    make_message(MessageState.SENT, destination="bo@example.org")
    make_message(MessageState.FAILED, destination="=ana@example.org")
    page = open_page(java_script_enabled=scripts)
    sign_in(page, officer())
    page.get_by_label("State").select_option("Failed")
    if not scripts:
        page.get_by_role("button", name="Search").click()
    expect(page.locator("[data-row]")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export to Excel").click()
    assert download.value.suggested_filename.endswith(".xlsx")
    assert _destinations(download.value) == ["=ana@example.org"]
    expect(page.locator("[data-row]")).to_have_count(1)  # the page is where it was


def test_much_is_a_job_whose_file_appears(open_page: Callable[..., Page], sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "AT_ONCE", 1)
    for name in ("ana", "bo"):
        make_message(destination=f"{name}@example.org")
    page = open_page()
    sign_in(page, officer())
    page.get_by_role("button", name="Export to Excel").click()
    expect(page.get_by_role("heading", name="Export")).to_be_visible()
    expect(page.locator("#job")).to_contain_text("Queued")
    claimed = jobs.claim(1)
    assert claimed
    assert jobs.run(*claimed[1]) == "DONE"
    expect(page.get_by_role("link", name="Download communications-")).to_be_visible()
    _check(page, "a finished export")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download communications-").click()
    assert _destinations(download.value) == ["bo@example.org", "ana@example.org"]
