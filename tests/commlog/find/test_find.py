"""The find box: what it finds for whom, without reading the log, and what it answers to nonsense."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from commlog.find import messages
from commlog.models import CustomView, MenuItem, User
from notifications.models import Message
from notifications.states import MessageState, MessageType
from tests.factories import (
    admin,
    make_client,
    make_group,
    make_message,
    make_resend,
    make_template,
    officer,
    outsider,
    viewer,
)

pytestmark = pytest.mark.django_db


def found(browser: Client, text: str) -> str:
    """The list for the box."""
    answer = browser.get("/find/", {"q": text}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return answer.content.decode()


def as_(person: User) -> Client:
    browser = Client()
    browser.force_login(person)
    return browser


def test_a_number_as_people_say_it_leads_to_the_person_and_to_what_failed(pages: Client) -> None:
    ana = make_client(client_id="000123", mobile_phone="+46700000003")
    failed = make_message(MessageState.FAILED, MessageType.SMS, client=ana, recipient_name="Ana Silva")
    other = make_message(MessageState.FAILED, MessageType.SMS)

    text = found(pages, "0700 00 00 03")

    assert f"/clients/{ana.key.hex}/" in text
    assert f"/communications/{failed.key.hex}/" in text
    assert "Failed, to Ana Silva" in text
    assert other.key.hex not in text
    assert "Search the whole log" in text


def test_what_has_arrived_since_is_no_failure(pages: Client) -> None:
    ana = make_client(client_id="000123")
    failed = make_message(MessageState.FAILED, client=ana, subject="Old", destination="x@y.org")
    make_resend(failed, MessageState.SENT)

    assert "Failed, to" not in found(pages, "000123")


@pytest.mark.parametrize(
    ("text", "kind"), [("Silva Ana", "clients"), ("sparkasse", "groups"), ("ada", "users")]
)
def test_people_of_every_kind(pages: Client, text: str, kind: str) -> None:
    make_client()
    make_group(name="Sparkasse")

    assert f'href="/{kind}/' in found(pages, text)


def test_a_key_leads_to_what_it_is_the_key_of(ada: User) -> None:
    ana, message = make_client(), make_message(loan_account_key=(account := uuid4()))
    template = make_template()
    browser = as_(admin())

    assert f"/communications/{message.key.hex}/" in found(browser, message.key.hex)
    assert f"/clients/{ana.key.hex}/" in found(browser, str(ana.key))
    assert f"/accounts/{account.hex}/communications/" in found(browser, account.hex)
    assert f"/administration/templates/{template.key.hex}/" in found(browser, template.key.hex)


def test_enter_opens_the_only_thing_that_was_found(pages: Client) -> None:
    message = make_message()

    assert pages.get("/find/", {"q": message.key.hex}).url == f"/communications/{message.key.hex}/"  # type: ignore[attr-defined]
    page = pages.get("/find/", {"q": "nothing of the kind"})
    assert page.status_code == 200
    assert "Nothing found" in page.content.decode()


def test_subjects_views_templates_and_pages(ada: User) -> None:
    message = make_message(subject="Rate change of May")
    CustomView.objects.create(name="Rate changes", for_everyone=True)
    make_template(name="Rate table")

    text = found(as_(admin()), "rate")

    assert message.key.hex in text
    assert "?view=" in text
    assert "Rate table" in text
    assert "Administration: Audit trail" in found(as_(admin(username="second")), "audit")


def test_only_the_latest_messages_are_looked_through(pages: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "LATEST", 1)
    old = make_message(subject="Old news")
    new = make_message(subject="New news")

    text = found(pages, "news")

    assert new.key.hex in text
    assert old.key.hex not in text


def test_each_finds_what_each_may_read() -> None:
    ana = make_client(client_id="000123", last_name="Silva")
    message = make_message(MessageState.FAILED, client=ana, recipient_name="Ana Silva", subject="Silva")
    private = CustomView.objects.create(name="Silva", owner=officer(username="other"))
    make_template(name="Silva")
    hidden = (message.key.hex, ana.key.hex, private.key.hex, "/administration/")

    assert all(
        each not in found(as_(outsider()), text) for text in ("Silva", message.key.hex) for each in hidden
    )
    for person in (viewer(), officer()):
        text = found(as_(person), "Silva")
        assert message.key.hex in text
        assert private.key.hex not in text
        assert "/administration/" not in text


def test_who_may_not_open_the_log_finds_no_message_of_it() -> None:
    person = viewer()
    ana = make_client(last_name="Silva")
    hers = make_message(MessageState.FAILED, client=ana, subject="Silva")
    nobodys = make_message(subject="Silva")
    assert nobodys.key.hex in found(as_(person), "Silva")
    MenuItem.objects.filter(type="COMMUNICATIONS").delete()

    text = found(as_(person), "Silva")

    assert hers.key.hex in text  # on the tab of the client
    assert nobodys.key.hex not in text
    assert "whole log" not in text
    MenuItem.objects.filter(type="CLIENTS").delete()
    assert hers.key.hex not in found(as_(person), "Silva")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\0",
        "a",
        "%",
        "_" * 200,
        "x" * 201,
        "'; DROP TABLE",
        "\u202e\u200b",
        "👍",
        "0" * 32,
        "<script>",
    ],
)
def test_nonsense_finds_nothing_and_breaks_nothing(pages: Client, text: str) -> None:
    make_message(recipient_name="Ana Silva")

    assert "<script>" not in found(pages, text)
    assert pages.get("/find/", {"q": text}).status_code == 200
    assert pages.get("/find/").status_code == 200
    assert pages.get("/find/?q=a&q=b").status_code == 200


# Of one person alone what failed is looked for, too. PostgreSQL sets its limit of time in further statements.
@pytest.mark.parametrize(("number", "queries"), [(1, 14), (3, 13)])
def test_queries(pages: Client, number: int, queries: int) -> None:
    for _ in range(number):
        make_message(MessageState.FAILED, client=make_client(last_name="Krause"), recipient_name="Ana Krause")
    assert Message.objects.count() == number

    with CaptureQueriesContext(connection) as asked:
        found(pages, "Krause")

    assert sum(each["sql"].startswith("SELECT") for each in asked) == queries
