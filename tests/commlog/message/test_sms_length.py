"""The length of an SMS."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commlog.message.sms_length import GSM_BASIC, GSM_EXTENSION, measure, sms_parts

gsm = st.text(alphabet=GSM_BASIC + GSM_EXTENSION, max_size=700)
anything = st.text(max_size=400) | st.text(alphabet="a€🐘ы", max_size=400)


@pytest.mark.parametrize(
    ("text", "parts", "unicode"),
    [
        ("", 0, False),
        ("a" * 160, 1, False),
        ("a" * 161, 2, False),
        ("a" * 306, 2, False),
        ("a" * 307, 3, False),
        ("€" * 80, 1, False),
        ("€" * 81, 2, False),
        ("a" * 152 + "€" * 5, 2, False),  # the escape and its character stay together
        ("ы" * 70, 1, True),
        ("ы" * 71, 2, True),
        ("🐘" * 35, 1, True),
        ("🐘" * 36, 2, True),
        ("🐘" * 67, 3, True),  # 33 to a part: none is split
        ("`", 1, True),
    ],
)
def test_the_parts_of_a_text(text: str, parts: int, unicode: bool) -> None:
    length = measure(text)
    assert (length.characters, length.parts, length.unicode) == (len(text), parts, unicode)


def test_the_strange_characters_are_named_once() -> None:
    assert measure("abc ыы 🐘 `").strange == "ы🐘`"


@given(anything | gsm)
def test_the_parts_are_the_text(text: str) -> None:
    assert "".join(sms_parts(text)) == text


@given(gsm)
def test_a_part_of_the_short_alphabet_fits(text: str) -> None:
    parts = sms_parts(text)
    most = 160 if len(parts) == 1 else 153
    assert all(sum(2 if letter in GSM_EXTENSION else 1 for letter in part) <= most for part in parts)


@given(anything)
def test_a_part_of_unicode_fits(text: str) -> None:
    parts = sms_parts(text + "ы")
    most = 70 if len(parts) == 1 else 67
    assert all(len(part.encode("utf-16-le")) // 2 <= most for part in parts)
