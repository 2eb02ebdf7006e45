"""Exports as jobs: made above a number of rows, cancelled, started anew, kept for a day, and for nobody but
their owner.
"""

import io
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from django.test import Client
from django.utils import timezone
from django_q.models import Schedule
from openpyxl import load_workbook
from pytest_django import DjangoAssertNumQueries

from commlog import jobs
from commlog.export import job as exporting
from commlog.export import orders
from commlog.export.storage import CHUNK, DatabaseStorage
from commlog.jobs import Turn
from commlog.models import AuditEntry, ExportFile, FileChunk, Job, MenuItem, User
from commlog.views import exports
from notifications.models import Client as Customer
from notifications.states import MessageState
from tests.factories import admin, make_client, make_message, officer

pytestmark = pytest.mark.django_db
URL = "/communications/export/?of=/communications/"


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a few rows were many."""
    monkeypatch.setattr(exports, "AT_ONCE", 2)
    monkeypatch.setattr(orders, "_WATCHED", 1)
    monkeypatch.setattr(exporting, "_STEP", 0)


@pytest.fixture
def ada() -> User:
    return officer(username="ada")


def ask(pages: Client, query: str = "", **form: str) -> Job:
    """Ask for an export of three failed messages or more."""
    for _ in range(3):
        make_message(MessageState.FAILED)
    response = pages.post(f"{URL}{query}", {"format": "xlsx"} | form)
    job = Job.objects.get()
    assert response["Location"] == f"/jobs/{job.key.hex}/"
    return job


def turn() -> str:
    """What the broker and a worker do."""
    claimed = jobs.claim(1)
    assert claimed is not None
    return jobs.run(*claimed[1])


def download(pages: Client, job: Job) -> Any:
    return pages.get(f"/jobs/{job.key.hex}/file/")


def sheets(response: Any) -> dict[str, list[Any]]:
    book = load_workbook(io.BytesIO(b"".join(response)))
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}


def test_many_rows_are_a_job_whose_file_is_downloaded(pages: Client) -> None:
    make_message(MessageState.SENT)
    job = ask(pages, "%3Fstate%3DFAILED%26columns%3Dkey%26sort%3Dkey")
    assert (job.total, job.words) == (3, "State: Failed")
    assert turn() == "DONE"
    response = download(pages, job)
    file = ExportFile.objects.get()
    assert response["Content-Disposition"] == f'attachment; filename="{file.name}"'
    assert response["Content-Length"] == str(file.size)
    found = sheets(response)
    head, *keys = [row[0] for row in found["Messages"]]
    assert (head, len(keys), keys) == ("Key", 3, sorted(keys))
    assert ("Filter: State", "Failed") in [row[:2] for row in found["About"]]
    page = pages.get(f"/jobs/{job.key.hex}/").text
    assert f'href="/jobs/{job.key.hex}/file/"' in page
    assert "3 messages, " in page


def test_a_script_gets_the_line_that_takes_the_place_of_the_button(
    pages: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(3):
        make_message(MessageState.FAILED)
    line = pages.post(URL, {"format": "xlsx", "brief": "1"}).text
    job = Job.objects.get()
    for part in (
        'class="job brief"',
        f'data-job="{job.key.hex}"',
        f'href="/jobs/{job.key.hex}/"',
        "0 of 3",
        "Cancel",
        "1 job</a>",
    ):
        assert part in line
    assert "<h1" not in line
    assert turn() == "DONE"
    # Session, user with permissions; the job, its file; jobs that are open.
    with django_assert_num_queries(5):
        line = pages.get(f"/jobs/{job.key.hex}/", {"brief": "1"}, headers={"HX-Request": "true"}).text
    assert f'href="/jobs/{job.key.hex}/file/" download' in line
    assert f"{job.file.name} can be downloaded." in line
    assert '<span id="jobs-indicator" class="jobs-indicator" hx-swap-oob="true"></span>' in line
    assert "hx-get" not in line


def test_an_export_under_way_keeps_its_place_whatever_is_filtered(pages: Client) -> None:
    for query in ("", "?state=FAILED", "?state=NONSENSE"):
        assert 'id="exporting"' in pages.get(f"/communications/{query}").text


def test_what_came_after_it_was_asked_for_is_not_in_it(pages: Client) -> None:
    job = ask(pages)
    make_message(MessageState.FAILED)
    assert turn() == "DONE"
    assert len(sheets(download(pages, job))["Messages"]) == 4


def test_asked_and_made_are_both_in_the_audit_trail(pages: Client, ada: User) -> None:
    job = ask(pages)
    turn()
    asked, made = AuditEntry.objects.filter(action="EXPORTED").order_by("id")
    assert (asked.actor, asked.target_key, asked.after["messages"], asked.after["format"]) == (
        ada,
        job.key.hex,
        3,
        "xlsx",
    )
    assert (made.actor, made.target_kind, made.after["messages"]) == (ada, "export file", 3)


def test_the_file_is_its_owners_alone(pages: Client) -> None:
    job = ask(pages)
    turn()
    assert download(pages, job).status_code == 200
    for other in (officer(), admin()):
        pages.force_login(other)
        assert download(pages, job).status_code == 404
    assert "Download" not in pages.get(f"/jobs/{job.key.hex}/").text  # the administrator sees the job


def test_the_permission_is_asked_again_at_the_download(pages: Client, ada: User) -> None:
    job = ask(pages)
    turn()
    MenuItem.objects.update(active=False)  # the log is closed to ada
    assert download(pages, job).status_code == 403
    MenuItem.objects.update(active=True)
    assert download(pages, job).status_code == 200
    ada.groups.clear()
    assert download(pages, job).status_code == 403


def test_the_permission_is_asked_again_by_the_worker(pages: Client, ada: User) -> None:
    job = ask(pages)
    ada.groups.clear()
    assert turn() == "FAILED"
    job.refresh_from_db()
    assert job.reason == "Ada Officer no longer has the permission to export."
    assert not ExportFile.objects.exists()


def test_a_filter_that_is_valid_no_more_fails_the_job(pages: Client) -> None:
    job = ask(pages)
    Job.objects.update(pairs=[["c", "yesterdays_field.equals.x"]])
    assert turn() == "FAILED"
    job.refresh_from_db()
    assert job.reason == "Its filter uses a condition that no longer exists."
    assert not FileChunk.objects.exists()


def test_a_cancelled_export_leaves_nothing(pages: Client, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    job = ask(pages)
    keep = exporting._keep

    def cancelled_at_the_last_moment(*given: Any) -> None:
        jobs.cancel(Job.objects.get(), by=ada)
        keep(*given)

    monkeypatch.setattr(exporting, "_keep", cancelled_at_the_last_moment)
    assert turn() == "cancelled"
    assert (ExportFile.objects.count(), FileChunk.objects.count()) == (0, 0)
    assert download(pages, job).status_code == 404


def test_an_export_that_is_cancelled_while_it_is_stored_leaves_no_piece_of_its_file(
    pages: Client, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ask(pages)
    stored, step = [], Turn.step

    def cancelled(turn: Turn, **done: int) -> None:
        if FileChunk.objects.exists():
            stored.append(jobs.cancel(job, by=ada))
        step(turn, **done)

    monkeypatch.setattr(Turn, "step", cancelled)
    assert turn() == "cancelled"
    assert (stored, FileChunk.objects.count()) == ([True], 0)


@pytest.mark.parametrize("at", [2, 4])  # the second row; when the rows are packed
def test_an_export_that_is_stopped_leaves_no_temporary_file(
    pages: Client, ada: User, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, at: int
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    job = ask(pages)
    steps, step = [], Turn.step

    def cancelled(turn: Turn, **done: int) -> None:
        steps.append(list(tmp_path.glob("openpyxl.*")))
        if len(steps) == at:
            jobs.cancel(job, by=ada)
        step(turn, **done)

    monkeypatch.setattr(Turn, "step", cancelled)
    assert turn() == "cancelled"
    assert len(steps[at - 1]) == (1 if at == 2 else 2)  # the sheet of messages; then About as well
    assert list(tmp_path.iterdir()) == []


def test_an_export_whose_worker_was_lost_is_started_anew_and_says_so(pages: Client) -> None:
    job = ask(pages)
    assert jobs.claim(1) is not None  # a worker has it, and is lost when a part of its file is stored
    storages["exports"].save(f"{job.key.hex}-1.xlsx", io.BytesIO(b"part"))
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert turn() == "DONE"
    assert set(FileChunk.objects.values_list("name", flat=True)) == {f"{job.key.hex}-2.xlsx"}
    assert "Remark" in [row[0] for row in sheets(download(pages, job))["About"]]
    assert "It was restarted" in pages.get(f"/jobs/{job.key.hex}/").text


def test_after_a_day_the_file_is_gone(pages: Client) -> None:
    job = ask(pages)
    turn()
    FileChunk.objects.create(name="of-a-lost-worker", number=0, data=b"x")
    assert (exporting.sweep(), ExportFile.objects.count()) == (0, 1)
    long_ago = timezone.now() - timedelta(days=1, seconds=1)
    ExportFile.objects.update(created_at=long_ago)
    FileChunk.objects.update(created_at=long_ago)
    assert download(pages, job).status_code == 404
    assert "The file has expired" in pages.get(f"/jobs/{job.key.hex}/").text
    assert (exporting.sweep(), ExportFile.objects.count(), FileChunk.objects.count()) == (1, 0, 0)
    assert "The file has expired" in pages.get(f"/jobs/{job.key.hex}/").text


def test_the_cluster_sweeps_every_hour() -> None:
    schedule = Schedule.objects.get(func="commlog.export.job.sweep")
    assert schedule.schedule_type == Schedule.HOURLY


def test_another_storage_by_setting(pages: Client, settings: Any, tmp_path: Path) -> None:
    backend = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(tmp_path)},
    }
    settings.STORAGES = settings.STORAGES | {"exports": backend}
    job = ask(pages)
    turn()
    assert [path.name for path in tmp_path.iterdir()] == [f"{job.key.hex}-1.xlsx"]
    assert len(sheets(download(pages, job))["Messages"]) == 4
    assert not FileChunk.objects.exists()


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 7])
def test_what_is_stored_in_chunks_is_read_back(size: int) -> None:
    store, data = DatabaseStorage(), bytes(range(256)) * (size // 256 + 1)
    name = store.save("a.bin", io.BytesIO(data[:size]))
    assert (store.exists(name), store.size(name)) == (True, size)
    with store.open(name) as read:
        assert read.read() == data[:size]
    assert store.save("a.bin", io.BytesIO(b"other")) != name  # nothing is written over
    store.delete(name)
    assert not store.exists(name)
    with pytest.raises(FileNotFoundError):
        store.open(name)


def test_the_log_of_a_client_that_is_gone_cannot_be_exported(pages: Client) -> None:
    ana = make_client()
    for _ in range(3):
        make_message(client=ana)
    pages.post(f"/communications/export/?of=/clients/{ana.key.hex}/communications/", {"format": "csv"})
    Job.objects.update(whom=Customer(client_id="x").key)
    assert turn() == "FAILED"
    assert Job.objects.get().reason == "Ada Officer no longer has access to this log."
