"""E-mail addresses as people type and paste them."""

import pytest

from notifications.channels.email import pasted_address, plain_address


@pytest.mark.parametrize(
    "text",
    [
        "ana@example.org",
        " ana@example.org\u00a0",
        "\u200bana@example.org\ufeff",
        "\u202aana@example.org\u202c",
        "<ana@example.org>",
        "mailto:ana@example.org",
        "\u2003ana@example.org\u00a0\u2028",
        "MAILTO:ana%40example.org?subject=Payment",
        "<mailto:ana@example.org>,",
        "ana@example.org.",
        "ana@example.org;",
        "“ana@example.org”",
    ],
    ids=ascii,
)
def test_what_was_pasted_along_is_left_out(text: str) -> None:
    assert plain_address(pasted_address(text)) == "ana@example.org"


@pytest.mark.parametrize(
    ("text", "character"),
    [
        ("ana\u200b@example.org", "U+200B"),
        ("ana@exam\u00adple.org", "U+00AD"),  # IDNA would leave it out in silence
        ("ana@example\u2060.org", "U+2060"),
        ("ana\u00a0silva@example.org", "U+00A0"),
        ("ana@exam\u202eple.org", "U+202E"),
    ],
    ids=ascii,
)
def test_what_cannot_be_seen_within_an_address_is_refused_and_named(text: str, character: str) -> None:
    with pytest.raises(ValueError, match=character.replace("+", r"\+")):
        plain_address(pasted_address(text))


def test_an_apostrophe_belongs_to_an_address() -> None:
    assert plain_address(pasted_address("o'leary@example.org")) == "o'leary@example.org"
