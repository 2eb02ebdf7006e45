"""The confirmation of a bulk resend, the form behind it, and the links of the report into the log."""

import re
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from commlog import jobs
from commlog.kit.limits import TookTooLong
from commlog.models import Job
from commlog.models.job import JobState
from notifications.states import MessageState, MessageType, Outcome
from tests.factories import make_client, make_message, make_resend, set_up_channels, viewer

pytestmark = pytest.mark.django_db
URL = "/communications/resend/"
FAILED = MessageState.FAILED


@pytest.fixture(autouse=True)
def _channels_are_set_up(settings: Any) -> None:
    set_up_channels(settings)


def confirm(pages: Client, given: dict[str, Any], **more: Any) -> Any:
    """Press the button of the confirmation."""
    shown = pages.get(URL, given)
    assert shown.status_code == 200
    return pages.post(URL, given | shown.context["fresh"] | more)


def test_rows_have_a_box_where_they_failed_and_only_for_those_who_may_resend(
    pages: Client, client: Client
) -> None:
    failed, sent = make_message(FAILED), make_message(MessageState.SENT)
    text = pages.get("/communications/?state=").text
    assert f'name="row" value="{failed.pk}" id="select-{failed.pk}" hx-preserve' in text
    assert f'id="select-{sent.pk}"' not in text
    assert 'action="/communications/resend/"' in text
    client.force_login(viewer())
    text = client.get("/communications/").text
    assert failed.key.hex in text
    assert "col-select" not in text
    assert 'id="bulk"' not in text


def test_the_live_refresh_brings_the_box_of_a_row_that_failed(pages: Client) -> None:
    failed = make_message(FAILED)
    text = pages.get(
        "/communications/", {"live": str(failed.pk), "newest": "0"}, headers={"HX-Request": "true"}
    ).text
    assert f'id="select-{failed.pk}" hx-preserve' in text


def test_the_selected_rows(pages: Client) -> None:
    rows = [make_message(FAILED, destination=f"{number}@example.org") for number in range(3)]
    given = {
        "of": "/communications/?type=EMAIL",
        "row": [rows[0].pk, rows[2].pk, make_message(MessageState.SENT).pk],
    }
    text = pages.get(URL, given).text
    assert "Resend 2 failed messages to 2 people?" in text
    assert "<b>1</b> not failed: skipped" in text
    response = confirm(pages, given)
    job = Job.objects.get()
    assert response["Location"] == f"/jobs/{job.key.hex}/"
    assert (job.total, job.words, job.state) == (2, "3 selected messages", JobState.QUEUED)
    assert list(job.items.order_by("pk").values_list("message", flat=True)) == [rows[0].pk, rows[2].pk]


def test_above_a_number_it_is_asked_again_who_presses_the_button(pages: Client, settings: Any) -> None:
    settings.CONFIRM_MINUTES, settings.CONFIRM_MESSAGES = 5, 1
    rows = [make_message(FAILED, destination=f"{number}@example.org") for number in range(2)]
    asked = confirm(pages, {"row": [each.pk for each in rows]})
    assert "Confirm it’s you" in asked.text
    assert not Job.objects.exists()
    assert confirm(pages, {"row": [rows[0].pk]}).status_code == 302
    assert Job.objects.get().total == 1


def test_all_that_match_on_a_tab_with_what_is_left_out(pages: Client) -> None:
    ana = make_client()
    for _ in range(2):
        make_message(FAILED, client=ana)
    make_resend(make_message(FAILED, client=ana), MessageState.SENT, client=ana)
    make_message(FAILED, client=ana, outcome=Outcome.UNKNOWN)
    make_message(FAILED)
    given = {"of": f"/clients/{ana.key.hex}/communications/?state=FAILED", "all": "1"}
    text = pages.get(URL, given).text
    for said in (
        "Resend 2 failed messages to 1 person?",
        "<b>2</b> E-mail",
        "1</b> already resent",
        "1</b> may have been delivered",
        "State: Failed",
    ):
        assert said in text
    confirm(pages, given, unknown="1", pace="600")
    job = Job.objects.get()
    assert (job.total, job.log, job.whom, job.options) == (
        3,
        "CLIENT",
        ana.key,
        {"unknown": True, "pace": 600},
    )


def test_a_view_is_resent_as_it_is_shown(pages: Client) -> None:
    make_message(FAILED, subject="one")
    make_message(FAILED, subject="two")
    confirm(pages, {"of": f"/communications/?q={quote('two')}&sort=type", "all": "1"})
    assert [item.message.subject for item in Job.objects.get().items.all()] == ["two"]


def test_the_same_form_twice_makes_one_job(pages: Client) -> None:
    make_message(FAILED)
    given = {"all": "1"}
    fresh = pages.get(URL, given).context["fresh"]
    answers = [pages.post(URL, given | fresh)["Location"] for _ in range(2)]
    assert answers == [f"/jobs/{Job.objects.get().key.hex}/"] * 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "No messages selected."),
        ({"row": "x"}, "The selection arrived incomplete"),
        ({"row": ["1"] * 201}, "The selection arrived incomplete"),
        ({"row": "1", "of": "/communications/?colour=red"}, "a filter is not valid"),
        ({"all": "1", "of": "/communications/?state=NOPE"}, "a filter is not valid"),
        ({"all": "1", "of": "/communications/?c=state.equals.NOPE"}, "a filter is not valid"),
        ({"all": "1", "of": "/communications/?job=1"}, "a filter is not valid"),
    ],
)
def test_what_is_not_understood_resends_nothing(pages: Client, given: dict[str, Any], said: str) -> None:
    make_message(FAILED)
    for method in (pages.get, pages.post):
        response = method(URL, given)
        assert response.status_code == 400
        assert said in response.text
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "of",
    [
        "/",
        "/jobs/",
        "nowhere",
        "//evil.example.org/",
        "/clients/" + "0" * 32 + "/communications/",
        "/communications/\0",
    ],
)
def test_there_is_no_such_log(pages: Client, of: str) -> None:
    assert pages.get(URL, {"of": of, "all": "1"}).status_code == 404


@pytest.mark.parametrize("pace", ["0", "-1", "x", "10001", "9" * 5_000])
def test_a_strange_pace_is_an_error_at_its_field(pages: Client, pace: str) -> None:
    make_message(FAILED)
    assert (
        "Enter a whole number from 1 to 10,000, or leave empty."
        in confirm(pages, {"all": "1"}, pace=pace).text
    )
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "broken", [{"key": "x"}, {"key": ""}, {"confirmed": ""}, {"confirmed": "x"}, {"confirmed": "W10:x:y"}]
)
def test_a_damaged_form_resends_nothing(pages: Client, broken: dict[str, str]) -> None:
    make_message(FAILED)
    assert confirm(pages, {"all": "1"}, **broken).status_code == 200
    assert not Job.objects.exists()


def test_counting_that_takes_too_long_is_said(pages: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object, **__: object) -> None:
        raise TookTooLong

    monkeypatch.setattr("commlog.bulk.selection.preview", slow)
    response = pages.get(URL, {"all": "1"})
    assert "Narrow the filter, for example by date." in response.text


@pytest.mark.parametrize(
    "query",
    ["", "state=FAILED", "state=FAILED&type=EMAIL&sort=type&after=x", "q=nothing+like+it", "state=NOPE"],
)
def test_the_number_that_the_log_offers_is_what_the_confirmation_counts(pages: Client, query: str) -> None:
    ana = make_client()
    for whose in (ana, ana, None):
        first = make_message(FAILED, client=whose)
        make_resend(first, FAILED, client=whose)
        make_resend(make_message(FAILED, client=whose), MessageState.SENT, client=whose)
        make_message(FAILED, client=whose, outcome=Outcome.UNKNOWN)
        make_message(FAILED, MessageType.SMS, client=whose)
        make_message(MessageState.SENT, client=whose)
    offered = {}
    for log in ("/communications/", f"/clients/{ana.key.hex}/communications/"):
        of = {"of": f"{log}?{query}"}
        confirmation = pages.get(URL, of | {"all": "1"}).context["preview"]
        offered[log] = pages.get(f"{URL}matching/", of).context["number"]
        assert offered[log] == (confirmation.total if confirmation else None)
    expected = {"": (6, 4), "state=FAILED": (6, 4), "q=nothing+like+it": (0, 0), "state=NOPE": (None, None)}
    assert tuple(offered.values()) == expected.get(query, (3, 2))


def test_the_offer_of_all_that_match(pages: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        make_message(FAILED)
    of = {"of": "/communications/?state=FAILED"}
    assert ">Select all 2 that match</button>" in pages.get(f"{URL}matching/", of).text
    assert not pages.get(f"{URL}matching/", {"of": "/communications/?state=SENT"}).text.strip()

    def slow(*_: object) -> None:
        raise TookTooLong

    monkeypatch.setattr("commlog.bulk.selection.resendable", slow)
    assert not pages.get(f"{URL}matching/", of).text.strip()  # the button without a number stays


def test_the_offer_says_how_many_match_and_why_not_all_can_be_resent(
    pages: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(6):
        make_message(FAILED)
    for _ in range(3):
        make_message(MessageState.SENT)
    make_message(MessageState.WAITING)
    for _ in range(2):
        make_resend(make_message(FAILED), MessageState.SENT)
    make_message(FAILED, outcome=Outcome.UNKNOWN)

    def said(query: str) -> str:
        text = pages.get(f"{URL}matching/", {"of": f"/communications/?{query}"}).text
        return " ".join(re.sub("<[^>]+>", "", text).split())

    # Two of the sent ones are the new entries of the two that were resent.
    assert said("") == (
        "15 match: 6 can be resent, 6 are not failed, 2 were already resent, 1 may have been delivered. "
        "Select all 6 that can be resent"
    )
    assert said("state=FAILED") == (
        "9 match: 6 can be resent, 2 were already resent, 1 may have been delivered. Select all 6 that can "
        "be resent"
    )
    assert (
        "All failed messages on this page are selected. 15 match; 6 of them can be resent."
        in pages.get(f"{URL}matching/").text
    )
    monkeypatch.setattr("commlog.bulk.selection._MOST_MATCHING", 10)
    assert said("").startswith(
        "Over 100,000 match: 6 can be resent, others are not failed, 2 were already resent, 1 may"
    )

    def slow(*_: object) -> None:
        raise TookTooLong

    monkeypatch.setattr("commlog.bulk.selection.matching", slow)
    assert said("") == "Select all 6 that can be resent"


def test_a_page_offers_to_count_only_what_it_does_not_hold(pages: Client) -> None:
    for _ in range(25):
        make_message(FAILED)
    offer = (
        'hx-get="/communications/resend/matching/?of=%2Fcommunications%2F%3Fstate%3DFAILED%26per_page%3D25"'
    )
    assert "Resend all that match" in (text := pages.get("/communications/?state=FAILED&per_page=25").text)
    assert offer not in text
    make_message(FAILED)
    assert offer in pages.get("/communications/?state=FAILED&per_page=25").text


@pytest.mark.parametrize("rows", [1, 3])
def test_the_offer_costs_the_same_for_one_row_and_for_three(
    pages: Client, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(rows):
        make_message(FAILED)
    limits = 8 if connection.vendor == "postgresql" else 0
    # Session, user with permissions; columns, menu item; the newest; switched-off channels; the
    # number; how many match.
    with django_assert_num_queries(8 + limits):
        assert (
            f"Select all {rows} that match"
            in pages.get(f"{URL}matching/", {"of": "/communications/?state=FAILED"}).text
        )


def test_nothing_to_resend(pages: Client) -> None:
    make_message(MessageState.SENT)
    text = pages.get(URL, {"all": "1"}).text
    assert "There is nothing to resend" in text
    assert 'class="primary"' not in text.partition("</main>")[0]


def test_above_the_threshold_it_says_who_is_needed(pages: Client, settings: Any) -> None:
    settings.BULK_APPROVAL_THRESHOLD = 1
    for _ in range(2):
        make_message(FAILED)
    assert (
        "a second person with the permission to resend has to approve it" in pages.get(URL, {"all": "1"}).text
    )
    confirm(pages, {"all": "1"})
    assert Job.objects.get().state == JobState.AWAITING_APPROVAL


def test_the_numbers_of_the_report_lead_to_their_messages(pages: Client) -> None:
    one, two = make_message(FAILED), make_message(FAILED)
    confirm(pages, {"all": "1"})
    new = make_resend(two)
    claimed = jobs.claim(1)
    assert claimed is not None
    assert jobs.run(*claimed[1]) == "DONE"
    job = Job.objects.get()
    page = pages.get(f"/jobs/{job.key.hex}/")
    lines = page.context["report"].lines
    assert [(line.label, line.number) for line in lines] == [
        ("Resent as new entries", 1),
        ("Skipped: already being sent", 1),
    ]
    log = pages.get(lines[0].url).context["log"]
    assert [row.message.resend_of_id for row in log.rows] == [one.pk]
    assert [chip.condition.value for chip in log.chips] == [f"Resent as new entries ({job.key.hex[:8]})"]
    assert [row.message.pk for row in pages.get(lines[1].url).context["log"].rows] == [two.pk]
    assert f'<input type="hidden" name="job" value="{job.key.hex}">' in pages.get(lines[0].url).text
    assert pages.get(f"/communications/?job={job.key.hex}.LEFT").context["log"].rows == []
    assert new.pk not in [row.message.pk for row in log.rows]


@pytest.mark.parametrize("rows", [1, 3])
def test_it_costs_the_same_for_one_row_and_for_three(
    pages: Client, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(rows):
        make_message(FAILED)
    limits = 4 if connection.vendor == "postgresql" else 0
    # Session, user with permissions; columns, menu item; the newest; switched-off channels; the
    # messages, a count; menu, jobs, banner.
    with django_assert_num_queries(10 + limits):
        assert f"Resend {rows} failed" in pages.get(URL, {"all": "1"}).text
