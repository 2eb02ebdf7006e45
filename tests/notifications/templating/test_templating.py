"""Placeholders to text: what is filled in, what stays text, and how values are kept from being more than
text.
"""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commlog.api.json_input import parse
from notifications import templating
from notifications.faults import Fault, Malformed
from notifications.templating import Place, fill
from tests.factories import make_client, make_group, make_user

VALUES = {"CLIENT_NAME": "Ana Silva", "AMOUNT": "12.50", "CF:LOYALTY": "gold", "EMPTY": ""}


def test_placeholders_are_filled_in() -> None:
    text = "Dear {CLIENT_NAME}, {AMOUNT} ({CF:LOYALTY}) for {CLIENT_NAME}{EMPTY}{CF:NONE}{GROUP_NAME}."
    assert fill(text, VALUES) == "Dear Ana Silva, 12.50 (gold) for Ana Silva."
    assert templating.names_in(text) == [
        "CLIENT_NAME",
        "AMOUNT",
        "CF:LOYALTY",
        "EMPTY",
        "CF:NONE",
        "GROUP_NAME",
    ]


_SUBCLASSES = "{CLIENT_NAME.__class__.__mro__[1].__subclasses__()}"
# What somebody might write into a template to get at more than the placeholders: it comes out as it was
# written.
ATTACKS_IN_TEMPLATES = {
    "{CLIENT_NAME.__class__}": "{CLIENT_NAME.__class__}",
    _SUBCLASSES: _SUBCLASSES,
    "{0}": "{0}",
    "{0.__init__.__globals__[SECRET_KEY]}": "{0.__init__.__globals__[SECRET_KEY]}",
    "{CLIENT_NAME!r}": "{CLIENT_NAME!r}",
    "{CLIENT_NAME:>1000000000}": "{CLIENT_NAME:>1000000000}",
    "{}": "{}",
    "{CLIENT_NAME[0]}": "{CLIENT_NAME[0]}",
    "%(CLIENT_NAME)s %s %n %x": "%(CLIENT_NAME)s %s %n %x",
    "{% load x %}{{ settings.SECRET_KEY }}": "{% load x %}{{ settings.SECRET_KEY }}",
    "{{CLIENT_NAME}}": "{Ana Silva}",
    "{{{CLIENT_NAME}}}": "{{Ana Silva}}",
    "${CLIENT_NAME}": "$Ana Silva",
    "{CLIENT{EMPTY}_NAME}": "{CLIENT_NAME}",
    "{CF:{CLIENT_NAME}}": "{CF:Ana Silva}",
    "#{7*7} ${7*7} <%= 7*7 %>": "#{7*7} ${7*7} <%= 7*7 %>",
    "{CLIENT_NAME": "{CLIENT_NAME",
    "\\{CLIENT_NAME\\}": "\\{CLIENT_NAME\\}",
}


@pytest.mark.parametrize(("template", "text"), ATTACKS_IN_TEMPLATES.items())
def test_an_attack_in_a_template_comes_out_as_text(template: str, text: str) -> None:
    assert fill(template, VALUES) == text


# What a client, or the system that tells of an event, might put into a value: where it goes, and what comes
# out.
ATTACKS_IN_VALUES: tuple[tuple[Place, str, str, str], ...] = (
    (Place.TEXT, "{AMOUNT}", "{CLIENT_NAME}", "{CLIENT_NAME}"),
    (Place.TEXT, "{AMOUNT}", "{AMOUNT}{AMOUNT}", "{AMOUNT}{AMOUNT}"),
    (Place.TEXT, "{AMOUNT}", "{0.__class__}%s", "{0.__class__}%s"),
    (Place.TEXT, "{AMOUNT}", "\\g<0>\\1", "\\g<0>\\1"),
    (Place.LINE, "Hi {AMOUNT}", "Ana\r\nBcc: all@example.org", "Hi Ana Bcc: all@example.org"),
    (Place.LINE, "Hi {AMOUNT}", "Ana\u2028X\x00\x1bY", "Hi Ana X Y"),
    (Place.HTML, "<b>{AMOUNT}</b>", "<script>alert(1)</script>",
     "<b>&lt;script&gt;alert(1)&lt;/script&gt;</b>"),
    (Place.HTML, '<a title="{AMOUNT}">', '" onclick="x', '<a title="&quot; onclick=&quot;x">'),
    (Place.HTML, "<a title='{AMOUNT}'>", "' onclick='x", "<a title='&#x27; onclick=&#x27;x'>"),
    (Place.HTML, "{AMOUNT}", "&lt;", "&amp;lt;"),
    (Place.JSON, '{"a": "{AMOUNT}"}', '", "admin": "yes', '{"a": "\\", \\"admin\\": \\"yes"}'),
    (Place.JSON, '{"a": "{AMOUNT}"}', "\\", '{"a": "\\\\"}'),
    (Place.JSON, '{"a": "\\"{AMOUNT}"}', '"\n', '{"a": "\\"\\"\\n"}'),
    (Place.JSON, r'{"a": "https:\/\/x.org\/?q={AMOUNT}"}', "A&B", r'{"a": "https:\/\/x.org\/?q=A%26B"}'),
    (Place.JSON, '{"a": {AMOUNT}}', "12.50", '{"a": 12.50}'),
    (Place.JSON, '{"a": {AMOUNT}}', "1, \"b\": 2", '{"a": "1, \\"b\\": 2"}'),
    (Place.JSON, '{"a": {AMOUNT}}', "[1]", '{"a": "[1]"}'),
    (Place.JSON, '{"a": {AMOUNT}}', "007", '{"a": "007"}'),
    (Place.JSON, '{"a": {AMOUNT}}', "", '{"a": null}'),
    (Place.XML, "<a>{AMOUNT}</a>", "</a><b/>\x00\x0b]]>", "<a>&lt;/a&gt;&lt;b/&gt;]]&gt;</a>"),
    (Place.URL, "https://x.example.org/{AMOUNT}", "../admin?x=1#y", "https://x.example.org/..%2Fadmin%3Fx%3D1%23y"),
    (Place.URL, "https://x.example.org/a/{AMOUNT}/b", "..", "https://x.example.org/a//b"),
    (Place.URL, "https://x.example.org/?q={AMOUNT}", "a&b=c d\r\nHost: evil", "https://x.example.org/?q=a%26b%3Dc%20d%0D%0AHost%3A%20evil"),
)  # fmt: skip


@pytest.mark.parametrize(("place", "template", "value", "text"), ATTACKS_IN_VALUES)
def test_an_attack_in_a_value_comes_out_as_text(place: Place, template: str, value: str, text: str) -> None:
    made = fill(template, {"AMOUNT": value, "CLIENT_NAME": "Ana Silva"}, place)
    assert made == text
    if place is Place.JSON:
        assert list(json.loads(made)) == ["a"]


def test_there_are_thirty_attacks_and_more() -> None:
    assert len(ATTACKS_IN_TEMPLATES) + len(ATTACKS_IN_VALUES) >= 30


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("CLIENT_NAME", True),
        ("client_name", False),
        ("CLIENT_NAM", False),
        ("CF:LOYALTY", True),
        ("CF:CLIENT:Bank Account:1", True),
        ("CF::", False),
        ("CF:", False),
    ],
)
def test_which_placeholders_there_are(name: str, known: bool) -> None:
    assert templating.is_known(name) is known


def test_what_an_event_brings_is_not_there_for_messages_by_hand() -> None:
    assert templating.is_known("AMOUNT")
    assert not templating.is_known("AMOUNT", by_hand=True)
    assert "Transaction" in templating.offered()
    assert "Transaction" not in templating.offered(by_hand=True)


def test_the_data_of_an_event_become_placeholders() -> None:
    data = {
        "amountDue": 12.5,
        "account": {"id": "LN-1", "type": None},
        "CF:Shoe size": "38",
        "paid": True,
        "Card Number": "1234",
    }
    assert templating.told(data) == {
        "AMOUNT_DUE": "12.5",
        "ACCOUNT_ID": "LN-1",
        "ACCOUNT_TYPE": "",
        "CF:Shoe size": "38",
        "PAID": "true",
        "CARD_NUMBER": "1234",
    }


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("1E+3", "1000"),
        ("1e3", "1000"),
        ("1.50E+1", "15.0"),
        ("1E-7", "0.0000001"),
        ("-1E-7", "-0.0000001"),
        ("12.50", "12.50"),
        ("-12.50", "-12.50"),
        ("0.10", "0.10"),
        ("-0", "0"),
        ("-0.00", "0.00"),
        ("0E+5", "0"),
        ("100000000000000000000000000000000001", "100000000000000000000000000000000001"),
        ("1.7976931348623157E+308", "17976931348623157" + "0" * 292),
        ("2.2250738585072014E-308", "0." + "0" * 307 + "22250738585072014"),
    ],
)
def test_a_number_is_told_without_an_exponent_and_with_the_digits_that_were_given(
    written: str, text: str
) -> None:
    as_number, as_text = parse(f'{{"amount": {written}}}', exact=True), {"amount": written}
    assert templating.told(as_number) == {"AMOUNT": text}
    if "e" in written.lower():
        assert templating.told(as_text) == {"AMOUNT": text}
        # A text that is no amount is nobody's to rewrite.
        assert templating.told({"note": written}) == {"NOTE": written}
    made = fill('{"amount": {AMOUNT}}', templating.told(as_number), Place.JSON)
    assert json.loads(made, parse_int=Decimal, parse_float=Decimal) == {"amount": Decimal(text)}


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.decimals(-(10**12), 10**12, places=4),
    )
)
def test_any_number_is_told_as_the_same_number(number: int | float | Decimal) -> None:
    text = templating.told({"amount": number})["AMOUNT"]
    assert "e" not in text.lower()
    assert Decimal(text) == Decimal(repr(number) if isinstance(number, float) else number)
    assert json.loads(
        fill("{AMOUNT}", {"AMOUNT": text}, Place.JSON), parse_int=Decimal, parse_float=Decimal
    ) == Decimal(text)


@pytest.mark.parametrize(
    "written", ["1E+400", "1E-400", "1E+9999999999", "1E-99999999999999999999", "1" * 351, "0." + "1" * 349]
)
def test_a_number_beyond_reason_is_refused_at_its_name(written: str) -> None:
    with pytest.raises(Malformed) as caught:
        templating.told(parse(f'{{"account": {{"balance": {written}}}}}', exact=True))
    assert caught.value.field == "data.ACCOUNT_BALANCE"
    assert (caught.value.fault, caught.value.facts) in (
        (Fault.TOO_LONG_A_NUMBER, {"most": 350}),
        (Fault.NOT_FINITE, {}),
    )


@pytest.mark.parametrize(
    ("data", "fault", "facts"),
    [
        ({"amount": [1]}, Fault.LIST_IN_DATA, {"name": "AMOUNT"}),
        ({"a": {"b": {"c": {"d": 1}}}}, Fault.DATA_TOO_DEEP, {"most": 3}),
        ({"amount_due": 1, "amountDue": 2}, Fault.DATA_TWICE, {"name": "AMOUNT_DUE"}),
        ({"ä": 1}, Fault.BAD_NAME_OF_DATA, {"name": "ä"}),
        ({"amount": "\0"}, Fault.HOLDS_NUL, {}),
        ({f"n{number}": 1 for number in range(101)}, Fault.TOO_MUCH_DATA, {"count": 101, "most": 100}),
    ],
)
def test_data_that_cannot_be_told_are_refused(
    data: dict[str, Any], fault: Fault, facts: dict[str, Any]
) -> None:
    with pytest.raises(Malformed) as caught:
        templating.told(data)
    assert (caught.value.fault, caught.value.facts) == (fault, facts)


@pytest.mark.django_db
def test_what_our_own_rows_say() -> None:
    officer = make_user(first_name="Ada", last_name="Officer", email="ada@example.org")
    client = make_client(custom_fields={"LOYALTY": "gold", "Bank Account:1": "GB82"}, credit_officer=officer)
    group = make_group(name="Weavers", custom_fields={"VILLAGE": "Almada"})
    found = templating.of_group(group) | templating.of_client(client) | templating.of_recipient(client)
    asked = (
        "RECIPIENT_FIRST_NAMES CLIENT_LAST_NAME CF:LOYALTY CF:CLIENT:Bank_Account:1 CREDIT_OFFICER_NAME "
        "GROUP_NAME CF:GROUP:VILLAGE"
    )
    text = " ".join(f"{{{name}}}".replace("_Account", " Account") for name in asked.split())
    assert fill(text, found) == "Ana Silva gold GB82 Ada Officer Weavers Almada"
    assert templating.of_recipient(officer)["RECIPIENT_NAME"] == "Ada Officer"
