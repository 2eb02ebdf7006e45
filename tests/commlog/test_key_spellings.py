"""A key is read in every spelling of a UUID, wherever one is given; it is answered without dashes."""

from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command

from commlog.recipients.people import resolve
from notifications.models import Message
from notifications.states import MessageState
from notifications.text.keys import key_in
from tests.commlog.api.conftest import Program, refusal
from tests.factories import make_client, make_key, make_message, make_template, officer, set_up_channels

pytestmark = pytest.mark.django_db
KEY = UUID("8a19b7057471f4af017472dc0fd80472")
SPELLINGS = [KEY.hex, KEY.hex.upper(), str(KEY), str(KEY).upper()]
API = "/api/communications/messages"


@pytest.fixture(autouse=True)
def _configured(settings: Any) -> None:
    set_up_channels(settings)


@pytest.fixture
def program(db: None) -> Program:
    return Program(make_key())


@pytest.fixture
def message(db: None) -> Message:
    return make_message(MessageState.FAILED, key=KEY)


@pytest.mark.parametrize("text", SPELLINGS)
def test_a_key_is_read(text: str) -> None:
    assert key_in(text) == KEY


@pytest.mark.parametrize(
    "text",
    [
        "",
        KEY.hex[1:],
        f"{{{KEY}}}",
        f"urn:uuid:{KEY}",
        f"{KEY.hex[:30]}-{KEY.hex[30:]}",
        f"{KEY}\n",
        "\uff18" * 32,
    ],
)
def test_what_is_no_key_is_not(text: str) -> None:
    assert key_in(text) is None


@pytest.mark.parametrize("text", SPELLINGS)
def test_pages_and_their_parameters(client: Any, message: Message, text: str) -> None:
    client.force_login(officer())
    assert client.get(f"/communications/{text}/").status_code == 200
    for query in ({"q": text}, {"q": f" {text} "}, {"c": f"key.equals.{text}"}, {"c": f"key.in.{text}"}):
        listed = client.get("/communications/", query).context["log"]
        assert ([row.message for row in listed.rows], listed.faulty) == ([message], False)


@pytest.mark.parametrize("text", SPELLINGS)
def test_calls_of_the_api(program: Program, message: Message, text: str) -> None:
    assert program.get(f"{API}/{text}").json()["encodedKey"] == KEY.hex
    found = program.post(f"{API}:search", [{"field": "encodedKey", "operator": "EQUALS", "value": text}])
    assert [each["encodedKey"] for each in found.json()] == [KEY.hex]
    assert program.post(f"{API}:resend", {"messages": [text]}).status_code == 202
    assert Message.objects.get(resend_of=message).first_id == message.pk


@pytest.mark.parametrize("text", SPELLINGS)
def test_bodies_of_the_api(program: Program, text: str) -> None:
    make_client(key=KEY)
    made = program.post(API, {"type": "EMAIL", "subject": "Hello", "body": "Dear Ana", "clientKey": text})
    assert (made.status_code, made.json()["clientKey"]) == (201, KEY.hex)
    assert (
        program.post("/api/events", {"event": "CLIENT_APPROVED", "clientKey": text, "eventKey": text}).json()[
            "eventKey"
        ]
        == KEY.hex
    )
    assert program.get(f"/api/events/{text}").json()["eventKey"] == KEY.hex
    assert program.get(f"/api/clients/{text}/subscriptions").status_code == 200
    assert resolve("client", text) == KEY.hex


@pytest.mark.parametrize("text", SPELLINGS)
def test_templates_of_the_api(program: Program, text: str) -> None:
    make_template(key=KEY, trigger="MANUAL")
    made = program.post(API, {"type": "EMAIL", "templateKey": text, "clientKey": str(make_client().key)})
    assert (made.status_code, made.json()["templateKey"]) == (201, KEY.hex)


def test_what_is_not_there_is_answered_without_dashes(program: Program) -> None:
    assert refusal(program.get(f"{API}/{KEY}")) == (404, 2608, "MESSAGE_NOT_FOUND", KEY.hex)
    assert refusal(program.get(f"/api/events/{KEY}"))[3] == f"eventKey: there is no event {KEY.hex}"
    assert (
        refusal(program.get(f"/api/templates/{KEY}"))[3]
        == f"templateId: there is no webhook template {KEY.hex}"
    )


@pytest.mark.parametrize("text", SPELLINGS)
def test_commands(message: Message, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("message", text)
    assert capsys.readouterr().out.startswith("Failed: E-mail to ana@example.org\n")
