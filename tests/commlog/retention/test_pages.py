"""The pages of retention and of legal holds, and how a message says that it is held or has lost its text."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from commlog.models import AuditEntry, CustomView, RetentionFile, RetentionPeriod, RetentionRun, User
from commlog.models.retention import Kept
from commlog.retention import holds, periods, runs
from commlog.views import retention
from notifications import outbox, sendable
from notifications.database.clock import db_now
from notifications.forgetting import words
from notifications.models import HeldMessage, LegalHold, Message
from notifications.states import MessageState, MessageType
from tests.factories import admin, make_client, make_group, make_message, make_template, set_up_channels
from tests.forms import seen_at

pytestmark = pytest.mark.django_db

PAGE, HOLDS = "/administration/retention/", "/administration/retention/holds/"


@pytest.fixture
def boss() -> User:
    return admin()


@pytest.fixture
def pages(client: Browser, boss: User) -> Browser:
    client.force_login(boss)
    return client


def test_periods_are_set_on_the_page_and_say_what_they_will_do(
    pages: Browser, boss: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    assert "everything is kept for ever" in pages.get(PAGE).text
    edit = f"{PAGE}edit/"
    for wrong in ("0", "-1", "36501", "x", "1.5", "9" * 5_000):
        said = pages.post(edit, {"messages": wrong} | seen_at(pages, edit)).text
        assert "whole number of days from 1 to 36,500" in said
    said = pages.post(edit, {"messages": "30", "words": "90"} | seen_at(pages, edit)).text
    assert "The text cannot be kept longer than its message. Enter at most 30 days." in said
    make_message(MessageState.SENT, created_at=timezone.now() - timedelta(days=400))
    answer = pages.post(edit, {"messages": "365", "words": "90"} | seen_at(pages, edit), follow=True)
    assert "They delete nothing new within the next 24 hours" in answer.text
    assert "365 days from" in " ".join(answer.text.split())
    assert "is being counted" in answer.text
    assert RetentionPeriod.objects.get(what=Kept.MESSAGES).days_at(db_now()) is None
    count = runs.RetentionRun.objects.get()
    assert runs.claim_long_work(1)
    assert runs.turn(count.pk, 1) == "done"
    template = make_template(name="Payment")
    for of in ("SMS", f"EMAIL:{template.pk}", "WEB_HOOK"):
        pages.post(f"{PAGE}exceptions/new/", {"of": of, "messages": "3000"})
        with django_assert_num_queries(8):
            shown = pages.get(PAGE).text
    assert "Template: Payment" in shown
    assert "Channel: SMS" in shown
    said = pages.post(f"{PAGE}exceptions/new/", {"of": "SMS", "messages": "1"}).text
    assert "It has an exception already" in said
    row = RetentionPeriod.objects.filter(channel="SMS").first()
    assert row
    address = f"{PAGE}exceptions/{row.pk}/"
    assert pages.post(address, {"messages": "4000"} | seen_at(pages, address)).status_code == 302
    assert pages.post(f"{address}end/").status_code == 302
    assert not periods.Policy.at_moment(db_now() + timedelta(days=2)).periods.get(("MESSAGES", ("SMS", None)))
    kinds = {entry.target_label for entry in AuditEntry.objects.filter(target_kind="retention period")}
    assert kinds >= {"Messages", "Messages of SMS", "Messages of Payment"}


def test_a_form_that_was_opened_before_anothers_change_undoes_nothing(pages: Browser, boss: User) -> None:
    seen = seen_at(pages, f"{PAGE}edit/")
    periods.change({Kept.AUDIT: 3650}, by=boss)
    assert pages.post(f"{PAGE}edit/", {"audit": "30"} | seen).status_code == 409


def test_holds_are_placed_and_lifted_with_a_reason(
    pages: Browser, boss: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ana = make_client(client_id="000777")
    message = make_message(MessageState.SENT, client=ana)
    other = make_message(MessageState.SENT)
    view = CustomView.objects.create(name="SMS only", owner=boss, conditions={"type": "SMS"})
    for given, problem in (
        ({"of": "client", "which": "nobody", "reason": "r"}, "No client found"),
        ({"of": "client", "which": "000777", "reason": ""}, "This field is required"),
        ({"of": "client", "which": "000777", "reason": "r", "until": "1 Jan 2001"}, "Enter today or a later"),
        ({"of": "message", "which": "zz\0", "reason": "r"}, "Null characters"),
    ):
        assert problem in pages.post(f"{HOLDS}new/", given).text
    for of, which in (("client", "000777"), ("message", other.key.hex), ("view", view.name)):
        given = {"of": of, "which": which, "reason": "Court order", "until": "31 Dec 2198"}
        assert pages.post(f"{HOLDS}new/", given).status_code == 302
    with django_assert_num_queries(6):
        shown = pages.get(HOLDS).text
    assert "Type: SMS" in shown
    assert set(HeldMessage.objects.values_list("message", flat=True)) == {other.pk}
    for address in (f"/communications/{message.key.hex}/", f"/clients/{ana.key.hex}/"):
        assert "is on legal hold until" in pages.get(address).text
    log = pages.get("/communications/?columns=state,hold&c=on_hold.equals.true").text
    assert log.count('title="On legal hold"') == 2
    hold = LegalHold.objects.get(client=ana)
    assert "was lifted." in pages.post(f"{HOLDS}{hold.key.hex}/lift/", follow=True).text
    assert "had already been lifted" in pages.post(f"{HOLDS}{hold.key.hex}/lift/", follow=True).text
    assert "is on legal hold" not in pages.get(f"/communications/{message.key.hex}/").text
    done = AuditEntry.objects.filter(target_kind="legal hold").order_by("pk").values_list("action", flat=True)
    assert list(done) == ["CREATED", "CREATED", "CREATED", "DELETED"]


def test_a_hold_that_is_placed_twice_is_one(boss: User) -> None:
    view = CustomView.objects.create(name="SMS", owner=boss, criteria=[["type", "EQUALS", ["SMS"]]])
    for what in (make_client(), make_group(), make_message(), view):
        one, other = (holds.place(what, reason="Court", until=None, by=boss) for _ in range(2))
        assert one == other
        assert holds.place(what, reason="Auditor", until=None, by=boss) != one
        holds.lift(one, by=boss)
        assert holds.place(what, reason="Court", until=None, by=boss) != one


def test_a_night_that_wrote_many_files_names_the_first_and_counts_them(pages: Browser) -> None:
    now = timezone.now()
    for number in (22, 2):
        run = RetentionRun.objects.create(as_of=now, finished_at=now)
        for each in range(number):
            RetentionFile.objects.create(
                run=run, name=f"words-{each}-of-{number}", what=Kept.WORDS, rows=1, size=1
            )
    shown = pages.get(PAGE).text
    assert (shown.count("-of-22<"), shown.count("-of-2<")) == (20, 2)
    assert shown.count("files in total") == shown.count("22 files in total") == 1


def test_a_hold_that_can_be_lifted_is_listed_however_many_were_lifted_since(
    pages: Browser, boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MOST_HOLDS", 1)
    early, late = (
        holds.place(make_client(), reason=each, until=None, by=boss) for each in ("Court", "Auditor")
    )
    holds.lift(late, by=boss)
    shown = pages.get(HOLDS).text
    assert f"{HOLDS}{early.key.hex}/lift/" in shown
    assert "Auditor" not in shown


def test_a_message_without_its_text_says_so_and_is_not_resent(
    pages: Browser, boss: User, settings: Any
) -> None:
    set_up_channels(settings)
    failed = make_message(MessageState.FAILED, attempt_count=3)
    sms = make_message(MessageState.FAILED, type=MessageType.SMS)
    words.empty([failed.pk, sms.pk], timezone.now())
    failed.refresh_from_db()

    page = pages.get(f"/communications/{failed.key.hex}/").text
    assert "The text of this message was deleted" in page
    assert "The records of 3 attempts were deleted" in page
    assert "Edit and resend" not in page
    assert "Text deleted" in pages.get("/communications/").text
    with pytest.raises(outbox.Unsendable, match="its text was deleted"):
        outbox.resend(failed, by=boss)
    assert outbox.resend_many([failed.pk, sms.pk], by=boss).created == 0
    assert sendable.words(failed, sendable.refusal_of(failed)) == sendable.TEXT_DELETED  # type: ignore[arg-type]
    assert pages.get(f"/communications/{failed.key.hex}/anew/").status_code in (302, 403, 404)
    found = Message.objects.filter(words_gone_at__isnull=False)
    assert found.count() == 2
    assert pages.get("/communications/?c=text_deleted.equals.true").text.count(' data-row="') == 2
