"""The pages of jobs: their list, the progress of one, what people may do with it, and the indicator on every
page.
"""

from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from commlog.models import AuditEntry, Job, User
from commlog.models.job import OPEN, JobKind, JobState
from notifications.states import MessageState
from tests.factories import admin, make_job, make_message, officer, viewer

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return officer(username="owner")


@pytest.fixture
def pages(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def press(pages: Client, job: Job, action: str) -> Job:
    response = pages.post(f"/jobs/{job.key.hex}/{action}/")
    assert response["Location"] == f"/jobs/{job.key.hex}/"
    job.refresh_from_db()
    return job


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_costs_the_same_for_one_row_and_for_three(
    pages: Client, owner: User, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(rows):
        make_job(owner)
    # Session, user with permissions; the jobs; menu, jobs that are open, banner.
    with django_assert_num_queries(6):
        assert pages.get("/jobs/").text.count('<th role="rowheader"') == rows


def test_the_list_is_empty_at_first(pages: Client) -> None:
    assert "No jobs yet" in pages.get("/jobs/").text


def test_who_sees_whose_jobs(client: Client, owner: User) -> None:
    resend, export = make_job(owner), make_job(owner, JobKind.EXPORT)
    seen = {}
    for person in (owner, officer(), viewer(), admin()):
        client.force_login(person)
        seen[person.name, person.username] = [
            client.get(f"/jobs/{job.key.hex}/").status_code for job in (resend, export)
        ]
    assert list(seen.values()) == [[200, 200], [200, 404], [404, 404], [200, 200]]


def test_a_page_without_javascript_loads_itself_anew_while_the_job_is_open(
    pages: Client, owner: User
) -> None:
    job = make_job(owner, state=JobState.RUNNING, done=1_204, total=2_140, rate=310)
    page = pages.get(f"/jobs/{job.key.hex}/").text
    assert '<meta http-equiv="refresh" content="4">' in page
    part = pages.get(f"/jobs/{job.key.hex}/", headers={"HX-Request": "true"}).text
    assert "<html" not in part
    for text in (
        f'data-job="{job.key.hex}"',
        "1,204 of 2,140",
        "310 a minute",
        "about 3 minutes left",
        "Pause",
        "Cancel",
    ):
        assert text in part
    done = make_job(owner, state=JobState.DONE, done=10)
    page = pages.get(f"/jobs/{done.key.hex}/").text
    assert "http-equiv" not in page
    assert "Pause" not in page


def test_a_job_says_which_log_it_is_about_and_leads_there(pages: Client, owner: User) -> None:
    whose = uuid4()
    job = make_job(
        owner, log="CLIENT", whom=whose, pairs=[["state", "FAILED"], ["q", "a b"]], words="State: Failed"
    )
    page = pages.get(f"/jobs/{job.key.hex}/").text
    assert "Communications of a client: <bdi>State: Failed</bdi>" in page
    assert f'href="/clients/{whose.hex}/communications/?state=FAILED&amp;q=a+b"' in page


def test_what_is_not_counted_yet_is_no_number(pages: Client, owner: User) -> None:
    job = make_job(owner, JobKind.EXPORT, total=0)
    for path in ("/jobs/", f"/jobs/{job.key.hex}/"):
        text = pages.get(path).text
        assert "Not counted yet" in text
        assert "0 of 0" not in text


def test_pause_resume_and_cancel(pages: Client, owner: User) -> None:
    job = make_job(owner)
    assert press(pages, job, "pause").state == JobState.PAUSED
    assert press(pages, job, "pause").state == JobState.PAUSED
    assert (press(pages, job, "resume").state, job.due_at is not None) == (JobState.QUEUED, True)
    assert (press(pages, job, "cancel").state, job.reason) == (
        JobState.CANCELLED,
        "Cancelled by Ada Officer.",
    )
    assert press(pages, job, "resume").state == JobState.CANCELLED
    assert pages.post(f"/jobs/{job.key.hex}/explode/").status_code == 404
    said = [
        (entry.actor_name, entry.after["state"])
        for entry in AuditEntry.objects.order_by("pk")
        if entry.target_kind == "job" and entry.after
    ]
    assert said == [("Ada Officer", "Paused"), ("Ada Officer", "Resumed"), ("Ada Officer", "Cancelled")]


def test_a_colleague_may_look_on_but_not_steer(client: Client, owner: User) -> None:
    job = make_job(owner)
    client.force_login(officer())
    assert "Pause" not in client.get(f"/jobs/{job.key.hex}/").text
    assert client.post(f"/jobs/{job.key.hex}/cancel/").status_code == 403
    client.force_login(admin())
    assert press(client, job, "cancel").reason == "Cancelled by Adam Administrator."


def test_a_second_person_approves(client: Client, pages: Client, owner: User) -> None:
    job = make_job(owner, state=JobState.AWAITING_APPROVAL)
    assert "Approve" not in pages.get(f"/jobs/{job.key.hex}/").text
    assert pages.post(f"/jobs/{job.key.hex}/approve/").status_code == 403
    second = officer(first_name="Bea", username="second")
    client.force_login(second)
    assert "1 to approve" in client.get("/jobs/").text
    assert "Approve" in client.get(f"/jobs/{job.key.hex}/").text
    assert (press(client, job, "approve").state, job.approver) == (JobState.QUEUED, second)
    assert press(client, job, "reject").state == JobState.QUEUED
    other = make_job(owner, state=JobState.AWAITING_APPROVAL)
    assert (press(client, other, "reject").state, other.reason) == (
        JobState.CANCELLED,
        "Bea Officer did not approve it.",
    )


@pytest.mark.parametrize("state", OPEN)
def test_nobody_has_more_open_jobs_than_one_person_may(
    pages: Client, owner: User, monkeypatch: pytest.MonkeyPatch, state: JobState
) -> None:
    monkeypatch.setattr("commlog.views.exports.AT_ONCE", 0)
    for _ in range(20):
        make_job(owner, JobKind.EXPORT, state)
    make_message(MessageState.FAILED)
    fresh = pages.get("/communications/resend/", {"all": "1"}).context["fresh"]
    for path, sent, said in (
        ("/communications/export/", {}, "Nothing was exported."),
        ("/communications/resend/", fresh, "Nothing was resent."),
    ):
        answer = pages.post(path, sent, follow=True)
        assert answer.redirect_chain == [("/jobs/", 302)]
        assert (
            f"{said} You have 20 open jobs, the maximum. Wait until one has finished, or cancel one."
            in answer.text
        )
    assert Job.objects.count() == 20
    Job.objects.filter(pk=Job.objects.earliest("pk").pk).update(
        state=JobState.CANCELLED, finished_at=timezone.now(), due_at=None, lease_until=None
    )
    assert (
        pages.post("/communications/resend/", fresh)["Location"]
        == f"/jobs/{Job.objects.latest('pk').key.hex}/"
    )
    assert Job.objects.count() == 21


def test_the_open_jobs_of_others_count_for_nobody_else(
    pages: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commlog.views.exports.AT_ONCE", 0)
    colleague = officer(username="colleague")
    for _ in range(20):
        make_job(colleague, JobKind.EXPORT)
    make_message(MessageState.SENT)
    pages.post("/communications/export/")
    assert Job.objects.count() == 21


def test_every_page_says_how_many_jobs_are_open(pages: Client, owner: User) -> None:
    assert "jobs-link" not in pages.get("/communications/").text
    (
        make_job(owner),
        make_job(owner, JobKind.EXPORT, JobState.PAUSED),
        make_job(owner, state=JobState.DONE),
        make_job(officer()),
    )
    assert "2 jobs</a>" in pages.get("/communications/").text
