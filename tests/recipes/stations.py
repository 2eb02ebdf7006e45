"""Where the tour goes (tests.recipes.tour): everything that there is to see of a channel, and of a field of a
message.
"""

import csv
import io
import re
from tempfile import NamedTemporaryFile
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.management import call_command
from django.test import Client

from notifications import channels, outbox, sendable
from notifications.channels import Failure
from notifications.delivery import drain
from notifications.models import Message
from notifications.outbox import Draft
from notifications.states import MessageState, MessageType
from tests.factories import admin, make_client, make_key
from tests.recipes.fields import missing

FAX = MessageType("FAX")
NUMBER = "+4917012345678"
BUSY, NEVER, TAKEN = Failure.TRANSIENT, Failure.NEVER, None
MESSAGES = "/api/communications/messages"


def visit() -> None:
    """Go everywhere; an AssertionError says where it is not as with the other channels."""
    pages, ana = Client(), make_client(mobile_phone=NUMBER)
    pages.force_login(admin(email="adam@example.org", mobile_phone=NUMBER))
    program = {"apiKey": make_key()}
    failed = retried(ana)
    resent(pages, program, failed)
    by_hand(pages, ana)
    by_program(pages, program, ana)
    carried(program, ana)
    by_event(pages, ana)
    seen(pages, program, failed, ana)
    administered(pages)


def sends(*answers: Failure | None) -> None:
    """Let the machine answer so, and try all that is due."""
    kind: Any = channels.of(FAX)
    kind.answers[:] = answers
    while kind.answers:
        drain(FAX)


def retried(ana: Any) -> Message:
    """What fails is tried again; what is used up or hopeless has failed."""
    message = outbox.enqueue(Draft(FAX, body="Dear Ana", client=ana))
    assert message.destination == NUMBER
    sends(BUSY, BUSY, TAKEN)
    message.refresh_from_db()
    assert (message.state, message.attempt_count) == (MessageState.SENT, 3)
    assert settings.RETRY_POLICIES[FAX].back_off_delay == 0.01
    hopeless = outbox.enqueue(Draft(FAX, body="Dear Ana, hopeless", client=ana))
    sends(NEVER)
    hopeless.refresh_from_db()
    assert (hopeless.state, hopeless.attempt_count) == (MessageState.FAILED, 1)
    nowhere = outbox.enqueue(Draft(FAX, body="Dear Bo", client=make_client(mobile_phone="")))
    assert (nowhere.state, nowhere.attempt_count) == (MessageState.FAILED, 0)
    assert FAX not in sendable.closed()
    return hopeless


def resent(pages: Client, program: dict[str, str], failed: Message) -> None:
    """By a page and by the API: a new row with the same content."""
    assert pages.post(f"/communications/{failed.key.hex}/resend/").status_code == 302
    new = Message.objects.get(resend_of=failed)
    assert (new.type, new.content, new.destination) == (FAX, failed.content, NUMBER)
    sends(NEVER)
    answer = posted(program, f"{MESSAGES}:resend", [new.key.hex])
    assert answer.status_code < 300, answer.text
    sends(TAKEN)
    assert Message.objects.get(resend_of=new).state == MessageState.SENT


def by_hand(pages: Client, ana: Any) -> None:
    """Written on a page, and written anew after it failed."""
    path = f"/clients/{ana.key.hex}/send/fax/"
    assert NUMBER in looked_at(pages, path)
    written = {"key": uuid4().hex, "body": "Dear Ana, by hand"}
    assert "Dear Ana, by hand" in pages.post(path, written | {"do": "preview"}).text
    assert pages.post(path, written | {"do": "send"}).status_code == 302
    sends(NEVER)
    message = Message.objects.get(content="Dear Ana, by hand", state=MessageState.FAILED)
    assert "Edit and resend" in looked_at(pages, f"/communications/{message.key.hex}/send-anew/")


def by_program(pages: Client, program: dict[str, str], ana: Any) -> None:
    """Sent and found over the API, and by the command."""
    body = {"type": "FAX", "clientKey": ana.key.hex, "body": "Dear Ana, by a program", "referenceId": "R-1"}
    assert posted(program, MESSAGES, body).status_code < 300
    assert posted(program, MESSAGES, body | {"subject": "none"}).status_code == 400
    with NamedTemporaryFile("w", suffix=".json") as lines:
        print(
            '{"type":"FAX","destination":"+4917012345679","body":"Dear Bo, by a command"}',
            file=lines,
            flush=True,
        )
        call_command("enqueue", lines.name, stdout=io.StringIO())
    sends(TAKEN, TAKEN)
    criteria = [
        {"field": "type", "operator": "EQUALS", "value": "FAX"},
        {"field": "body", "operator": "CONTAINS", "value": "by a "},
    ]
    found = posted(program, f"{MESSAGES}:search", criteria).json()
    assert {each["body"]: each["state"] for each in found} == {
        "Dear Ana, by a program": "SENT",
        "Dear Bo, by a command": "SENT",
    }
    assert "FAX" in looked_at(pages, "/api/openapi.json")


def carried(program: dict[str, str], ana: Any) -> None:
    """A field of a message: from the draft and the API into the envelope, over a resend, and out again."""
    kind: Any = channels.of(FAX)
    told: dict[str, Any] = {"campaign": "Spring"}
    outbox.enqueue(Draft(FAX, body="Dear Ana, in spring", client=ana, **told))
    sends(NEVER)
    body = {"type": "FAX", "clientKey": ana.key.hex, "body": "Dear Ana, in spring too"} | told
    sent = posted(program, MESSAGES, body)
    assert sent.json()["campaign"] == "Spring"
    assert posted(program, MESSAGES, body | {"campaign": "x" * 41}).status_code == 400
    sends(TAKEN)
    criteria = [{"field": "body", "operator": "CONTAINS", "value": "in spring"}]
    failed = next(
        each for each in posted(program, f"{MESSAGES}:search", criteria).json() if each["state"] == "FAILED"
    )
    assert posted(program, f"{MESSAGES}:resend", [failed["encodedKey"]]).status_code == 202
    sends(TAKEN)
    assert [each.campaign for each in kind.sent[-3:]] == ["Spring"] * 3
    found = posted(program, f"{MESSAGES}:search", criteria).json()
    assert [(each["state"], each["campaign"]) for each in found] == [
        ("SENT", "Spring"),
        ("SENT", "Spring"),
        ("FAILED", "Spring"),
    ]
    assert not (forgotten := missing()), forgotten


def by_event(pages: Client, ana: Any) -> None:
    """From a template, which people write and try."""
    path = "/administration/templates/new/?type=FAX"
    looked_at(pages, path)
    template = {
        "name": "Fax of repayments",
        "event": "LOAN_REPAYMENT",
        "target": "CLIENT",
        "trigger": "AUTOMATIC",
        "recipient": "OWNER",
    }
    template |= {
        "match_any": "all",
        "subscription": "OPT_OUT",
        "text": "Dear {CLIENT_NAME}, thank you by fax",
    }
    assert "thank you by fax" in pages.post(path, template | {"do": "preview"}).text
    pages.post(path, template | {"do": "test"})
    sends(TAKEN)
    made = pages.post(path, template | {"do": "save"})
    assert made.status_code == 302, re.findall(r'class="field-error"[^>]*>([^<]*)', made.text)
    looked_at(pages, made["Location"])
    looked_at(pages, f"{made['Location']}edit/")


def seen(pages: Client, program: dict[str, str], failed: Message, ana: Any) -> None:
    """The log, a message, a client, a bulk resend, and an export."""
    for path in ("/communications/?type=FAX", f"/clients/{ana.key.hex}/communications/"):
        assert "i-FAX" in looked_at(pages, path), path
    assert "Fax" in looked_at(pages, f"/communications/{failed.key.hex}/")
    assert ".i-FAX " in pages.get("/icons.css").text
    profile = looked_at(pages, f"/clients/{ana.key.hex}/")
    assert "Fax number" in profile
    assert "Send fax" in profile
    assert "hopeless" in looked_at(pages, "/communications/?q=01701234567")
    of = "/communications/?type=FAX&state=FAILED"
    assert re.search(r"</b> Fax(es)?<", pages.post("/communications/resend/", {"of": of, "all": "1"}).text)
    file = b"".join(
        pages.post(f"/communications/export/?of={'/communications/?type=FAX'}", {"format": "csv"})
    )  # type: ignore[arg-type]
    rows = list(csv.reader(io.StringIO(file.decode("utf-8-sig"))))
    types = {row[rows[0].index("Type")] for row in rows[1:]}
    assert types == {"FAX"}, types


def administered(pages: Client) -> None:
    """Channels, the retry policy, roles, and what people decide after a restore."""
    assert "RETRY_FAX_" in looked_at(pages, "/administration/retry-policy/")
    assert "Send manual fax" in looked_at(pages, "/administration/roles/new/")
    assert "Fax" in looked_at(pages, "/administration/channels/")
    assert pages.post("/administration/channels/FAX/test/").status_code == 302
    sends(TAKEN)
    assert "Fax" in looked_at(pages, "/administration/channels/FAX/disable/")
    assert pages.post("/administration/channels/FAX/disable/").status_code == 302
    for path in (
        "/administration/",
        "/administration/after-restore/",
        "/administration/templates/",
        "/healthz/sender",
    ):
        looked_at(pages, path)


def looked_at(pages: Client, path: str) -> str:
    """A page that is there."""
    page = pages.get(path)
    assert page.status_code == 200, f"{path}: {page.status_code}"
    return str(page.text)


def posted(program: dict[str, str], path: str, body: Any) -> Any:
    """What the API answers to a program."""
    return Client().post(path, body, content_type="application/json", headers=program)
