"""*Correct the address*: who is offered it, what it writes and sends, and what else failed at the old one."""

from typing import Any

import pytest
from django.test import Client

from commlog.message.correction import correction_of
from commlog.message.detail import read
from commlog.models import AuditEntry, User
from notifications.models import Client as BankClient
from notifications.models import Message
from notifications.states import MessageState, MessageType, ReceiptStatus
from tests.factories import admin, make_client, make_message, make_resend, officer, viewer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mail_is_on")]


@pytest.fixture
def ana() -> BankClient:
    return make_client(client_id="000123", email="ana@old.org")


@pytest.fixture
def failed(ana: BankClient) -> Message:
    return _failed(ana)


def _failed(ana: BankClient, **fields: Any) -> Message:
    given: dict[str, Any] = {"destination": "ana@old.org", "failure_cause": "550 5.1.1 no such user"}
    return make_message(MessageState.FAILED, client=ana, recipient_name="Ana Silva", **given | fields)


def _correct(pages: Client, message: Message, address: str, **changed: str) -> Any:
    given = _form(pages, message) | {"address": address} | changed
    return pages.post(f"/communications/{message.key.hex}/correct/", given)


def _form(pages: Client, message: Message) -> dict[str, str]:
    shown = pages.get(f"/communications/{message.key.hex}/").context
    form = shown["correction"].form
    return {"seen": form["seen"].value(), "expected_last": shown["offer"].last.hex}


def test_the_address_is_written_to_the_client_and_the_message_sent_there(
    pages: Client, failed: Message, ana: BankClient, ada: User
) -> None:
    answer = _correct(pages, failed, "ana@new.org")

    assert (answer.status_code, answer["Location"]) == (302, f"/communications/{failed.key.hex}/")
    new = Message.objects.get(resend_of=failed)
    assert (new.destination, new.content, new.sender) == ("ana@new.org", failed.content, "Mambu")
    assert new.resent_by_user == ada
    ana.refresh_from_db()
    assert ana.email == "ana@new.org"
    failed.refresh_from_db()
    assert failed.destination == "ana@old.org"
    entries = [(entry.action, entry.before, entry.after) for entry in AuditEntry.objects.order_by("pk")]
    assert entries[-2:] == [
        ("CHANGED", {"email": "ana@old.org"}, {"email": "ana@new.org"}),
        ("RESENT", None, {"failed message": failed.key.hex, "to": "ana@new.org"}),
    ]


def test_twice_is_once(pages: Client, failed: Message) -> None:
    given = _form(pages, failed) | {"address": "ana@new.org"}
    for _ in range(2):
        assert pages.post(f"/communications/{failed.key.hex}/correct/", given).status_code == 302

    assert Message.objects.filter(resend_of=failed).count() == 1


def test_what_somebody_else_has_corrected_meanwhile_is_not_undone(
    pages: Client, failed: Message, ana: BankClient
) -> None:
    given = _form(pages, failed) | {"address": "ana@mine.org"}
    BankClient.objects.update(email="ana@theirs.org")

    answer = pages.post(f"/communications/{failed.key.hex}/correct/", given)

    assert answer.status_code == 409
    assert "ana@theirs.org" in answer.content.decode()
    ana.refresh_from_db()
    assert ana.email == "ana@theirs.org"
    assert Message.objects.count() == 1


@pytest.mark.parametrize("address", ["", "nobody", "a@b@c", "x" * 300 + "@example.org", "a\0@example.org"])
def test_what_is_no_address_changes_nothing(
    pages: Client, failed: Message, ana: BankClient, address: str
) -> None:
    answer = _correct(pages, failed, address)

    assert answer.status_code == 200
    assert "field-error" in answer.content.decode()
    ana.refresh_from_db()
    assert ana.email == "ana@old.org"
    assert Message.objects.count() == 1


def test_what_else_failed_at_the_old_address_is_offered_and_sent_to_the_new_one(
    pages: Client, failed: Message, ana: BankClient
) -> None:
    others = [_failed(ana, subject=f"Other {number}") for number in range(2)]
    arrived = _failed(ana, subject="Arrived since")
    make_resend(arrived, MessageState.SENT)
    elsewhere = _failed(ana, destination="ana@elsewhere.org")
    nobodys = make_message(MessageState.FAILED, destination="ana@old.org")
    before = pages.get(f"/communications/{failed.key.hex}/").content.decode()
    assert "did not arrive since" not in before

    _correct(pages, failed, "ana@new.org")
    page = pages.get(f"/communications/{failed.key.hex}/").content.decode()
    assert "2 more messages failed" in page
    keys = [each.key.hex for each in (*others, arrived, elsewhere, nobodys)]
    pages.post(f"/communications/{failed.key.hex}/correct/others/", {"other": [*keys, "nonsense"]})

    assert sorted(Message.objects.filter(destination="ana@new.org").values_list("resend_of", flat=True)) == [
        failed.pk,
        *(other.pk for other in others),
    ]
    assert "did not arrive since" not in pages.get(f"/communications/{failed.key.hex}/").content.decode()


def test_a_number_is_kept_in_its_one_spelling(pages: Client, settings: Any) -> None:
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_FROM = "AC1", "t", "+15005550006"
    ana = make_client(mobile_phone="+4917012345678")
    failed = make_message(MessageState.FAILED, MessageType.SMS, client=ana)

    _correct(pages, failed, "+46 70 000 00 03")

    assert Message.objects.get(resend_of=failed).destination == "+46700000003"
    ana.refresh_from_db()
    assert ana.mobile_phone == "+46700000003"


def test_what_was_sent_and_reported_as_lost_is_corrected_too(pages: Client, ana: BankClient) -> None:
    lost = make_message(
        MessageState.SENT, client=ana, destination="ana@old.org", receipt_status=ReceiptStatus.UNDELIVERED
    )
    Message.objects.update(receipt_at=lost.created_at)

    _correct(pages, lost, "ana@new.org")

    assert Message.objects.get(resend_of=lost).destination == "ana@new.org"


def test_to_whom_it_is_offered_and_when_first(failed: Message, ana: BankClient) -> None:
    def offered(message: Message, person: User) -> Any:
        return correction_of(read(message), by=person)

    ada = officer()
    assert offered(failed, ada).first
    assert offered(failed, admin()) is not None
    assert offered(failed, viewer()) is None
    assert not offered(_failed(ana, failure_cause="421 4.3.2 try later"), ada).first
    assert offered(make_message(MessageState.FAILED), ada) is None  # of nobody
    assert offered(make_message(MessageState.SENT, client=ana), ada) is None
    assert offered(make_message(MessageState.FAILED, MessageType.WEB_HOOK, client=ana), ada) is None
    make_resend(failed, MessageState.SENT)
    assert offered(failed, ada) is None


@pytest.mark.parametrize("path", ["correct/", "correct/others/"])
def test_who_may_not_edit_clients_changes_nothing(failed: Message, ana: BankClient, path: str) -> None:
    browser = Client()
    browser.force_login(viewer())

    answer = browser.post(f"/communications/{failed.key.hex}/{path}", {"address": "ana@new.org"})

    assert answer.status_code == 403
    ana.refresh_from_db()
    assert ana.email == "ana@old.org"
