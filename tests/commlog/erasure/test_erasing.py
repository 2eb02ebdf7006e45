"""Erasing on the page and by program: whom it is refused for, who approves it, what it says, what stays."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client as Browser
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from commlog import audit
from commlog.audit import AuditAction
from commlog.erasure import requesting, runs, steps, turns
from commlog.erasure.spellings import Spellings
from commlog.models import ApiAnswer, AuditEntry, CustomView, Erasure, Job, RetentionRun, User
from commlog.retention import holds
from commlog.retention import runs as retention
from notifications import outbox, sendable
from notifications.models import Client, Group, Message
from notifications.secrets.sealed import seal
from notifications.states import MessageState, MessageType
from tests.factories import admin, make_client, make_group, make_job, make_key, make_message

pytestmark = pytest.mark.django_db

LIST = "/administration/erasures/"
NEW = f"{LIST}new/"


@pytest.fixture
def boss() -> User:
    return admin(email="boss@bank.example")


@pytest.fixture
def pages(client: Browser, boss: User) -> Browser:
    client.force_login(boss)
    return client


def done(erasure: Erasure) -> Erasure:
    """Let workers do it."""
    claimed = runs.claim_long_work(1)
    assert claimed
    assert runs.turn(*claimed[1], seconds=60) == "done"
    erasure.refresh_from_db()
    return erasure


def mine(person: Client, **fields: Any) -> Message:
    about = {"client": person, "recipient_name": person.name, "destination": person.email}
    return make_message(MessageState.FAILED, **about | fields)


def keep_answer(by: User, number: int, said: dict[str, str]) -> None:
    """Keep an answer for a repeated call."""
    now = timezone.now()
    ApiAnswer.objects.create(
        user=by, key=str(number), fingerprint="f", lease_until=now, expires_at=now + timedelta(hours=1),
        status=200, body=seal(json.dumps(said)),
    )  # fmt: skip


def test_who_is_asked_for_is_previewed_erased_and_certified(
    pages: Browser, boss: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ana = make_client(first_names="Ana", last_name="Gonebyname", email="ana@gone.example")
    failed, kept = mine(ana), mine(ana, content="Kept")
    audit.record(boss, AuditAction.CHANGED, ana, after={"name": ana.name})
    hold = holds.place(kept, reason="Court", until=None, by=boss)
    for of, which, said in (
        ("client", "nobody", "No client found"),
        ("address", "x", "Enter an e-mail address, or a number with its country code."),
        ("address", ana.email.upper(), "It is on file for a client. Erase that client."),
        ("address", boss.email, "It is on file for a user."),
    ):
        assert said in pages.post(NEW, {"of": of, "which": which, "erase": "1"}).text
    asked = {"of": "client", "which": ana.client_id}
    shown = " ".join(pages.post(NEW, asked).text.split())
    assert "What will be erased: <bdi>Ana Gonebyname</bdi>" in shown
    assert "<dt>Messages</dt><dd>2</dd>" in shown
    assert "<dt>Messages on legal hold</dt><dd>1: not erased</dd>" in shown
    assert not Erasure.objects.exists()
    assert pages.post(NEW, asked | {"erase": "1"}).status_code == 302
    erasure = done(Erasure.objects.get())
    for number in (1, 3):
        Erasure.objects.create(
            kind="NUMBER", state="AWAITING_APPROVAL", asked_by_name="o", pseudonym=f"Erased person {number}"
        )
        with django_assert_num_queries(6):
            assert erasure.pseudonym in pages.get(LIST).text
    said = pages.get(f"{LIST}{erasure.key.hex}/").text
    assert "Certificate of erasure" in said
    assert hold.key.hex in said
    assert 'Messages to the person: on legal hold</th><td class="slim">1</td>' in said
    assert "Gonebyname" not in said
    assert erasure.counts["audit"] > 0
    assert "Audit trail entries: what they said" in said
    failed.refresh_from_db()
    kept.refresh_from_db()
    assert (kept.content, kept.recipient_name) == ("Kept", "Ana Gonebyname")
    assert (failed.state, failed.content, failed.destination) == ("FAILED", "", "")
    assert sendable.refusal_of(failed)
    with pytest.raises(outbox.NotResendable, match="somebody who was erased"):
        outbox.resend(failed, by=boss, again=True)
    assert "was erased" in pages.get(f"/communications/{failed.key.hex}/").text
    assert erasure.pseudonym in pages.get(f"/clients/{ana.key.hex}/").text
    assert pages.get(f"/clients/{ana.key.hex}/edit/").status_code == 404
    assert 'class="muted">client erased</span>' in pages.get("/administration/audit/?action=CHANGED").text
    trail = {entry.target_label for entry in AuditEntry.objects.filter(action="ERASED")}
    assert trail == {erasure.pseudonym}
    assert (
        '<span class="muted">Commlog (automatic)</span>'
        in pages.get("/administration/audit/?action=ERASED").text
    )
    with pytest.raises(requesting.Refused):
        requesting.ask(Client.objects.get(pk=ana.pk), by=boss)


def test_what_is_on_hold_as_a_whole_is_refused_also_when_the_hold_came_later(
    pages: Browser, boss: User, remembered: Path
) -> None:
    early, late = make_client(), make_client()
    text = mine(late).content
    holds.place(early, reason="Court", until=None, by=boss)
    said = pages.post(NEW, {"of": "client", "which": early.key.hex, "erase": "1"}).text
    assert "Everything about this person is on legal hold" in said
    erasure = requesting.ask(late, by=boss)
    holds.place(late, reason="Court", until=None, by=boss)
    claimed = runs.claim_long_work(1)
    assert claimed
    assert runs.turn(*claimed[1]) == "refused: on legal hold"
    erasure.refresh_from_db()
    assert (erasure.sought, Message.objects.get().content) == ("", text)
    assert not remembered.exists()  # else it would be done after a restore


def test_who_is_on_hold_after_a_restore_is_erased_again_once_the_hold_is_over(
    boss: User, remembered: Path
) -> None:
    ana = make_client()
    about = {name: getattr(ana, name) for name in ("first_names", "last_name", "erased_at")}
    done(requesting.ask(ana, by=boss))
    Erasure.objects.all().delete()
    Client.objects.filter(pk=ana.pk).update(**about)
    hold = holds.place(ana, reason="Court", until=None, by=boss)
    for _ in range(2):
        with pytest.raises(CommandError, match="Not everybody is erased yet"):
            call_command("erase", "replay")
        assert Erasure.objects.get().state == "REFUSED"
    holds.lift(hold, by=boss)
    call_command("erase", "replay")
    assert Client.objects.get().name == Erasure.objects.get(state="DONE").pseudonym


def test_a_large_erasure_waits_for_a_second_person(pages: Browser, boss: User, settings: Any) -> None:
    settings.ERASURE_APPROVAL_THRESHOLD = 1
    ana = make_client()
    mine(ana)
    assert requesting.preview(ana).messages == 1
    mine(ana)
    erasure = requesting.ask(ana, by=boss)
    assert erasure.state == "AWAITING_APPROVAL"
    assert runs.claim_long_work(1) is None
    address = f"{LIST}{erasure.key.hex}/"
    assert pages.post(f"{address}approve/").status_code == 403
    other = Browser()
    other.force_login(admin(username="second", email="second@example.org"))
    assert "Approve and erase" in other.get(address).text
    assert other.post(f"{address}approve/").status_code == 302
    open_page = {"Commlog-Seen": "erasure=0"}
    assert "Under way" in pages.get(address, headers=open_page).text
    assert other.post(f"{address}reject/", follow=True).text.count("has changed in the meantime")
    assert done(erasure).decided_by_name
    assert "Certificate of erasure" in pages.get(address, headers=open_page).text


@pytest.mark.parametrize("person", [make_client, make_group, admin])
def test_an_address_that_somebody_has_since_stays_theirs(
    person: Callable[..., Any], boss: User, settings: Any, remembered: Path
) -> None:
    settings.ERASURE_APPROVAL_THRESHOLD = 1
    for _ in range(2):
        make_message(MessageState.SENT, destination="lost@nobody.example", content="Lost")
    erasure = requesting.ask("lost@nobody.example", by=boss)
    owner = person(email="Lost@nobody.example")
    assert requesting.approve(erasure, by=admin(username="second", email="second@bank.example"))
    claimed = runs.claim_long_work(1)
    assert claimed
    assert runs.turn(*claimed[1]) == "refused: on file for somebody since"
    owner.refresh_from_db()
    erasure.refresh_from_db()
    assert (owner.email, erasure.sought, erasure.is_open) == ("Lost@nobody.example", "", False)
    assert not Message.objects.exclude(content="Lost").exists()
    assert not remembered.exists()


def test_what_a_hold_kept_can_be_erased_once_it_is_over(pages: Browser, boss: User) -> None:
    ana = make_client(first_names="Ana", last_name="Gonebyname")
    kept, gone = mine(ana, content="Dear Ana Gonebyname"), mine(ana)
    hold = holds.place(kept, reason="Court", until=None, by=boss)
    first, address = done(requesting.ask(ana, by=boss)), f"/clients/{ana.key.hex}/"
    assert first.kept["messages"] == 1
    holds.lift(hold, by=boss)
    assert "Erase…" in pages.get(address).text
    ana.refresh_from_db()
    second = done(requesting.ask(ana, by=boss))
    for row in (kept, gone, ana):
        row.refresh_from_db()
    said = [(each.content, each.destination, each.recipient_name) for each in (kept, gone)]
    assert said == [("", "", second.pseudonym)] * 2
    assert (ana.name, second.kept) == (second.pseudonym, {})
    assert "Erase…" not in pages.get(address).text
    assert first.pseudonym in pages.get(f"{LIST}{first.key.hex}/").text
    with pytest.raises(requesting.Refused, match="already been erased"):
        requesting.ask(ana, by=boss)


def test_what_somebody_else_has_too_stays_theirs(boss: User) -> None:
    shared = {"first_names": "John", "last_name": "Smith", "email": "both@home.example", "mobile_phone": ""}
    one, other = make_client(**shared), make_client(**shared)
    theirs = mine(other, content="Dear John Smith")
    mine(one, content="Dear John Smith")
    erasure = done(requesting.ask(one, by=boss))
    assert erasure.kept["shared"] == 2
    theirs.refresh_from_db()
    assert (theirs.content, theirs.destination, theirs.erased_at) == (
        "Dear John Smith", "both@home.example", None,
    )  # fmt: skip


def test_a_group_an_address_and_a_number_are_erased_alike_and_again_after_a_restore(
    boss: User, remembered: Path
) -> None:
    group = make_group(name="Tomato growers", email="tomatoes@farm.example")
    make_message(MessageState.SENT, group=group, recipient_name=group.name, destination=group.email)
    lost, number = "lost@nobody.example", "+447700900123"
    make_message(MessageState.SENT, destination=lost.upper(), content="Lost")
    make_message(MessageState.FAILED, MessageType.SMS, destination=number, content="Lost")
    CustomView.objects.create(name=f"To {lost}", criteria=[["destination", "EQUALS", [lost]]])
    before = list(Message.objects.order_by("pk").values())
    for what in (group, lost, number):
        done(requesting.ask(what, by=boss))
    assert not Message.objects.exclude(content="").exists()
    assert lost not in str(list(CustomView.objects.values("name", "criteria")))
    assert len(list(remembered.iterdir())) == 3
    Erasure.objects.all().delete()
    for row in before:
        Message.objects.filter(pk=row["id"]).update(**row)
    Group.objects.filter(pk=group.pk).update(name="Tomato growers", erased_at=None)
    call_command("erase", "replay")
    assert not Message.objects.exclude(content="").exists()
    assert Group.objects.get().name.startswith("Erased person")
    assert set(Erasure.objects.values_list("state", "replayed")) == {("DONE", True)}
    (remembered / "x.json").write_text("{")
    with pytest.raises(CommandError, match="no file of the list"):
        call_command("erase", "replay")


def test_a_program_erases_by_key_and_reads_the_certificate(client: Browser) -> None:
    ana, key = make_client(), make_key()
    address = f"/api/clients/{ana.key.hex}/anonymize"
    assert client.post(address, headers={"apiKey": make_key(role="Viewer")}).status_code == 403
    begun = client.post(address, headers={"apiKey": key})
    assert begun.status_code == 202
    assert client.post(address, headers={"apiKey": key}).json() == begun.json()
    done(Erasure.objects.get())
    where = f"/api/anonymizations/{begun.json()['encodedKey']}"
    found = client.get(where, headers={"apiKey": key}).json()
    assert (found["state"], found["counts"]["records"]) == ("DONE", 1)
    assert client.post(address, headers={"apiKey": key}).status_code == 400
    assert client.get(f"{where[:-1]}x", headers={"apiKey": key}).status_code == 404


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Dear Zoë Kanarienvogel,", "Dear X,"),
        ("KANARIENVOGEL,  Zoe\u0308!", "X!"),
        ("Kanarienvogels Zoo", "Kanarienvogels Zoo"),
        ("Zoe.Kanarienvogel@CAGE.example>", "X>"),
        ("azoe.kanarienvogel@cage.example", "azoe.kanarienvogel@cage.example"),
        ("to=zoe.kanarienvogel%40cage.example", "to=X"),
        ("call 07700 900 945 now", "call X now"),
        ("+44 (0) 7700-900945", "X"),
        ("0044770090094512", "0044770090094512"),
    ],
)
def test_every_spelling_is_found_and_nothing_else(text: str, left: str) -> None:
    sought = Spellings(["Zoë Kanarienvogel"], ["zoe.kanarienvogel@cage.example"], ["+447700900945"])
    assert sought.replaced({"a": [text, 1]}, "X") == {"a": [left, 1]}
    assert sought.stands_in([text]) == (text != left)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('{"to":"Dear,\\nJos\\u00e9 N\\u00fa\\u00f1ez!"}', '{"to":"Dear,\\nX!"}'),
        ("Dear%20Jos%C3%A9%20N%C3%BA%C3%B1ez%21", "Dear%20X%21"),
        ("N&uacute;&#241;ez,&nbsp;Jose\u0301&#x301;<br>", "X<br>"),
        ("尊敬的José Núñez先生", "尊敬的X先生"),
        ("尊敬的王小明先生", "尊敬的X先生"),
        ("小明 王", "X"),
        ('"\\u5c0a\\u738b\\u5c0f\\u660e\\u5148"', '"\\u5c0aX\\u5148"'),
        ("王小姐", "王小姐"),
        ("김철수님께", "X님께"),
        ("김\u1112\u1161철수", "김\u1112\u1161철수"),
        ("\u1100\u1175\u11b7\u110e\u1165\u11af\u1109\u116e께", "X께"),
        ("か\u3099ぎ\u3000ぐけ\u3099様", "X様"),
        ("请联系jose@cage.example。", "请联系X。"),
        ("请联系jose@cage.example吧", "请联系X吧"),
        ("joséjose@cage.example", "joséjose@cage.example"),
        ("100% &amp; \\users %zz &copy", "100% &amp; \\users %zz &copy"),
    ],
)
def test_escapes_and_scripts_without_spaces_hide_nobody(text: str, left: str) -> None:
    names = ["José Núñez", "小明 王", "김철수", "がぎ ぐげ"]
    sought = Spellings(names, ["jose@cage.example"], [])
    assert sought.replaced(text, "X") == left
    assert sought.stands_in(text) == (text != left)
    assert not sought.stands_in(left)


def test_workers_that_are_killed_after_each_batch_end_it_alike(boss: User, monkeypatch: Any) -> None:
    monkeypatch.setattr(turns, "BATCH", 2)
    monkeypatch.setattr(steps, "BATCH", 2)
    ana = make_client(first_names="Ana", last_name="Gonebyname")
    about = [mine(ana, content=f"{number}") for number in range(5)]
    holds.place(about[1], reason="Court", until=None, by=boss)
    make_message(MessageState.FAILED, destination="officer@bank.example", content="Call Ana Gonebyname")
    for number in range(7):
        keep_answer(boss, number, {"encodedKey": about[0].key.hex if number == 6 else uuid4().hex})
    erasure, ended, number = requesting.ask(ana, by=boss), "to be continued", 0
    while ended == "to be continued" and number < 100:
        claimed = runs.claim_long_work(1)
        assert claimed
        number += 1
        ended = runs.turn(*claimed[1], seconds=-1)
    assert (ended, number > len(steps.STEPS)) == ("done", True)
    erasure.refresh_from_db()
    assert erasure.counts["messages"] == 4
    assert erasure.counts["in messages"] == 1
    assert erasure.counts["answers"] == 1
    assert erasure.kept["messages"] == 1
    left = Message.objects.exclude(content="").values_list("content", flat=True)
    assert sorted(left) == ["1", f"Call {erasure.pseudonym}"]


def test_erasures_leave_a_worker_for_sending_and_take_turns_with_jobs(boss: User) -> None:
    one, other = (requesting.ask(make_client(), by=boss) for _ in range(2))
    claimed = runs.claim_long_work(1)
    assert claimed
    assert claimed[1][0] == one.pk
    make_job(boss)
    assert runs.claim_long_work(1) is None
    assert runs.turn(*claimed[1], seconds=-1) == "to be continued"
    claimed = runs.claim_long_work(1)
    assert claimed
    assert claimed[1][0] == other.pk  # it has waited longest
    assert runs.turn(*claimed[1], seconds=-1) == "to be continued"
    claimed = runs.claim_long_work(1)
    assert claimed
    assert claimed[0] == "commlog.jobs.run"
    assert runs.claim_long_work(1) is None
    Job.objects.update(lease_until=None, due_at=timezone.now())
    claimed = runs.claim_long_work(1)
    assert claimed
    assert claimed[1][0] == one.pk
    Erasure.objects.update(lease_until=timezone.now())
    Job.objects.update(state="DONE", due_at=None, lease_until=None, finished_at=timezone.now())
    run = retention.open_run(timezone.now())
    assert run
    RetentionRun.objects.update(lease_until=timezone.now() + timedelta(seconds=20))
    assert runs.claim_long_work(1) is None
    RetentionRun.objects.update(waits="messages are waiting to be sent")
    assert runs.claim_long_work(1)


def test_an_error_is_told_without_what_it_was_about(
    boss: User, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: Any) -> None:
        raise ValueError("Ana Gonebyname")

    monkeypatch.setattr(steps, "STEPS", {"begin": fails})
    erasure = requesting.ask(make_client(), by=boss)
    claimed = runs.claim_long_work(1)
    assert claimed
    assert runs.turn(*claimed[1]) == "failed: ValueError"
    erasure.refresh_from_db()
    assert erasure.waits == "an unexpected error occurred (ValueError)"
    assert "Gonebyname" not in caplog.text
