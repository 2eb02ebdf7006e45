"""Names as people type them: one fold for all their spellings."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.text.spelling import fold, name_of, stored_fold, tidy, words_of


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("O’Leary O'LEARY OLeary O‘Leary Oʼleary O´Leary O`Leary O′Leary O＇Leary Oʻleary", "oleary"),
        ("Öztürk ÖZTÜRK ozturk O\u0308ztu\u0308rk Ozturk", "ozturk"),
        ("Søren SØREN soren Sören", "soren"),
        ("Łukasz ŁUKASZ lukasz", "lukasz"),
        ("Strauß STRAUSS strauß STRAUẞ", "strauss"),
        ("Æther æther AEther", "aether"),
        ("Œuvre œuvre oeuvre", "oeuvre"),
        ("Đorđe ðorde DORDE", "dorde"),
        ("Þór thor ÞÓR", "thor"),
        ("Işık isik IŞIK ışık İşik", "isik"),
        ("Nguyễn nguyen NGUYỄN", "nguyen"),
        ("Dvořák dvorak", "dvorak"),
        ("Ħal hal", "hal"),
        ("Ёлкин ЕЛКИН ёлкин", "елкин"),
        ("Άννα ΑΝΝΑ αννα", "αννα"),
        ("محمد مُحَمَّد محـمـد", "محمد"),
        ("ｆｕｌｌ Full", "full"),
        ("ﬁnn Finn", "finn"),
        ("An\u200bna An\u00adna An\u200dna An\ufeffna A\u202ann\u202ca Anna", "anna"),
    ],
)
def test_every_spelling_of_a_name_has_one_fold(typed: str, folded: str) -> None:
    assert {spelling: fold(spelling) for spelling in typed.split()} == dict.fromkeys(typed.split(), folded)


@pytest.mark.parametrize(
    "typed",
    [
        "Anne-Marie  Silva",
        "anne\u2011marie\u00a0silva",
        "ANNE – MARIE\u3000SILVA",
        "\tAnne\u2212Marie\r\nSilva ",
    ],
)
def test_hyphens_and_spaces_of_all_kinds_are_one_space(typed: str) -> None:
    assert fold(typed) == "anne marie silva"


def test_letters_that_are_others_stay_apart() -> None:
    assert fold("か") != fold("が")
    assert fold("株式会社") == "株式会社"


@given(st.text())
def test_folding_what_is_folded_changes_nothing(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded


@given(st.text())
def test_case_and_the_way_that_accents_are_written_do_not_matter(text: str) -> None:
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


@given(st.text())
def test_nothing_is_stored_where_the_database_needs_no_help(text: str) -> None:
    stored = stored_fold(text)
    assert stored in (fold(text), "")
    if not stored and fold(text):
        assert "".join(letter.lower() if letter.isascii() else letter for letter in text) == fold(text)


def test_a_text_is_tidied_without_losing_what_is_seen() -> None:
    assert tidy("\u202a Kd\u20117\u00a0\u200b") == "Kd-7"
    assert tidy("Zoë O’Leary") == "Zoë O’Leary"


def test_words_that_are_punctuation_alone_are_none() -> None:
    assert words_of("Anna – Maria", most=6) == ["Anna", "Maria"]
    assert words_of("-", most=6) == ["-"]
    assert words_of("Silva, Ana;", most=6) == ["Silva", "Ana"]
    assert words_of(" , ", most=6) == [","]
    assert words_of("", most=6) == []
    assert words_of("a b c", most=2) == ["a", "b"]


def test_a_character_that_is_not_seen_is_named_by_its_number() -> None:
    assert (name_of("\u200b"), name_of("x")) == ("U+200B", "“x” (U+0078)")
