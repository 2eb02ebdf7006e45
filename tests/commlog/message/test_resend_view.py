"""Resend, as a button does it: without JavaScript and in place."""

from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from commlog.models import AuditEntry
from notifications.failures import Reason
from notifications.models import ChannelSwitch, Message
from notifications.states import MessageState, MessageType
from tests.factories import make_client, make_message, make_resend, officer

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def pages(client: Client, settings: Any) -> Client:
    settings.EMAIL_HOST = "localhost"  # e-mail is switched on
    client.force_login(officer())
    return client


def _form(message: Message, **changed: str) -> dict[str, str]:
    return {"expected_last": message.key.hex, "next": "/communications/?state=FAILED"} | changed


def _resend(pages: Client, message: Message, headers: dict[str, str] | None = None, **changed: str) -> Any:
    return pages.post(
        f"/communications/{message.key.hex}/resend/", _form(message, **changed), headers=headers or {}
    )


def test_without_javascript_it_returns_to_the_log_with_a_link_to_the_new_entry(pages: Client) -> None:
    failed = make_message(MessageState.FAILED)
    response = _resend(pages, failed)
    new = Message.objects.get(resend_of=failed)
    assert (response.status_code, response["Location"]) == (302, "/communications/?state=FAILED")
    shown = pages.get(response["Location"]).text
    assert "Resent as a new entry, now in the queue. The failed entry stays in the log." in shown
    assert f'<a href="/communications/{new.key.hex}/">Open the entry</a>' in shown
    assert (new.state, new.resent_by, new.content) == (MessageState.QUEUED, "Ada Officer", failed.content)


def test_it_is_recorded_once_with_who_asked(pages: Client) -> None:
    failed = make_message(MessageState.FAILED, recipient_name="Ana Silva")
    for _ in range(2):
        _resend(pages, failed)
    new = Message.objects.get(resend_of=failed)
    entry = AuditEntry.objects.get(action="RESENT")
    assert (entry.actor_name, entry.target_key, entry.target_label) == (
        "Ada Officer",
        new.key.hex,
        "E-mail to Ana Silva",
    )
    assert entry.after == {"failed message": failed.key.hex}


def test_what_would_fail_at_once_makes_no_entry_and_the_answer_says_what_to_do_instead(pages: Client) -> None:
    failed = make_message(
        MessageState.FAILED,
        destination="",
        client=make_client(email=""),
        failure_reason=Reason.MISSING_EMAIL_RECIPIENT_ADDRESS,
    )
    page = f"/communications/{failed.key.hex}/"
    said = (
        "Not resent, because it would fail again immediately: No destination is on file. Add the "
        "address on the recipient’s page"
    )
    in_place = unescape(_resend(pages, failed, HTMX).text).replace("'", "’")
    assert said in in_place
    assert f'href="{page}send-anew/">Edit and resend…</a>' in in_place
    assert "hx-swap-oob" not in in_place  # the row behind the dialog keeps its button
    shown = unescape(pages.get(_resend(pages, failed)["Location"]).text).replace("'", "’")
    assert said in shown
    assert f'<a href="{page}">Open the entry</a>' in shown
    assert "Resent as a new entry" not in shown
    assert (Message.objects.count(), AuditEntry.objects.filter(action="RESENT").exists()) == (1, False)
    assert f'action="{page}resend/"' in pages.get(page).text  # the button stays


def test_what_no_other_text_would_help_is_not_offered_to_be_written_anew(pages: Client) -> None:
    ChannelSwitch.objects.update_or_create(channel=MessageType.EMAIL, defaults={"enabled": False})
    refused = _resend(pages, make_message(MessageState.FAILED), HTMX).text
    assert (
        "An administrator has switched E-mail off. Ask an administrator to switch it on, then resend."
        in refused
    )
    assert "Edit and resend" not in refused


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "", "\\\\evil.example"]
)
def test_it_returns_nowhere_else(pages: Client, target: str) -> None:
    failed = make_message(MessageState.FAILED)
    assert _resend(pages, failed, next=target)["Location"] == f"/communications/{failed.key.hex}/"


def test_pressed_twice_it_makes_one_new_entry(pages: Client) -> None:
    failed = make_message(MessageState.FAILED)
    _resend(pages, failed)
    response = _resend(pages, failed, HTMX)
    new = Message.objects.get(resend_of=failed)
    assert "Already resent:" in response.text
    assert f'href="/communications/{new.key.hex}/"' in response.text


def test_in_place_it_answers_with_a_link_and_updates_the_row_behind_the_dialog(pages: Client) -> None:
    failed = make_message(MessageState.FAILED)
    slot = f"resend-{failed.pk}"
    in_row = _resend(pages, failed, HTMX | {"HX-Target": slot}).text
    new = Message.objects.get(resend_of=failed)
    assert "<html" not in in_row
    assert f'href="/communications/{new.key.hex}/">open the new entry</a>' in in_row
    assert "hx-swap-oob" not in in_row
    in_dialog = _resend(pages, failed, HTMX | {"HX-Target": "message-resend"}).text
    assert f'<div id="{slot}" hx-swap-oob="innerHTML">' in in_dialog


def test_an_old_page_gets_the_entry_that_came_meanwhile(pages: Client) -> None:
    failed = make_message(MessageState.FAILED)
    meanwhile = make_resend(failed, MessageState.FAILED)
    response = _resend(pages, failed, HTMX)
    assert f'href="/communications/{meanwhile.key.hex}/"' in response.text
    assert Message.objects.count() == 2


def test_what_was_delivered_is_sent_again_only_when_insisted(pages: Client) -> None:
    failed = make_message(MessageState.FAILED)
    sent = make_resend(failed, MessageState.SENT)
    refused = _resend(pages, failed, HTMX, expected_last=sent.key.hex)
    assert "It was already delivered" in refused.text
    assert Message.objects.count() == 2
    _resend(pages, failed, HTMX, again=sent.key.hex)
    assert Message.objects.count() == 3


@pytest.mark.parametrize("state", [state for state in MessageState if state != MessageState.FAILED])
def test_only_failed_messages_are_resent(pages: Client, state: MessageState) -> None:
    message = make_message(state)
    assert "Only failed messages can be resent" in _resend(pages, message, HTMX).text
    assert "Only failed messages can be resent" in pages.get(_resend(pages, message)["Location"]).text
    assert Message.objects.count() == 1


def test_a_forged_form_is_refused(pages: Client) -> None:
    failed = make_message(MessageState.FAILED)
    assert "arrived incomplete" in _resend(pages, failed, HTMX, expected_last="x\0").text
    assert Message.objects.count() == 1


def test_it_takes_a_post_a_token_and_a_message() -> None:
    failed = make_message(MessageState.FAILED)
    client = Client(enforce_csrf_checks=True)
    client.force_login(officer())
    url = f"/communications/{failed.key.hex}/resend/"
    assert client.get(url).status_code == 405
    refused = client.post(url)
    assert refused.status_code == 403
    assert "This form has expired" in refused.text
    assert Message.objects.count() == 1
    client.handler.enforce_csrf_checks = False
    assert client.post(f"/communications/{uuid4().hex}/resend/").status_code == 404
