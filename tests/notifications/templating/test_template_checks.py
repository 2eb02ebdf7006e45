"""What is wrong with a template before it is saved, and when its conditions hold."""

from datetime import UTC, datetime
from typing import Any

import pytest

from notifications.models import NotificationTemplate
from notifications.states import MessageType
from notifications.templating import conditions
from notifications.templating.checks import problems
from notifications.text.gate import Malformed
from tests.factories import make_template

pytestmark = pytest.mark.django_db

EMAIL, SMS, HOOK, STREAM = MessageType.EMAIL, MessageType.SMS, MessageType.WEB_HOOK, MessageType.EVENT_STREAM
NOW = datetime(2026, 11, 24, 9, 14, tzinfo=UTC)


def _of(type: MessageType, **fields: Any) -> list[tuple[str, str]]:
    template = make_template(type)
    for name, value in fields.items():
        setattr(template, name, value)
    return problems(template)


@pytest.mark.parametrize("type", MessageType)
def test_a_sound_template_has_no_problems(type: MessageType) -> None:
    assert _of(type) == []
    if type in (EMAIL, SMS):
        assert problems(make_template(type, trigger="MANUAL")) == []


WRONG: tuple[tuple[MessageType, dict[str, Any], str, str], ...] = (
    (EMAIL, {"name": " "}, "name", "is missing"),
    (EMAIL, {"name": "a\nb"}, "name", "is one line, without control characters"),
    (EMAIL, {"text": "a\0"}, "text", "holds a NUL character, which cannot be stored"),
    (EMAIL, {"text": " "}, "text", "is missing"),
    (SMS, {"text": "\u200b\ufeff"}, "text", "is missing"),
    (EMAIL, {"html": "<style>p{color:red}</style><p>&nbsp;</p>"}, "html", "has no text and no image"),
    (EMAIL, {"text": "Dear {CLIENT_NAM}"}, "text", "holds a placeholder that cannot be filled in: {CLIENT_NAM}"),
    (EMAIL, {"subject": "{a} {B}"}, "subject", "holds placeholders that cannot be filled in: {a}, {B}"),
    (EMAIL, {"html": "<p>{__class__}</p>"}, "html", "holds a placeholder that cannot be filled in: {__class__}"),
    (EMAIL, {"html": '<p style="color:{CF:COLOUR}">x</p>'}, "html",
     "holds {CF:COLOUR} in a script, a style or the name of a tag or attribute; no value can stand there"),
    (EMAIL, {"html": '<a onclick="go({AMOUNT})">x</a>'}, "html",
     "holds {AMOUNT} in a script, a style or the name of a tag or attribute; no value can stand there"),
    (EMAIL, {"html": "<script>x = {AMOUNT}</script>y"}, "html",
     "holds {AMOUNT} in a script, a style or the name of a tag or attribute; no value can stand there"),
    (EMAIL, {"html": "<a href=\"javascript:go('{AMOUNT}')\">x</a>"}, "html",
     "holds {AMOUNT} in a script, a style or the name of a tag or attribute; no value can stand there"),
    (EMAIL, {"html": "<td {CF:ATTRIBUTE}>x</td>"}, "html",
     "holds {CF:ATTRIBUTE} in a script, a style or the name of a tag or attribute; no value can stand there"),
    (EMAIL, {"html": '<a href="https://{CF:HOST}/pay">x</a>'}, "html",
     "holds {CF:HOST} in the host of a link; placeholders stand after it"),
    (EMAIL, {"subject": ""}, "subject", "is missing"),
    (EMAIL, {"subject": "a\r\nBcc: x"}, "subject", "is one line, without control characters"),
    (EMAIL, {"event": "LOAN_PARTY"}, "event", "there is no event LOAN_PARTY"),
    (EMAIL, {"event": ""}, "event", "is missing: choose what it waits for"),
    (EMAIL, {"target": "LOANS"}, "target", "with this event and channel it can be about Clients, Groups"),
    (EMAIL, {"event": "GROUP_CREATED"}, "target", "with this event and channel it can be about Groups"),
    (EMAIL, {"recipient": "GROUP_MEMBERS"}, "recipient", "only templates about groups go to their members"),
    (EMAIL, {"trigger_days": -1}, "trigger_days", "is a number of days from 0 to 365"),
    (EMAIL, {"destination": "https://x.example.org"}, "destination", "only webhooks and streams have one"),
    (EMAIL, {"signing_secret": "sealed:x"}, "signing_secret", "only webhooks have it"),
    (SMS, {"text": "x" * 1601}, "text", "has 1,601 characters, at most 1,600 can be sent"),
    (SMS, {"subject": "x"}, "subject", "only e-mails have one"),
    (SMS, {"html": "x"}, "html", "only e-mails have an HTML version"),
    (HOOK, {"trigger": "MANUAL", "event": ""}, "trigger", "only e-mails and SMS are written by hand"),
    (HOOK, {"destination": ""}, "destination", "is missing: a webhook needs a URL"),
    (HOOK, {"destination": "https://x.example.org/\"a"}, "destination", "holds quotes"),
    (HOOK, {"destination": "https://{CF:HOST}/a"}, "destination", "has a placeholder in its host; placeholders stand after it"),
    (HOOK, {"destination": "http://127.0.0.1/"}, "destination",
     "webhooks go to https addresses only; WEBHOOK_ALLOW_HTTP=1 allows plain http"),
    (HOOK, {"auth_username": "a:b"}, "auth_username", "holds a colon, which ends a user name in Basic authentication"),
    (HOOK, {"auth_username": "a\tb"}, "auth_username", "holds a control character"),
    (HOOK, {"method": "GET"}, "method", "is one of PATCH, POST, PUT"),
    (HOOK, {"content_type": "text/html"}, "content_type", "is plain text, JSON or XML"),
    (HOOK, {"headers": {"X A": "b"}}, "headers", "a header's name has letters, digits and hyphens only, at most 64"),
    (HOOK, {"text": '{"a": {AMOUNT}'}, "text", "is not JSON once it is filled in: Expecting ',' delimiter at line 1"),
    (HOOK, {"recipient": "CREDIT_OFFICER"}, "recipient", "only e-mails and SMS of events go to somebody else"),
    (STREAM, {"destination": "a b"}, "destination", "A topic has 1 to 300 letters, digits, dots, dashes or underscores."),
    (EMAIL, {"conditions": [{"field": "NOBODY", "operator": "EQUALS", "values": ["1"]}]}, "conditions", "NOBODY: there is no such field"),
    (EMAIL, {"conditions": [{"field": "AMOUNT", "operator": "MORE_THAN", "values": ["1,000"]}]}, "conditions",
     "Amount: must be an amount such as 1250.50, without separators"),
)  # fmt: skip


@pytest.mark.parametrize(("type", "fields", "field", "problem"), WRONG)
def test_what_is_wrong_is_said_at_its_field(type: MessageType, fields: dict[str, Any], field: str, problem: str) -> None:
    assert (field, problem) in _of(type, **fields)


def test_a_name_belongs_to_one_template_until_that_is_deleted() -> None:
    first = make_template(name="Payment received")
    second = NotificationTemplate(name="Payment received", type=EMAIL, event="LOAN_REPAYMENT", subject="a", text="b")
    assert problems(second) == [("name", "belongs to another template")]
    NotificationTemplate.objects.filter(pk=first.pk).update(deleted_at=NOW)
    assert problems(second) == []
    second.save()


def test_a_template_by_hand_says_only_what_is_there_without_an_event() -> None:
    template = make_template(trigger="MANUAL", text="Dear {CLIENT_NAME}, {AMOUNT}")
    assert problems(template) == [("text", "holds a placeholder that cannot be filled in: {AMOUNT}")]


@pytest.mark.parametrize(
    ("field", "operator", "values", "value", "holds"),
    [
        ("CLIENT_NAME", "CONTAINS", ["silv"], "Ana Silva", True),
        ("CLIENT_NAME", "NOT_CONTAINS", ["silv"], "Ana Silva", False),
        ("CLIENT_NAME", "EQUALS", ["ana silva"], "Ana Silva", True),
        ("CLIENT_NAME", "EQUALS_CASE_SENSITIVE", ["ana silva"], "Ana Silva", False),
        ("CLIENT_NAME", "STARTS_WITH", ["ANA"], "Ana Silva", True),
        ("CLIENT_NAME", "DIFFERENT_THAN", ["x"], "", True),
        ("CLIENT_NAME", "EMPTY", [], "", True),
        ("CLIENT_NAME", "NOT_EMPTY", [], "", False),
        ("CF:LOYALTY", "EQUALS", ["gold"], "Gold", True),
        ("AMOUNT", "MORE_THAN", ["100"], "100.01", True),
        ("AMOUNT", "MORE_THAN", ["100"], "99", False),
        ("AMOUNT", "MORE_THAN", ["100"], "", False),
        ("AMOUNT", "MORE_THAN", ["100"], "€1,000", False),
        ("AMOUNT", "LESS_THAN", ["100"], "NaN", False),
        ("AMOUNT", "BETWEEN", ["10", "20.5"], "20.5", True),
        ("AMOUNT", "EQUALS", ["10"], "10.00", True),
        ("AMOUNT", "DIFFERENT_THAN", ["10"], "10.00", False),
        ("DAYS_IN_ARREARS", "MORE_THAN", ["7"], "8", True),
        ("PAYMENT_DUE_DATE", "ON", ["2026-11-24"], "2026-11-24", True),
        ("PAYMENT_DUE_DATE", "AFTER", ["2026-11-24"], "2026-11-24", False),
        ("PAYMENT_DUE_DATE", "TODAY", [], "2026-11-24T10:00:00+01:00", True),
        ("PAYMENT_DUE_DATE", "BEFORE", ["2026-11-24"], "soon", False),
    ],
)  # fmt: skip
def test_when_a_condition_holds(field: str, operator: str, values: list[str], value: str, holds: bool) -> None:
    assert conditions.holds(conditions.parse(field, operator, values), {field: value}, now=NOW) is holds


def test_all_or_any_of_the_conditions() -> None:
    both = [conditions.parse("AMOUNT", "MORE_THAN", ["100"]), conditions.parse("CLIENT_NAME", "STARTS_WITH", ["Bo"])]
    found = {"AMOUNT": "250", "CLIENT_NAME": "Ana Silva"}
    assert conditions.failing(both, found, any_of=True, now=NOW) == []
    assert conditions.failing(both, found, any_of=False, now=NOW) == [
        "Client’s name starts with Bo does not hold: it is “Ana Silva”",
    ]
    assert len(conditions.failing(both, {}, any_of=True, now=NOW)) == 2


def test_conditions_survive_being_stored() -> None:
    asked = [conditions.parse("AMOUNT", "between", ["1", "2.5"])]
    assert conditions.read(conditions.write(asked)) == asked
    with pytest.raises(Malformed):
        conditions.parse("AMOUNT", "CONTAINS", ["1"])
