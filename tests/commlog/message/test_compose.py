"""Writing to somebody by hand: write, look, send once."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client

from commlog.models import AuditEntry, User
from notifications.models import Message
from notifications.states import MessageState, MessageType, Outcome, ReceiptStatus
from tests.factories import (
    make_client,
    make_group,
    make_message,
    make_resend,
    make_user,
    officer,
    outsider,
    viewer,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _channels(settings: Any) -> None:
    settings.EMAIL_HOST = "localhost"
    settings.TWILIO_ACCOUNT_SID = settings.TWILIO_AUTH_TOKEN = "x"
    settings.TWILIO_FROM = "+4917000000"


def _mail(**changed: str) -> dict[str, str]:
    return {"key": uuid4().hex, "subject": "Your loan", "body": "Dear Ana", "do": "send"} | changed


def _sms(**changed: str) -> dict[str, str]:
    return {"key": uuid4().hex, "body": "Dear Ana", "do": "send"} | changed


def test_write_look_and_send(pages: Client) -> None:
    ana = make_client()
    path = f"/clients/{ana.key.hex}/send/email/"
    first = pages.get(path)
    assert "ana@example.org" in first.text
    (key,) = re.findall(r'name="key" value="([^"]+)"', first.text)
    look = pages.post(path, _mail(key=key, do="preview"))
    assert "Check and send" in look.text
    assert "Dear Ana" in look.text
    assert Message.objects.count() == 0
    again = pages.post(path, _mail(key=key, do="change"))
    assert ">\nDear Ana</textarea>" in again.text
    sent = pages.post(path, _mail(key=key))
    assert sent["Location"] == f"/clients/{ana.key.hex}/communications/"
    message = Message.objects.get()
    assert (message.type, message.state, message.destination) == (
        "EMAIL",
        MessageState.QUEUED,
        "ana@example.org",
    )
    assert (message.subject, message.content, message.event) == ("Your loan", "Dear Ana", "MANUAL")
    assert (message.sender, message.recipient_name, message.client) == ("Ada Officer", "Ana Silva", ana)
    tab = pages.get(sent["Location"])
    assert [row.message for row in tab.context["log"].rows] == [message]
    assert "E-mail to ana@example.org is on its way." in tab.text
    entry = AuditEntry.objects.get(action="SENT")
    assert (entry.actor_name, entry.target_key, entry.after["to"]) == (
        "Ada Officer",
        message.key.hex,
        "ana@example.org",
    )


def test_an_sms_to_a_group_and_to_a_user(pages: Client) -> None:
    group, user = make_group(mobile_phone="+4917011111111"), make_user(mobile_phone="+4917022222222")
    look = pages.post(f"/groups/{group.key.hex}/send/sms/", _sms(do="preview", body="ы" * 71))
    assert "71 characters, sent as 2 parts." in look.text
    pages.post(f"/groups/{group.key.hex}/send/sms/", _sms())
    pages.post(f"/users/{user.key.hex}/send/sms/", _sms())
    to_group, to_user = Message.objects.order_by("pk")
    assert (to_group.group, to_group.destination, to_group.subject) == (group, "+4917011111111", "")
    assert (to_user.user, to_user.destination, to_user.sender) == (user, "+4917022222222", "Ada Officer")


def test_sent_twice_it_is_one_message(pages: Client) -> None:
    path, form = f"/clients/{make_client().key.hex}/send/email/", _mail()
    pages.post(path, form)
    assert (
        "It was already sent; one message is on its way."
        in pages.get(pages.post(path, form)["Location"]).text
    )
    changed = pages.post(path, form | {"body": "another text"})
    assert "The second text was not sent" in pages.get(changed["Location"]).text
    assert Message.objects.get().content == "Dear Ana"
    assert AuditEntry.objects.filter(action="SENT").count() == 1


@pytest.mark.django_db(transaction=True)
def test_eight_clicks_at_once_make_one_message() -> None:
    ana, person, form = make_client(), officer(), _mail()

    def click(_: int) -> int:
        try:
            browser = Client()
            browser.force_login(person)
            return browser.post(f"/clients/{ana.key.hex}/send/email/", form).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(click, range(8))) == [302] * 8
    assert Message.objects.count() == 1


@pytest.mark.parametrize(
    ("channel", "changed", "field", "error"),
    [
        ("email", {"subject": ""}, "subject", "Enter a subject."),
        ("email", {"subject": "a\r\nBcc: x@example.org"}, "subject", "A subject is one line"),
        ("email", {"subject": "a\0"}, "subject", "A subject is one line"),
        ("email", {"subject": "x" * 251}, "subject", "at most 250 characters"),
        ("email", {"body": " \n "}, "body", "Enter the text."),
        ("email", {"body": "a\0b"}, "body", "contains a NUL character"),
        ("email", {"body": "x" * 100_001}, "body", "has 100,001 characters; at most 100,000"),
        ("sms", {"body": "x" * 10_000}, "body", "has 10,000 characters; at most 1,600"),
        ("sms", {"key": "nonsense"}, "key", "Reload the page."),
        ("sms", {"key": ""}, "key", "Reload the page."),
    ],
)
@pytest.mark.parametrize("step", ["preview", "send"])
def test_what_cannot_be_sent_is_refused_at_its_field(
    pages: Client, channel: str, changed: dict[str, str], field: str, error: str, step: str
) -> None:
    response = pages.post(f"/clients/{make_client().key.hex}/send/{channel}/", _mail(do=step) | changed)
    assert error in " ".join(response.context["form"].errors[field])
    assert error in response.text
    assert Message.objects.count() == 0


@pytest.mark.parametrize(
    "text",
    [
        "🐘" * 300,
        "\u202etfel ot thgir",
        "<script>alert(1)</script>",
        "{{ 7|add:7 }}",
        "x" * 10_000,
        "a\r\nb\rc",
    ],
)
def test_hostile_text_is_sent_as_it_is_and_shown_as_text(pages: Client, text: str) -> None:
    path = f"/clients/{make_client().key.hex}/send/email/"
    look = pages.post(
        path, _mail(body=text, subject=text.replace("\r", " ").replace("\n", " ")[:250], do="preview")
    )
    assert "<script>alert" not in look.text
    pages.post(path, _mail(body=text))
    assert Message.objects.get().content == text.replace("\r\n", "\n").replace("\r", "\n")


def test_without_an_address_there_is_no_form_and_nothing_is_sent(pages: Client) -> None:
    ana = make_client(email="", mobile_phone="12")
    for channel, said in (
        ("email", "No e-mail address is on file."),
        ("sms", "The mobile number on file is not valid"),
    ):
        path = f"/clients/{ana.key.hex}/send/{channel}/"
        assert said in pages.get(path).text
        assert "<textarea" not in pages.get(path).text
        assert said in pages.post(path, _mail()).text
    assert Message.objects.count() == 0


def test_a_channel_that_is_switched_off_is_said(pages: Client, settings: Any) -> None:
    settings.TWILIO_FROM = ""
    response = pages.post(f"/clients/{make_client().key.hex}/send/sms/", _sms())
    assert Message.objects.get().state == MessageState.FAILED
    assert "It was not sent:" in pages.get(response["Location"]).text


def test_nobody_takes_another_persons_message_by_its_key(pages: Client) -> None:
    foreign = make_message(content="secret")
    response = pages.post(f"/clients/{make_client().key.hex}/send/email/", _mail(key=foreign.key.hex))
    assert "It cannot be sent" in response.text
    assert "secret" not in response.text
    assert Message.objects.count() == 1


def test_looking_sends_nothing(pages: Client) -> None:
    ana = make_client()
    pages.get(f"/clients/{ana.key.hex}/send/email/", _mail())
    assert Message.objects.count() == 0
    assert pages.put(f"/clients/{ana.key.hex}/send/email/").status_code == 405
    assert pages.get(f"/clients/{ana.key.hex}/send/web_hook/").status_code == 404


# --- Anew in place of a failed one --------------------------------------------------------------------------


def _failed(**fields: Any) -> Message:
    ana = fields.pop("client", None) or make_client(email="new@example.org")
    return make_message(
        MessageState.FAILED,
        **({"destination": "old@example.org", "client": ana, "recipient_name": "Ana Silva"} | fields),
    )


def _anew(message: Message) -> str:
    return f"/communications/{message.key.hex}/send-anew/"


def test_a_failed_one_is_sent_anew_to_the_present_address(pages: Client) -> None:
    failed = _failed()
    assert f'href="{_anew(failed)}"' in pages.get(f"/communications/{failed.key.hex}/").text
    shown = pages.get(_anew(failed)).text
    for words in (
        "new@example.org",
        "The failed message went to <bdi>old@example.org</bdi>",
        "Payment due",
        "your payment is due.",
    ):
        assert words in shown
    response = pages.post(_anew(failed), _mail(expected_last=failed.key.hex))
    new = Message.objects.get(resend_of=failed)
    assert response["Location"] == f"/communications/{new.key.hex}/"
    assert (new.first, new.destination, new.content, new.sender) == (
        failed,
        "new@example.org",
        "Dear Ana",
        "Ada Officer",
    )
    assert (new.client, new.resent_by) == (failed.client, "Ada Officer")
    assert f'href="/communications/{failed.key.hex}/"' in pages.get(response["Location"]).text
    failed.refresh_from_db()
    assert (failed.state, failed.destination) == (MessageState.FAILED, "old@example.org")


def test_one_of_a_chain_is_under_way(pages: Client) -> None:
    failed = _failed()
    queued = make_resend(failed)
    assert _anew(failed) not in pages.get(f"/communications/{failed.key.hex}/").text
    response = pages.post(_anew(failed), _mail(expected_last=queued.key.hex))
    assert response["Location"] == f"/communications/{queued.key.hex}/"
    assert "Yours was not sent." in pages.get(response["Location"]).text
    assert Message.objects.count() == 2


def test_what_was_delivered_is_sent_anew_only_by_a_form_that_said_so(pages: Client) -> None:
    failed = _failed()
    delivered = make_resend(failed, MessageState.SENT)
    assert (
        "It was already delivered" in pages.post(_anew(failed), _mail(expected_last=delivered.key.hex)).text
    )
    shown = pages.get(_anew(failed)).text
    assert "This sends it again." in shown
    assert 'name="again" value="True"' in shown
    pages.post(_anew(failed), _mail(expected_last=delivered.key.hex, again="True"))
    assert Message.objects.count() == 3


def test_what_was_reported_as_delivered_after_all_says_when(pages: Client) -> None:
    failed = make_message(
        MessageState.FAILED,
        MessageType.SMS,
        outcome=Outcome.UNKNOWN,
        receipt_status=ReceiptStatus.DELIVERED,
        receipt_at=datetime(2026, 11, 24, 9, 14, tzinfo=UTC),
    )
    shown = pages.get(_anew(failed)).text
    assert "It was delivered in the meantime, on 24 Nov 2026 09:14. This sends it again." in shown


def test_an_html_part_goes_along_or_not(pages: Client) -> None:
    for keep, html in (("on", "<p>Hi</p>"), ("", "")):
        failed = _failed(html="<p>Hi</p>")
        assert "Send the HTML version too" in pages.get(_anew(failed)).text
        pages.post(_anew(failed), _mail(expected_last=failed.key.hex, keep_html=keep))
        assert Message.objects.get(resend_of=failed).html == html


def test_without_a_recipient_the_address_can_be_corrected(pages: Client) -> None:
    failed = make_message(MessageState.FAILED, MessageType.SMS, destination="12")
    assert 'name="to" value="12"' in pages.get(_anew(failed)).text
    wrong = pages.post(_anew(failed), _sms(to="12"))
    assert "It cannot be sent there" in wrong.text
    pages.post(_anew(failed), _sms(to="+49 170 12345678"))
    assert Message.objects.get(resend_of=failed).destination == "+4917012345678"


def test_a_recipient_without_an_address_is_said(pages: Client) -> None:
    failed = _failed(client=make_client(email=""))
    assert "No e-mail address is on file." in pages.get(_anew(failed)).text


def test_only_failed_mails_and_sms_are_sent_anew(pages: Client) -> None:
    sent, hook = make_message(MessageState.SENT), make_message(MessageState.FAILED, MessageType.WEB_HOOK)
    assert pages.get(_anew(sent))["Location"] == f"/communications/{sent.key.hex}/"
    assert pages.post(_anew(sent), _mail())["Location"] == f"/communications/{sent.key.hex}/"
    assert pages.get(_anew(hook)).status_code == 404
    for message in (sent, hook):
        assert _anew(message) not in pages.get(f"/communications/{message.key.hex}/").text


# --- Permissions --------------------------------------------------------------------------------------------


def _with(*codenames: str) -> User:
    person = make_user()
    person.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return person


def test_each_role_and_each_permission(client: Client) -> None:
    ana, failed = make_client(), _failed()
    mail, sms = f"/clients/{ana.key.hex}/send/email/", f"/clients/{ana.key.hex}/send/sms/"
    for person, statuses in (
        (outsider(), (403, 403, 403)),
        (viewer(), (403, 403, 403)),
        (officer(), (200, 200, 200)),
        (_with("view_client_details", "send_manual_email"), (200, 403, 403)),
        (_with("view_client_details", "send_manual_sms"), (403, 200, 403)),
        (_with("send_manual_email"), (403, 403, 403)),
        (_with("view_communication_history", "resend_failed_messages"), (403, 403, 403)),
        (_with("view_communication_history", "resend_failed_messages", "send_manual_email"), (403, 403, 403)),
        (
            _with(
                "view_communication_history",
                "read_message_content",
                "resend_failed_messages",
                "send_manual_email",
            ),
            (403, 403, 200),
        ),
    ):
        client.force_login(person)
        assert tuple(client.get(path).status_code for path in (mail, sms, _anew(failed))) == statuses
        assert (
            tuple(client.post(path, {"do": "preview"}).status_code for path in (mail, sms, _anew(failed)))
            == statuses
        )


def test_who_may_not_read_messages_still_sees_that_it_is_on_its_way(client: Client) -> None:
    ana = make_client()
    client.force_login(_with("view_client_details", "send_manual_email"))
    response = client.post(f"/clients/{ana.key.hex}/send/email/", _mail())
    assert response["Location"] == f"/clients/{ana.key.hex}/"
    shown = client.get(response["Location"]).text
    assert "is on its way." in shown
    assert "Open the entry" not in shown
