"""The page and the command that decide what becomes of messages after the database was restored from a
backup.
"""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from commlog.models import AuditEntry, CustomView
from notifications.database.clock import db_now
from notifications.models import Message
from notifications.restored import holding
from notifications.states import MessageState, MessageType, Outcome
from tests.factories import admin, make_attempt, make_message, viewer

pytestmark = pytest.mark.django_db
PAGE = "/administration/after-restore/"


@pytest.fixture(autouse=True)
def _own_markers(settings: Any, tmp_path: Path) -> None:
    settings.MARKER_DIRECTORY = tmp_path / "markers"


@pytest.fixture
def held() -> list[Message]:
    """A mail and a text message that waited in the backup, and one mail that came afterwards."""
    waited = [make_message(destination="ana@example.org"), make_message(type=MessageType.SMS)]
    known = db_now() - timedelta(hours=1)
    make_attempt(make_message(MessageState.SENT), Outcome.ACCEPTED, now=known - timedelta(minutes=42))
    attempt = make_attempt(make_message(MessageState.SENT), Outcome.ACCEPTED, now=known)
    holding.look(db_now())
    attempt.delete()
    holding.look(db_now())
    return [*waited, make_message(destination="new@example.org")]


def signed_in(client: Client) -> Client:
    client.force_login(admin())
    return client


def states() -> set[tuple[str, str, bool]]:
    return set(
        Message.objects.exclude(state=MessageState.SENT).values_list(
            "destination", "state", "possible_duplicate"
        )
    )


def test_every_page_says_that_nothing_is_sent_and_leads_to_the_page(
    client: Client, held: list[Message]
) -> None:
    log = signed_in(client).get("/communications/").text

    assert "Nothing is being sent: the database was restored from a backup." in log
    assert f'href="{PAGE}"' in log
    assert "waiting for a decision: it may have been sent before the database was restored" in log
    assert not re.search(r"\b9000\b", log), "the year that is never reached"
    client.force_login(viewer())
    seen = client.get("/communications/").text
    assert "Nothing is being sent: the database was restored from a backup." in seen
    assert PAGE not in seen


def test_the_sender_is_said_to_be_well(client: Client, held: list[Message]) -> None:
    assert client.get("/healthz/sender").status_code == 200


def test_the_page_says_what_was_found(client: Client, held: list[Message]) -> None:
    found = holding.standing()
    assert found is not None
    assert found.last_sent_at is not None
    assert found.known_sent_at is not None
    assert found.known_sent_at - found.last_sent_at == timedelta(minutes=42)

    page = signed_in(client).get(PAGE).text

    assert "Nothing is being sent" in page
    assert "<dt>E-mail</dt><dd>1</dd>" in page
    assert "<dt>SMS</dt><dd>1</dd>" in page


def test_new_messages_are_sent_and_what_is_marked_goes_on_waiting(
    client: Client, held: list[Message]
) -> None:
    answer = signed_in(client).post(reverse("after-restore-decide", args=["lift"]), follow=True)

    assert "New messages are being sent." in answer.text
    assert "messages that may have been sent are waiting for a decision" in answer.text
    assert holding.marked().count() == 2
    assert [
        row.after["after a restore"]
        for row in AuditEntry.objects.filter(actor__isnull=False, action="CHANGED")
    ] == ["new messages sent again"]


def test_a_view_is_released_and_the_rest_ended(client: Client, held: list[Message]) -> None:
    view = CustomView.objects.create(
        name="Ana", for_everyone=True, criteria=[["destination", "EQUALS", ["ana@example.org"]]]
    )
    shown = signed_in(client).get(f"{PAGE}?view={view.key}").text
    assert "<dt>E-mail</dt><dd>1</dd>" in shown
    assert "<dt>SMS</dt>" not in shown

    client.post(reverse("after-restore-decide", args=["release"]), {"view": view.key})
    assert states() == {
        ("ana@example.org", "WAITING", True),
        ("+4917012345678", "WAITING", False),
        ("new@example.org", "QUEUED", False),
    }
    assert holding.marked().count() == 1
    answer = client.post(reverse("after-restore-decide", args=["end"]), follow=True)

    assert "Ended as failed: 1." in answer.text
    assert ("+4917012345678", "FAILED", False) in states()
    assert holding.standing() is None
    assert "Nothing is on hold." in answer.text


def test_text_messages_are_sent_again_only_where_that_is_wanted(client: Client, held: list[Message]) -> None:
    signed_in(client).post(reverse("after-restore-decide", args=["release"]))
    assert [row.type for row in holding.marked()] == [MessageType.SMS]

    client.post(reverse("after-restore-decide", args=["release"]), {"sms": "on"})

    assert holding.standing() is None


def test_the_log_finds_them(client: Client, held: list[Message]) -> None:
    log = signed_in(client).get("/communications/?c=restored.equals.true").text

    assert "ana@example.org" in log
    assert "new@example.org" not in log


def test_rows_that_are_held_cost_no_query_of_their_own(client: Client, held: list[Message]) -> None:
    page = "/communications/?state=WAITING"
    shown = signed_in(client).get(page).text
    assert shown.count("may have been sent before the database was restored") == 2
    with CaptureQueriesContext(connection) as two:
        client.get(page)
    holding.end(Message.objects.filter(type=MessageType.SMS), seconds=10)
    with CaptureQueriesContext(connection) as one:
        client.get(page)

    assert len(one) == len(two)


def test_a_view_of_yesterday_decides_nothing(client: Client, held: list[Message]) -> None:
    view = CustomView.objects.create(name="Old", for_everyone=True, criteria=[["gone", "EQUALS", ["1"]]])

    assert "no longer exists" in signed_in(client).get(f"{PAGE}?view={view.key}").text
    client.post(reverse("after-restore-decide", args=["release"]), {"view": view.key})

    assert holding.marked().count() == 2
    assert holding.held()


def test_the_page_while_nothing_is_held(client: Client) -> None:
    assert "Nothing is on hold." in signed_in(client).get(PAGE).text


def test_the_command_holds_a_database_of_which_nobody_knows_more(capsys: pytest.CaptureFixture[str]) -> None:
    make_message(destination="ana@example.org")
    make_message(destination="bo@example.org")

    call_command("after_restore")

    said = capsys.readouterr().out
    assert "Nothing is sent." in said
    assert "E-mail: 2 may have been sent and wait for a decision." in said
    CustomView.objects.create(name="Ana", criteria=[["destination", "EQUALS", ["ana@example.org"]]])
    call_command("after_restore", "--release", "Ana")
    assert "Released: 1" in capsys.readouterr().out
    assert not holding.held()
    call_command("after_restore", "--end")
    assert states() == {("ana@example.org", "WAITING", True), ("bo@example.org", "FAILED", False)}
    call_command("after_restore", "--status")
    assert "Nothing is on hold." in capsys.readouterr().out


def test_the_command_knows_its_views() -> None:
    with pytest.raises(CommandError, match="no view of the log called Nobody"):
        call_command("after_restore", "--release", "Nobody")
