"""Messages by hand that begin with a template: offered where they fit, filled in, changed, and logged with
the template.
"""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from notifications.models import Message, NotificationTemplate
from notifications.states import MessageType
from tests.commlog.api.conftest import Program, refusal
from tests.factories import make_client, make_group, make_key, make_template, make_user

pytestmark = pytest.mark.django_db
EMAIL, SMS = MessageType.EMAIL, MessageType.SMS


def test_only_templates_that_fit_are_offered(pages: Client) -> None:
    ana, group, user = (
        make_client(),
        make_group(mobile_phone="+4917012345678"),
        make_user(email="u@example.org"),
    )
    fits = make_template(trigger="MANUAL", name="Call")
    for other in ({"target": "GROUP"}, {"target": "USER"}, {"type": SMS}, {"active": False}):
        make_template(trigger="MANUAL", **other)
    make_template(name="Automatic")
    assert pages.get(f"/clients/{ana.key.hex}/send/email/").context["offered"] == [fits]
    for address in (
        f"/groups/{group.key.hex}/send/email/",
        f"/users/{user.key.hex}/send/email/",
        f"/clients/{ana.key.hex}/send/sms/",
    ):
        assert len(pages.get(address).context["offered"]) == 1
    assert pages.get(f"/groups/{group.key.hex}/send/sms/").context["offered"] == []


@pytest.mark.parametrize("rows", [1, 3])
def test_the_form_costs_the_same_for_one_template_and_for_three(
    pages: Client, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(rows):
        make_template(trigger="MANUAL")
    address = f"/clients/{make_client().key.hex}/send/email/"
    with django_assert_num_queries(7):
        pages.get(address)


def test_a_template_fills_the_form_in_and_is_logged_with_the_changed_text(pages: Client) -> None:
    ana = make_client(custom_fields={"LOYALTY": "gold"})
    text, html = "Dear {RECIPIENT_NAME} ({CF:LOYALTY}),\n{USER_NAME}", "<p>{CLIENT_NAME}</p>"
    template = make_template(trigger="MANUAL", name="Call", subject="Hello {CLIENT_ID}", text=text, html=html)
    address = f"/clients/{ana.key.hex}/send/email/"
    form = pages.get(f"{address}?template={template.key.hex}").context["form"]
    assert (form["subject"].value(), form["body"].value()) == (
        f"Hello {ana.client_id}",
        "Dear Ana Silva (gold),\nAda Officer",
    )
    sent = {
        "key": form["key"].value(),
        "template": template.key.hex,
        "subject": "Changed",
        "body": "Changed too",
        "keep_html": "on",
    }
    assert (
        "The HTML version is sent with it" in pages.post(address, sent | {"do": "preview"}).content.decode()
    )
    pages.post(address, sent | {"do": "send"})
    message = Message.objects.get()
    assert (message.subject, message.content, message.html) == ("Changed", "Changed too", "<p>Ana Silva</p>")
    assert (message.template, message.template_name, message.sender, message.event) == (
        template,
        "Call",
        "Ada Officer",
        "MANUAL",
    )


def test_a_template_puts_itself_in_use_when_it_is_sent_by_hand(pages: Client) -> None:
    template = make_template(SMS, trigger="MANUAL")
    address = f"/clients/{make_client().key.hex}/send/sms/"
    form = pages.get(f"{address}?template={template.key.hex}").context["form"]
    pages.post(
        address, {"key": form["key"].value(), "template": template.key.hex, "body": "Hi", "do": "send"}
    )
    assert NotificationTemplate.objects.get().in_use


@pytest.mark.parametrize("asked", ["zz", "0" * 32])
def test_a_template_that_does_not_fit_is_said_and_the_form_stays_empty(pages: Client, asked: str) -> None:
    answer = pages.get(f"/clients/{make_client().key.hex}/send/email/?template={asked}")
    assert "That template can no longer be used here." in answer.content.decode()
    assert answer.context["form"]["body"].value() is None


def test_the_api_sends_a_template_and_keeps_its_rules() -> None:
    program, ana, group = Program(make_key()), make_client(), make_group()
    template = make_template(trigger="MANUAL", name="Call", text="Dear {CLIENT_NAME}, {USER_NAME}")
    body = {"type": "EMAIL", "templateKey": template.key.hex, "clientKey": ana.key.hex}
    answer = program.post("/api/communications/messages", body)
    message = Message.objects.get()
    assert (answer.status_code, answer.json()["templateKey"], message.template) == (
        201,
        template.key.hex,
        template,
    )
    assert message.content == f"Dear Ana Silva, {message.sender}"
    wrong = (
        ({"body": "x"}, 400, "body: must be empty where templateKey says what is sent"),
        ({"subject": "x"}, 400, "subject: must be empty where templateKey says what is sent"),
        ({"type": "SMS"}, 400, "templateKey: the template is for EMAIL, the message is of the type SMS"),
        (
            {"clientKey": None, "groupKey": group.key.hex},
            400,
            "templateKey: the template is for clients, not for this recipient",
        ),
        (
            {"clientKey": None, "destination": "a@example.org"},
            400,
            "templateKey: the template is for clients, not for this recipient",
        ),
        ({"templateKey": "zz"}, 400, "templateKey: must be a key of 32 hexadecimal characters"),
        (
            {"templateKey": make_template().key.hex},
            404,
            "templateKey: no such template for manual messages",
        ),
        (
            {"templateKey": make_template(trigger="MANUAL", active=False).key.hex},
            400,
            "templateKey: the template is inactive",
        ),
    )
    for fields, status, source in wrong:
        told = refusal(program.post("/api/communications/messages", body | fields))
        assert (told[0], told[3]) == (status, source)
    assert Message.objects.count() == 1
