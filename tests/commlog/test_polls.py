"""What an open page asks again: it costs little while others commit, misses nothing, and shows nobody what is
another's.
"""

import time
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group as Role
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commlog.kit import stamps
from commlog.models import ColumnLayout, CustomView, Job, User
from commlog.models.job import JobState
from notifications.models import Lane, Message
from notifications.states import Circuit, MessageState, MessageType
from tests.factories import admin, make_client, make_job, make_message, make_resend, viewer
from tests.open_page import OpenPage

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/communications/"


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is shared that is older than the last commit: the tests ask again within a moment."""
    monkeypatch.setattr(stamps, "_BRIEF", 0.0)
    monkeypatch.setattr(stamps, "_SHARE", 0)


@pytest.mark.parametrize("rows", [1, 3])
def test_while_others_commit_only_what_was_read_is_asked_again(
    pages: Client, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stamps, "_BRIEF", 60.0)  # the figures are of this moment
    other = make_message(MessageState.WAITING)
    for _ in range(rows):
        make_message(MessageState.SENT)
    page = OpenPage(pages, f"{URL}?state=SENT")
    page.ask()
    assert page.ask().status_code == 204
    Message.objects.filter(pk=other.pk).update(token=5)
    with CaptureQueriesContext(connection) as asked:
        assert page.ask().status_code == 204
    # What was read; PostgreSQL is asked at once, and before for the snapshot, the session and the user.
    assert len(asked) == (2 if connection.vendor == "postgresql" else 5)


@pytest.mark.usefixtures("at_once")
def test_a_drawn_row_is_shared_without_what_is_its_readers_own(pages: Client) -> None:
    row = make_message(MessageState.FAILED)
    admins, viewers = Client(), Client()
    admins.force_login(admin())
    viewers.force_login(viewer())
    open_pages = [OpenPage(client, URL) for client in (pages, admins, viewers)]
    for page in open_pages:
        page.ask()
    Message.objects.filter(pk=row.pk).update(possible_duplicate=True)
    drawn = [page.ask().text for page in open_pages]
    assert [text.count('id="row-') for text in drawn] == [1, 1, 1]
    assert [text.count('form="resend"') for text in drawn] == [1, 1, 0]
    assert not any("csrfmiddlewaretoken" in text for text in drawn)


@pytest.mark.usefixtures("at_once")
def test_a_drawn_row_shows_a_secret_address_only_to_whom_may_read_it(pages: Client) -> None:
    row = make_message(
        MessageState.WAITING,
        MessageType.WEB_HOOK,
        destination="https://hooks.example.org/services/T0/very-secret-part",
    )
    editors = Client()
    editors.force_login(admin())
    open_pages = [OpenPage(client, URL) for client in (editors, pages)]
    for page in open_pages:
        page.ask()
    Message.objects.filter(pk=row.pk).update(failures=2)
    drawn = [page.ask().text for page in open_pages]
    assert [text.count('id="row-') for text in drawn] == [1, 1]
    assert ["very-secret-part" in text for text in drawn] == [True, False]


@pytest.mark.parametrize("url", [URL, "/"])
def test_rights_that_are_taken_away_count_at_once(pages: Client, url: str) -> None:
    make_message(MessageState.FAILED)
    page, user = OpenPage(pages, url), User.objects.get()
    page.ask()
    assert page.ask().status_code == 204
    user.groups.clear()
    answer = page.ask()
    assert answer.status_code == (403 if url == URL else 200)
    assert "ana@example.org" not in answer.text


def test_a_change_of_the_reader_counts_at_once(pages: Client) -> None:
    page = OpenPage(pages, URL)
    page.ask()
    assert page.ask().status_code == 204
    User.objects.update(is_active=False)
    assert page.ask().status_code == 302
    User.objects.update(is_active=True, is_superuser=True)
    Role.objects.all().delete()
    assert page.ask().status_code in (200, 204)


@pytest.mark.parametrize("ending", ["ended", "lapsed", "other password", "to be changed"])
def test_a_session_that_has_ended_is_noticed_at_once(pages: Client, ending: str) -> None:
    page, user = OpenPage(pages, URL), User.objects.get()
    lapses = timezone.now() + timedelta(seconds=3)
    Session.objects.update(expire_date=lapses)
    for _ in range(3):
        page.ask()
    assert page.ask().status_code == 204
    match ending:
        case "ended":
            Session.objects.all().delete()
        case "lapsed":
            time.sleep((lapses - timezone.now()).total_seconds())
        case "other password":
            user.set_password("another one of this user")
            user.save(update_fields=["password"])
        case "to be changed":
            User.objects.update(must_change_password=True)
    assert page.ask().status_code == 302


@pytest.mark.usefixtures("at_once")
def test_the_log_of_a_client_follows_what_others_do(pages: Client) -> None:
    ana, user = make_client(), User.objects.get()
    failed = make_message(MessageState.FAILED, client=ana)
    url = f"/clients/{ana.key.hex}/communications/"
    page = OpenPage(pages, url)
    page.ask()
    assert page.ask().status_code == 204
    new = make_resend(failed, MessageState.QUEUED)
    text = page.ask().text
    assert "Resent, queued</a>" in text
    assert "1 new message <a" in text
    Message.objects.filter(pk=new.pk).update(state=MessageState.SENT, due_at=None, sent_at=timezone.now())
    assert ">Sent " in page.ask().text
    trouble = {
        "circuit": Circuit.OPEN,
        "opened_at": timezone.now(),
        "probe_at": timezone.now(),
        "trouble": "connection refused",
    }
    Lane.objects.update(**trouble)
    assert "in trouble" in page.ask().text
    view = CustomView.objects.create(
        name="Not sent", kind="CLIENT", for_everyone=True, conditions={"state": "FAILED"}
    )
    assert f'<span id="count-{view.key.hex}" class="number">1</span>' in page.ask().text
    job = make_job(user)
    assert "1 job" in page.ask().text
    Job.objects.filter(pk=job.pk).update(state=JobState.DONE, due_at=None, finished_at=timezone.now())
    assert "1 job" not in page.ask().text
    ColumnLayout.objects.create(user=user, kind="CLIENT", columns=["state", "destination"])
    assert "The columns were changed." in page.ask().text
    assert page.ask().status_code == 204


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("alone", [True, False])
def test_jobs_that_are_done_are_said_on_their_pages(pages: Client, alone: bool) -> None:
    job = make_job(User.objects.get())
    page = OpenPage(pages, f"/jobs/{job.key.hex}/" if alone else "/jobs/")
    page.ask()
    assert page.ask().status_code == 204
    Job.objects.filter(pk=job.pk).update(state=JobState.DONE, due_at=None, finished_at=timezone.now())
    assert "Done" in page.ask().text
