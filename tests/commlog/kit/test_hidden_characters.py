"""Characters that a screen hides are written out on every page, and stay in what is stored, sent back,
exported and answered.
"""

import csv
import io
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import reverse

from commlog import audit
from commlog.audit import AuditAction
from commlog.kit.hidden_characters import written_out, written_out_page
from commlog.models import User
from notifications.models import Client as Customer
from notifications.models import Message
from notifications.states import MessageState
from tests.factories import (
    admin,
    make_attempt,
    make_client,
    make_group,
    make_key,
    make_message,
    make_resend,
    make_template,
)

RLO = "\u202e"
WRITTEN = "⟨U+202E⟩"


@pytest.mark.parametrize(
    "hidden",
    [
        *"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u200b\u2060\ufeff\xad\x07\x9b\u2028"
    ],
)
def test_a_hidden_character_is_written_out(hidden: str) -> None:
    assert written_out(f"a{hidden}b") == f"a⟨U+{ord(hidden):04X}⟩b"


@pytest.mark.parametrize(
    "text",
    [
        "می‌خواهم",  # Persian, with a non-joiner
        "क्‍ष and ശ്രീ‌",
        "👩‍💻 👨🏽‍🚀 🏳️‍🌈 👩‍❤️‍👨",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # the flag of England
        "ภาษา\u200bไทย",
        "السلام عليكم שלום عدد \u0600١",
        "one\ttwo\r\nthree é “quoted” \u00a0–",
    ],
)
def test_what_belongs_to_the_spelling_stays(text: str) -> None:
    assert written_out(text) == text


@pytest.mark.parametrize(
    "text", ["ana\u200d@example.org", "pay\u200cpal", "\u200dx", "x\U000e0041y", "\U0001f3f4\U000e0067x"]
)
def test_a_joiner_that_joins_nothing_is_written_out(text: str) -> None:
    assert "⟨U+" in written_out(text)
    assert len(written_out(text)) > len(text)


def test_what_a_form_sends_back_and_what_only_programs_read_is_left_alone() -> None:
    page = (
        f'<p title="a{RLO}" data-copy="b{RLO}"><bdi>c{RLO}</bdi>'
        f'<input value="d > {RLO}" placeholder="e{RLO}"><textarea rows="2">f{RLO}</textarea>'
    )
    assert written_out_page(page) == (
        f'<p title="a{WRITTEN}" data-copy="b{RLO}"><bdi>c{WRITTEN}</bdi>'
        f'<input value="d > {RLO}" placeholder="e{WRITTEN}"><textarea rows="2">f{RLO}</textarea>'
    )


@pytest.fixture
def pages(client: Client, db: None) -> Client:
    client.force_login(admin(first_name=f"Ada{RLO}", email=f"ada{RLO}@example.org"))
    return client


@pytest.fixture
def message(db: None) -> Message:
    ana = make_client(first_names=f"Ana{RLO}", email=f"ana{RLO}@example.org", custom_fields={"A": RLO})
    made = make_message(
        MessageState.FAILED, client=ana, destination=f"ana{RLO}@example.org", subject=f"Pay{RLO}",
        content=f"Dear {RLO}", html=f"<p>{RLO}</p>",
        recipient_name=f"Ana{RLO}", sender=f"Ada{RLO}", template_name=f"T{RLO}", failure_cause=f"550 {RLO}",
        event="LOAN_REPAYMENT", provider_id=f"1{RLO}",
    )  # fmt: skip
    make_attempt(made, detail=f"550 {RLO}")
    make_group(ana, name=f"Group{RLO}")
    make_template(name=f"T{RLO}", text=f"Dear {RLO}", subject=RLO)
    return made


def test_no_page_shows_a_character_that_turns_the_text_around(pages: Client, message: Message) -> None:
    ana = Customer.objects.get()
    again = make_resend(message, MessageState.FAILED)
    audit.record(
        User.objects.get(), AuditAction.RESENT, kind="message", key=again.key.hex, label=f"E-mail to Ana{RLO}"
    )
    everything = "destination,message,subject,recipient,client,sender,failure_details,template"
    addresses = [
        f"/communications/?columns={everything}",
        f"/communications/?q={quote(RLO)}&c=destination.contains.{quote(RLO)}",
        reverse("message", args=[message.key]),
        "/clients/",
        f"/clients/{ana.key.hex}/",
        f"/clients/{ana.key.hex}/communications/",
        "/groups/",
        "/administration/templates/",
        "/administration/audit/",
        "/administration/users/",
    ]
    for address in addresses:
        for headers in ({}, {"HX-Request": "true"}):
            page = pages.get(address, headers=headers).text
            assert WRITTEN in page, address
            # The search box, conditions that are sent back, and the address that can be corrected.
            shown = page.replace(f'value="{RLO}"', "").replace(f"contains.{RLO}", "")
            shown = shown.replace(f'value="ana{RLO}@example.org"', "")
            assert RLO not in shown, (address, shown[max(0, shown.find(RLO) - 80) :][:120])


def test_forms_files_and_answers_hold_what_is_stored(pages: Client, message: Message, settings: Any) -> None:
    settings.EMAIL_HOST = "localhost"
    ana = Customer.objects.get()
    form = pages.get(f"/clients/{ana.key.hex}/edit/")
    assert f'value="Ana{RLO}"' in form.text
    answer = pages.post(
        f"/communications/export/?of={quote('/communications/?columns=destination,message')}",
        {"format": "csv"},
    )
    (_, row) = csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig")))
    assert row[0] == f"ana{RLO}@example.org"
    assert RLO in pages.get(f"/communications/{message.key.hex}/preview/").text
    assert RLO in pages.get(f"/communications/{message.key.hex}/download/text/").text
    found = pages.get(
        f"/api/communications/messages/{message.key.hex}", headers={"apiKey": make_key()}
    ).json()
    assert (found["destination"], found["body"]) == (f"ana{RLO}@example.org", f"Dear {RLO}")
    message.refresh_from_db()
    assert message.content == f"Dear {RLO}"
