"""What is wrong with a template before it is saved, and when its conditions hold."""

from datetime import UTC, datetime
from typing import Any

import pytest

from notifications.faults import Fault, Malformed
from notifications.models import NotificationTemplate
from notifications.states import MessageType
from notifications.templating import conditions
from notifications.templating.checks import problems
from tests.factories import make_template

pytestmark = pytest.mark.django_db

EMAIL, SMS, HOOK, STREAM = MessageType.EMAIL, MessageType.SMS, MessageType.WEB_HOOK, MessageType.EVENT_STREAM
NOW = datetime(2026, 11, 24, 9, 14, tzinfo=UTC)


Wrong = tuple[str, Fault, dict[str, Any]]


def _of(type: MessageType, **fields: Any) -> list[Wrong]:
    template = make_template(type)
    for name, value in fields.items():
        setattr(template, name, value)
    return _wrong(template)


def _wrong(template: NotificationTemplate) -> list[Wrong]:
    """What is wrong with it. Of what is wrong within something, the fault."""
    return [
        (
            each.field,
            each.fault,
            {name: fact.fault if isinstance(fact, Malformed) else fact for name, fact in each.facts.items()},
        )
        for each in problems(template)
    ]


@pytest.mark.parametrize("type", MessageType)
def test_a_sound_template_has_no_problems(type: MessageType) -> None:
    assert _of(type) == []
    if type in (EMAIL, SMS):
        assert _wrong(make_template(type, trigger="MANUAL")) == []


WRONG: tuple[tuple[MessageType, dict[str, Any], str, Fault, dict[str, Any]], ...] = (
    (EMAIL, {"name": " "}, "name", Fault.MISSING, {}),
    (EMAIL, {"name": "a\nb"}, "name", Fault.ONE_LINE, {}),
    (EMAIL, {"text": "a\0"}, "text", Fault.HOLDS_NUL, {}),
    (EMAIL, {"text": " "}, "text", Fault.MISSING, {}),
    (SMS, {"text": "\u200b\ufeff"}, "text", Fault.MISSING, {}),
    (EMAIL, {"html": "<style>p{color:red}</style><p>&nbsp;</p>"}, "html", Fault.BLANK_HTML, {}),
    (EMAIL, {"text": "Dear {CLIENT_NAM}"}, "text", Fault.UNKNOWN_PLACEHOLDER, {"name": 'CLIENT_NAM'}),
    (EMAIL, {"subject": "{a} {B}"}, "subject", Fault.UNKNOWN_PLACEHOLDERS, {"names": ('{a}', '{B}')}),
    (EMAIL, {"html": "<p>{__class__}</p>"}, "html", Fault.UNKNOWN_PLACEHOLDER, {"name": '__class__'}),
    (EMAIL, {"html": '<p style="color:{CF:COLOUR}">x</p>'}, "html",
     Fault.PLACEHOLDER_IN_CODE, {"name": 'CF:COLOUR'}),
    (EMAIL, {"html": '<a onclick="go({AMOUNT})">x</a>'}, "html",
     Fault.PLACEHOLDER_IN_CODE, {"name": 'AMOUNT'}),
    (EMAIL, {"html": "<script>x = {AMOUNT}</script>y"}, "html",
     Fault.PLACEHOLDER_IN_CODE, {"name": 'AMOUNT'}),
    (EMAIL, {"html": "<a href=\"javascript:go('{AMOUNT}')\">x</a>"}, "html",
     Fault.PLACEHOLDER_IN_CODE, {"name": 'AMOUNT'}),
    (EMAIL, {"html": "<td {CF:ATTRIBUTE}>x</td>"}, "html",
     Fault.PLACEHOLDER_IN_CODE, {"name": 'CF:ATTRIBUTE'}),
    (EMAIL, {"html": '<a href="https://{CF:HOST}/pay">x</a>'}, "html",
     Fault.PLACEHOLDER_IN_HOST_OF_A_LINK, {"name": 'CF:HOST'}),
    (EMAIL, {"subject": ""}, "subject", Fault.MISSING, {}),
    (EMAIL, {"subject": "a\r\nBcc: x"}, "subject", Fault.ONE_LINE, {}),
    (EMAIL, {"event": "LOAN_PARTY"}, "event", Fault.NO_SUCH_EVENT, {"name": 'LOAN_PARTY'}),
    (EMAIL, {"event": ""}, "event", Fault.EVENT_MISSING, {}),
    (EMAIL, {"target": "LOANS"}, "target", Fault.WRONG_TARGET, {"fitting": ('Clients', 'Groups')}),
    (EMAIL, {"event": "GROUP_CREATED"}, "target", Fault.WRONG_TARGET, {"fitting": ('Groups',)}),
    (EMAIL, {"recipient": "GROUP_MEMBERS"}, "recipient", Fault.HAS_NO_MEMBERS, {}),
    (EMAIL, {"trigger_days": -1}, "trigger_days", Fault.NOT_THE_DAYS_TO_WAIT, {"most": 365}),
    (EMAIL, {"destination": "https://x.example.org"}, "destination",
     Fault.ONLY_HOOKS_AND_STREAMS_HAVE_ONE, {}),
    (EMAIL, {"signing_secret": "sealed:x"}, "signing_secret", Fault.ONLY_WEBHOOKS_HAVE_IT, {}),
    (SMS, {"text": "x" * 1601}, "text", Fault.TOO_LONG_TO_SEND, {"count": 1601, "most": 1600}),
    (SMS, {"subject": "x"}, "subject", Fault.ONLY_MAILS_HAVE_ONE, {}),
    (SMS, {"html": "x"}, "html", Fault.ONLY_MAILS_HAVE_HTML, {}),
    (HOOK, {"trigger": "MANUAL", "event": ""}, "trigger", Fault.NOT_WRITTEN_BY_HAND, {}),
    (HOOK, {"destination": ""}, "destination", Fault.URL_MISSING, {}),
    (HOOK, {"destination": "https://x.example.org/\"a"}, "destination", Fault.HOLDS_QUOTES, {}),
    (HOOK, {"destination": "https://{CF:HOST}/a"}, "destination", Fault.PLACEHOLDER_IN_HOST, {}),
    (HOOK, {"destination": "http://127.0.0.1/"}, "destination",
     Fault.REFUSED_BY_CHANNEL, {"said": "webhooks go to https addresses only; WEBHOOK_ALLOW_HTTP=1 allows "
                                        "plain http"}),
    (HOOK, {"auth_username": "a:b"}, "auth_username", Fault.COLON_IN_USERNAME, {}),
    (HOOK, {"auth_username": "a\tb"}, "auth_username", Fault.CONTROL_CHARACTER, {}),
    (HOOK, {"method": "GET"}, "method", Fault.NOT_A_METHOD, {"allowed": ('PATCH', 'POST', 'PUT')}),
    (HOOK, {"content_type": "text/html"}, "content_type", Fault.NOT_A_CONTENT_TYPE, {}),
    (HOOK, {"headers": {"X A": "b"}}, "headers",
     Fault.REFUSED_BY_CHANNEL, {"said": "a header's name has letters, digits and hyphens only, at most 64"}),
    (HOOK, {"text": '{"a": {AMOUNT}'}, "text", Fault.FILLED_IN_NO_JSON, {"said": "Expecting ',' "
                                                                                 "delimiter", "line": 1}),
    (HOOK, {"recipient": "CREDIT_OFFICER"}, "recipient", Fault.GOES_TO_NOBODY_ELSE, {}),
    (STREAM, {"destination": "a b"}, "destination",
     Fault.REFUSED_BY_CHANNEL, {"said": "A topic has 1 to 300 letters, digits, dots, dashes or "
                                        "underscores."}),
    (EMAIL, {"conditions": [{"field": "NOBODY", "operator": "EQUALS", "values": ["1"]}]}, "conditions",
     Fault.WRONG_CONDITION, {"name": "NOBODY", "wrong": Fault.NO_SUCH_FIELD}),
    (EMAIL, {"conditions": [{"field": "AMOUNT", "operator": "MORE_THAN", "values": ["1,000"]}]}, "conditions",
     Fault.WRONG_CONDITION, {"name": 'Amount', "wrong": Fault.NOT_AN_AMOUNT}),
)  # fmt: skip


@pytest.mark.parametrize(("type", "fields", "field", "fault", "facts"), WRONG)
def test_what_is_wrong_is_said_at_its_field(
    type: MessageType, fields: dict[str, Any], field: str, fault: Fault, facts: dict[str, Any]
) -> None:
    assert (field, fault, facts) in _of(type, **fields)


def test_a_name_belongs_to_one_template_until_that_is_deleted() -> None:
    first = make_template(name="Payment received")
    second = NotificationTemplate(
        name="Payment received", type=EMAIL, event="LOAN_REPAYMENT", subject="a", text="b"
    )
    assert _wrong(second) == [("name", Fault.NAME_OF_ANOTHER_TEMPLATE, {})]
    NotificationTemplate.objects.filter(pk=first.pk).update(deleted_at=NOW)
    assert _wrong(second) == []
    second.save()


def test_a_template_by_hand_says_only_what_is_there_without_an_event() -> None:
    template = make_template(trigger="MANUAL", text="Dear {CLIENT_NAME}, {AMOUNT}")
    assert _wrong(template) == [("text", Fault.UNKNOWN_PLACEHOLDER, {"name": "AMOUNT"})]


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
def test_when_a_condition_holds(
    field: str, operator: str, values: list[str], value: str, holds: bool
) -> None:
    assert conditions.holds(conditions.parse(field, operator, values), {field: value}, now=NOW) is holds


def test_all_or_any_of_the_conditions() -> None:
    both = [
        conditions.parse("AMOUNT", "MORE_THAN", ["100"]),
        conditions.parse("CLIENT_NAME", "STARTS_WITH", ["Bo"]),
    ]
    found = {"AMOUNT": "250", "CLIENT_NAME": "Ana Silva"}
    assert conditions.failing(both, found, any_of=True, now=NOW) == []
    assert conditions.failing(both, found, any_of=False, now=NOW) == [
        "Client’s name starts with Bo (actual: “Ana Silva”)",
    ]
    assert len(conditions.failing(both, {}, any_of=True, now=NOW)) == 2


def test_conditions_survive_being_stored() -> None:
    asked = [conditions.parse("AMOUNT", "between", ["1", "2.5"])]
    assert conditions.read(conditions.write(asked)) == asked
    with pytest.raises(Malformed):
        conditions.parse("AMOUNT", "CONTAINS", ["1"])
