"""The messages of a bulk resend are those that were confirmed, whatever changes between the page and its
button.
"""

import random
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client

from commlog import jobs
from commlog.bulk import selection
from commlog.bulk.confirmation import Confirmed
from commlog.bulk.report import report
from commlog.jobs import Asked
from commlog.log import writing
from commlog.log.query import LogQuery
from commlog.models import CustomView, Job, JobItem, User
from notifications.models import Message
from notifications.states import MessageState, MessageType, Outcome
from tests.factories import make_message, make_resend, officer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mail_is_on")]
URL = "/communications/resend/"
FAILED = MessageState.FAILED


def fail(message: Message) -> None:
    Message.objects.filter(pk=message.pk).update(state="SENDING_ASYNC", due_at=None, waiting_reason="")
    Message.objects.filter(pk=message.pk).update(state=FAILED)


def confirmed_then(
    pages: Client, change: Callable[[], object], given: dict[str, Any], **more: Any
) -> tuple[Any, list[str]]:
    """What is written down where `change` happens between the confirmation and its button."""
    fresh = pages.get(URL, given).context["fresh"]
    change()
    answer = pages.post(URL, given | fresh | more)
    return answer, [item.message.destination for item in JobItem.objects.order_by("pk")]


def outcomes() -> dict[str, int]:
    """Do the job; its report."""
    claimed = jobs.claim(1)
    assert claimed is not None
    assert jobs.run(*claimed[1]) == "DONE"
    return {line.label: line.number for line in report(Job.objects.get()).lines}


def test_what_failed_after_the_confirmation_is_not_resent(pages: Client) -> None:
    bo = make_message(MessageState.WAITING, MessageType.SMS)
    make_message(FAILED, destination="ana@example.org")

    def change() -> None:
        fail(bo)
        make_message(FAILED, destination="later@example.org")

    _, resent = confirmed_then(pages, change, {"all": "1"})
    assert resent == ["ana@example.org"]
    assert outcomes() == {"Resent as new entries": 1}


@pytest.mark.parametrize("ticked", [False, True])
def test_what_was_delivered_or_resent_meanwhile_is_reported_and_nothing_takes_its_place(
    pages: Client, ticked: bool
) -> None:
    rows = [
        make_message(FAILED, destination=f"{name}@example.org") for name in ("ana", "bea", "cleo", "dora")
    ]
    others = [
        make_message(MessageState.WAITING, destination=f"late{number}@example.org") for number in range(3)
    ]

    def change() -> None:
        make_resend(rows[0], MessageState.SENT)
        make_resend(rows[1])
        make_resend(rows[2], FAILED)
        for other in others:
            fail(other)

    given = (
        {"row": [row.pk for row in (*rows, *others)]}
        if ticked
        else {"all": "1", "of": "/communications/?state=UNDELIVERED"}
    )
    answer, resent = confirmed_then(pages, change, given)
    assert answer["Location"] == f"/jobs/{Job.objects.get().key.hex}/"
    assert resent == ["ana@example.org", "bea@example.org", "cleo@example.org", "dora@example.org"]
    assert outcomes() == {
        "Resent as new entries": 1,
        "Skipped: already delivered": 1,
        "Skipped: already being sent": 1,
        "Skipped: already resent by someone else": 1,
    }


def test_what_may_have_been_delivered_is_confirmed_one_by_one_too(pages: Client) -> None:
    make_message(FAILED, destination="sure@example.org")
    make_message(FAILED, destination="doubt@example.org", outcome=Outcome.UNKNOWN)
    given = {"all": "1"}
    _, resent = confirmed_then(
        pages, lambda: make_message(FAILED, outcome=Outcome.UNKNOWN), given, unknown="1"
    )
    assert resent == ["sure@example.org", "doubt@example.org"]


CHANGES: dict[str, Callable[[CustomView], object]] = {
    "other conditions": lambda view: CustomView.objects.filter(pk=view.pk).update(
        conditions={"state": "FAILED", "type": "SMS"}
    ),
    "other rows": lambda view: CustomView.objects.filter(pk=view.pk).update(
        criteria=[["type", "EQUALS", ["SMS"]]]
    ),
    "any of them": lambda view: CustomView.objects.filter(pk=view.pk).update(match="ANY"),
    "other columns": lambda view: CustomView.objects.filter(pk=view.pk).update(
        columns=["state"], sorting="type"
    ),
    "withdrawn": lambda view: CustomView.objects.filter(pk=view.pk).update(for_everyone=False),
    "deleted": lambda view: view.delete(),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("rows", [False, True])
def test_a_view_that_is_changed_between_the_confirmation_and_its_button(
    pages: Client, change: str, rows: bool
) -> None:
    ana, bo = make_message(FAILED, destination="ana@example.org"), make_message(FAILED, MessageType.SMS)
    criteria = [["destination", "EQUALS", ["ana@example.org"]], ["type", "EQUALS", ["EMAIL"]]]
    view = CustomView.objects.create(
        name="Ana's", for_everyone=True, conditions={"state": "FAILED"}, criteria=criteria
    )
    given = {"of": f"/communications/?view={view.key.hex}"} | ({"row": [ana.pk]} if rows else {"all": "1"})
    _, resent = confirmed_then(pages, lambda: CHANGES[change](view), given)
    assert resent == ["ana@example.org"]
    job = Job.objects.get()
    assert ("c", "destination.equals.ana@example.org") in [tuple(pair) for pair in job.pairs]
    assert outcomes() == {"Resent as new entries": 1}
    assert not Message.objects.filter(resend_of=bo).exists()


def test_the_buttons_of_a_log_are_about_what_it_shows_whatever_becomes_of_its_view(pages: Client) -> None:
    make_message(FAILED, destination="ana@example.org"), make_message(FAILED, MessageType.SMS)
    view = CustomView.objects.create(
        name="Mails", for_everyone=True, conditions={"state": "FAILED", "type": "EMAIL"}
    )
    text = pages.get(f"/communications/?view={view.key.hex}").text
    of = unescape(re.search(r'name="of" value="([^"]*)"', text)[1])  # type: ignore[index]
    for change in (CHANGES["other conditions"], CHANGES["deleted"]):
        change(view)
        assert pages.get(URL, {"of": of, "all": "1"}).context["preview"].channels == [(MessageType.EMAIL, 1)]


def test_a_confirmation_is_its_readers_own(pages: Client, client: Client) -> None:
    make_message(FAILED)
    fresh = pages.get(URL, {"all": "1"}).context["fresh"]
    client.force_login(officer(username="other"))
    assert "Resend 1 failed message" in client.post(URL, {"all": "1"} | fresh).text
    assert not Job.objects.exists()


def test_a_log_that_was_closed_meanwhile_is_not_resent(pages: Client, ada: User) -> None:
    make_message(FAILED)
    answer, resent = confirmed_then(pages, ada.groups.clear, {"all": "1"})
    assert (answer.status_code, resent) == (403, [])


def test_what_is_gone_from_the_log_is_said(pages: Client) -> None:
    gone, _ = make_message(FAILED), make_message(FAILED, destination="ana@example.org")
    answer, resent = confirmed_then(pages, gone.delete, {"all": "1"})
    assert resent == ["ana@example.org"]
    assert (
        "1 of the messages that you confirmed are no longer in this log."
        in pages.get(answer["Location"]).text
    )


def test_more_than_fit_into_one_bulk_resend_are_refused_with_their_number(
    pages: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "MOST", 2)
    for _ in range(3):
        make_message(FAILED)
    assert "3 messages match; at most 2 can be resent at once." in pages.get(URL, {"all": "1"}).text


def test_half_a_million_confirmed_messages_fit_into_a_form(ada: User, settings: Any) -> None:
    chance = random.Random(5)
    ids = sorted(chance.sample(range(1, 500_000_000), 500_000))  # one in a thousand of a large log
    signed = Confirmed(
        Asked(LogQuery(bar=(("state", "FAILED"),)), "State: Failed"), ids[-1], ids, [7]
    ).signed(ada)
    assert len(signed) < 0.6 * settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    read = Confirmed.read(signed, ada)
    assert (read.ids, read.doubtful, writing.pairs(read.asked.query)) == (ids, [7], [("state", "FAILED")])
