"""Telephone numbers as people type and paste them."""

import re

import pytest

from notifications.text.numbers import asked, e164

SPELLINGS = [
    "+4915123456789",
    " +49 (151) 234-567.89 ",
    "＋49 151/23456789",
    "+49\u00a0151\u00a023456789",
    "\u202a+49 151 23456789\u202c",
    "\u2066+49 151 23456789\u2069",
    "\u200e+49\u200b151\u2060234\ufeff56789\u200f",
    "+49 151\u201023456789",
    "+49 151\u201123456789",
    "+49 151\u2012234\u201356\u2014789",
    "+49 151\u2015234\u221256789",
    "+49\u2009151\u202f23456789",
    "+４９ １５１ ２３４５６７８９",
    "+٤٩ ١٥١ ٢٣٤٥٦٧٨٩",
    "+४९१५१२३४५६७८९",
    "tel:+49-151-23456789",
    "sms:+4915123456789?body=Hello%20you",
    "TEL:%2B4915123456789",
    "sms:+4915123456789",
    "<tel:+4915123456789>",
    "+49 151 23456789.",
    "+49 151 23456789,",
    "+49 151 23456789;",
    "+49 (0)151 23456789",
    "+49 (0) 151 / 234 567 89",
    "+49 0151 23456789",
    "(+49) 151 23456789",
    "(+49) (0)151 23456789",
    "“+49 151 23456789”",
    "+49\t151\t23456789\r\n",
    "\uff08+49\uff09151\u204423456789",
]


@pytest.mark.parametrize("text", SPELLINGS, ids=ascii)
def test_every_spelling_is_one_number(text: str) -> None:
    assert e164(text) == "+4915123456789"
    found = asked(text)
    assert found is not None
    assert (found.digits, found.international) == ("4915123456789", True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0151 23456789", "begins with +"),
        ("", "begins with +"),
        ("+49 151 2345\n6789", "U+000A is no part of a number"),
        ("+49 151 2345\u20286789", "U+000A is no part of a number"),
        ("+1 800 FLOWERS", "“F” (U+0046) is no part of a number"),
        ("+4915123456789¹", "“¹” (U+00B9) is no part of a number"),
        ("+4915123456789, +4915123456780", "“,” (U+002C) is no part of a number"),
        ("+4915123456789 / +4915123456780", "“+” (U+002B) is no part of a number"),
        ("+4915123456789 ext. 5", "it has an extension"),
        ("+4915123456789x5", "it has an extension"),
        ("tel:+4915123456789;ext=5", "it has an extension"),
        ("+999123456789", "no country with this code"),
        ("+49 1", "too short or too long"),
        ("+49 15123456789123456", "too short or too long"),
    ],
)
def test_what_may_be_another_number_is_refused_and_named(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        e164(text)


def test_a_zero_that_belongs_to_the_number_stays() -> None:
    assert e164("+39 (0)6 1234567") == "+39061234567"


@pytest.mark.parametrize(
    ("text", "digits", "international"),
    [
        ("070 – 000 00 03", "700000003", False),
        ("(070) 000.00.03", "700000003", False),
        ("0046 70 000 00 03", "46700000003", True),
        ("0046 (0)70 000 00 03", "46700000003", True),
        ("[+46] 70\u2013000\u201100\u00a003;", "46700000003", True),
        ("+46 70 000", "4670000", True),
        ("70 000", "70000", False),
    ],
)
def test_what_is_asked_for_is_the_digits_that_every_spelling_shares(
    text: str, digits: str, international: bool
) -> None:
    found = asked(text)
    assert found is not None
    assert (found.digits, found.international) == (digits, international)


@pytest.mark.parametrize(
    "text", ["", "+46 70", "0012", "ana@example.org", "Ana 70000", "100%", "+", "12 eggs"]
)
def test_what_is_no_number_asks_for_none(text: str) -> None:
    assert asked(text) is None
