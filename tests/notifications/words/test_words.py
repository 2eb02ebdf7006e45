"""Words are found alike by the index and by looking at each message, and none is missed between."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from notifications.criteria import Criterion, Operator, narrow
from notifications.criteria.word_search import ask, holding, reading
from notifications.forgetting import rows, words
from notifications.models import Message, MessageWords, WordsReach, newest_id
from notifications.models.message_words import Extent
from notifications.states import MessageState, MessageType
from notifications.words import index, indexing
from notifications.words.indexing import Settled
from notifications.words.lexemes import VERSION, Parts, lexemes, of_message
from notifications.words.question import words_of_part
from tests.factories import make_lane, make_message

_VOCABULARY = (
    *("rent", "rented", "parent", "Rent", "O'Leary", "OLeary", "Straße", "strasse", "Søren", "naïve"),
    *(
        "ΣΊΣΥΦΟΣ",
        "платёж",
        "оплата",
        "100%",
        "€50",
        "50",
        "💶",
        "東京都庁",
        "京都",
        "都庁",
        "支払い",
        "しはらい",
    ),
    *("ชำระเงิน", "เงิน", "नमस्ते", "שלום", "مرحبا", "due", "due.", "e-mail", "ana@example.org", "LN-4711"),
    *("it_em", "it's"),
)
_ASKED = (
    *_VOCABULARY,
    *(
        "ren",
        "pay*",
        "京",
        "都",
        "庁",
        "東京",
        "京都 都庁",
        "rent due",
        '"rent due"',
        '"due rent"',
        "“it em”",
    ),
    *(
        "100",
        "%",
        "ana@exa",
        "example",
        "ln 47",
        "เงิ",
        "нет",
        "€",
        '"€ 50"',
        "strass*",
        "o'l",
        "l'e",
        "it's due",
    ),
    *("e mail", "ⅷ", "０", "+49 170 12", "0170 1234567", "01701234", "491701", "34567"),
)


@pytest.fixture
def texts(db: None) -> list[Message]:
    rng = Random(4)
    made = [
        make_message(
            subject=" ".join(rng.choices(_VOCABULARY, k=2)),
            recipient_name=rng.choice(("Ana Silva", "Søren O’Leary", "王小明", "")),
            content=" ".join(rng.choices(_VOCABULARY, k=rng.randint(0, 12))),
        )
        for _ in range(60)
    ]
    return [*made, make_message(type=MessageType.SMS, destination="+49(170)123.45.67", content="up")]


def _found(text: str, *, phrase: bool = False) -> list[int]:
    asked = Message.objects.filter(holding(ask(text, phrase=phrase)).condition)
    return sorted(asked.values_list("pk", flat=True))


def _looked_at(text: str, messages: list[Message]) -> list[int]:
    question = ask(text)
    made = Message.objects.filter(pk__in=[each.pk for each in messages]).values_list(*index.COLUMNS)
    return sorted(pk for pk, *parts in made if question.is_in(of_message(Parts(*parts)) or []))


def _fill() -> None:
    indexing.fill(5)


def test_the_index_answers_as_looking_at_each_message_does(texts: list[Message], monkeypatch: Any) -> None:
    answers = {text: _looked_at(text, texts) for text in _ASKED}
    assert sum(map(bool, answers.values())) > 45
    assert all(answers[text] == [texts[-1].pk] for text in ("+49 170 12", "01701234", "491701", "34567"))
    assert {text: _found(text) for text in _ASKED} == answers  # nothing is filled in yet
    monkeypatch.setitem(indexing._BATCH, connection.vendor, 7)
    newest = newest_id(Message)
    while indexing.step(newest):  # killed between any two
        for text in ("rent", "京都", '"rent due"', "0170 1234567"):
            assert _found(text) == answers[text] or WordsReach.objects.get().floor
    assert indexing.left() == (0, 0)
    assert {text: _found(text) for text in _ASKED} == answers
    monkeypatch.setitem(index._COMMON, connection.vendor, 0)  # as if many held them
    assert {text: _found(text) for text in _ASKED} == answers
    make_message(content="new rent due")
    assert len(_found('"new rent"')) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rent, due.", ["rent", "due"]),
        ("O’Leary’s e‑mail", ["olearys", "e", "mail"]),
        ("€1,250.00 100%", ["€", "1", "250", "00", "100", "%"]),
        ("第3章", ["第", "3", "章"]),
        ("東京都", ["東京", "京都", "都"]),
        ("Straße ÖZTÜRK", ["strasse", "ozturk"]),
        ("\u202eabc\u200b", ["abc"]),
        ("– … !", []),
        ("x" * 300, ["x" * 200]),
    ],
)
def test_texts_come_apart_into_words(text: str, expected: list[str]) -> None:
    assert lexemes(text) == expected


def test_old_messages_are_filled_in_downwards_and_are_read_until_then(
    texts: list[Message], monkeypatch: Any
) -> None:
    monkeypatch.setitem(indexing._BATCH, connection.vendor, 10)
    expected = _looked_at("strasse", texts)
    indexing.begin()
    floors = [WordsReach.objects.get().floor]
    while indexing.step(newest_id(Message)):
        floors.append(WordsReach.objects.get().floor)
        # An accent is not seen by reading, but nothing that is spelled so is missed.
        assert {pk for pk in expected if "strasse" in Message.objects.get(pk=pk).content} <= set(
            _found("strasse")
        )
    assert floors == sorted(floors, reverse=True)
    assert floors[-1] == 0
    assert _found("strasse") == expected
    WordsReach.objects.update(version=VERSION - 1)  # an upgrade that spells words otherwise
    assert _found("strasse") == expected
    call_command("reindex", verbosity=0)
    assert (indexing.left(), _found("strasse")) == ((0, 0), expected)


def test_words_that_went_are_gone_from_the_index_at_once(texts: list[Message]) -> None:
    _fill()
    those = Message.objects.filter(pk__in=_found("silva"))
    pks = sorted(those.values_list("pk", flat=True))
    with transaction.atomic():
        assert words.empty(pks[:2], datetime(2026, 1, 1, tzinfo=UTC)) == 2
        rows.delete(pks[2:4])
        assert not MessageWords.objects.filter(pk__in=pks[2:4]).exists()
    assert _found("silva") == [*pks[:2], *pks[4:]]  # names stay
    kept = MessageWords.objects.filter(pk=pks[0]).extra(select={"said": "CAST(words AS text)"})
    (said,) = kept.values_list("said", flat=True)
    assert "silva" in said
    assert not {"rent", "京都", "due"} & set(said.replace("'", " ").replace(":", " ").split())


def test_a_text_that_is_too_long_for_the_index_is_read(db: None) -> None:
    often = make_message(content="rent " * 300 + "is due tomorrow")
    huge = make_message(content="x " * 100_001 + "rent is due")
    make_message(content="rent due is")
    _fill()
    assert {often.pk, huge.pk} <= set(_found("rent due"))
    assert _found('"rent is due"') == [often.pk, huge.pk]
    expected = Extent.WHOLE if connection.vendor == "sqlite" else Extent.WORDS
    assert MessageWords.objects.get(pk=often.pk).extent == expected
    assert MessageWords.objects.get(pk=huge.pk).extent == Extent.NOTHING


def test_contains_means_any_part_whatever_the_index_knows(texts: list[Message]) -> None:
    def contains(part: str) -> tuple[set[int], bool]:
        asked = narrow(Message.objects.all(), [Criterion("text", Operator.CONTAINS, (part,))])
        return set(asked.values_list("pk", flat=True)), MessageWords._meta.db_table in str(asked.query)

    parts = (
        "t due",
        "ent due rent",
        "it_em",
        "-mail ana@exam",
        "Rent",
        "100% €",
        "due. due",
        "'s due",
        "e 京都",
    )
    before = {part: contains(part)[0] for part in parts}
    _fill()
    assert {part: contains(part)[0] for part in parts} == before
    assert contains("t due rent")[1] or connection.vendor == "sqlite"
    assert [words_of_part(part).terms for part in ("rent", "京都 due")] == [(), ()]
    assert words_of_part("x rent is du").terms[0].lexemes == ("rent", "is", "du")


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["subject", "recipient"])
@pytest.mark.parametrize("operator", [Operator.EQUALS, Operator.STARTS_WITH])
@pytest.mark.parametrize(
    "said", ["Ana Silva", "ANA", "straße 京都", "Your €5 is due", "O'Brien", "Ана Сильва", "ana  silva", "-"]
)
def test_a_whole_text_is_looked_for_by_its_words(field: str, operator: Operator, said: str) -> None:
    column = {"subject": "subject", "recipient": "recipient_name"}[field]
    spelled = [
        "Ána Silva", "ana silva", "Ana Silvas", "STRASSE 京都", "straße 京都市", "your €5 is DUE", "o’brien",
        "O'BRIEN", "АНА СИЛЬВА", "Ana  Silva", "-", "- -", "Dr Ana Silva",
    ]  # fmt: skip
    for text in spelled:
        make_message(**{column: text}, content="Ana Silva")
    asked = [Criterion(field, operator, (said,))]
    before = sorted(narrow(Message.objects.all(), asked).values_list("pk", flat=True))
    _fill()
    found = narrow(Message.objects.all(), asked)
    assert sorted(found.values_list("pk", flat=True)) == before
    assert before or operator == Operator.EQUALS or not said.isascii()


@pytest.fixture
def other_session() -> Iterator[Any]:
    made: dict[str, threading.Event] = {"written": threading.Event(), "end": threading.Event()}

    def write() -> None:
        with transaction.atomic():
            make_message(content="late words", lane=make_lane())
            made["written"].set()
            made["end"].wait(10)
        connection.close()

    thread = threading.Thread(target=write)

    def begin() -> Any:
        thread.start()
        assert made["written"].wait(10)
        return lambda: (made["end"].set(), thread.join())

    yield begin
    made["end"].set()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_what_is_committed_late_with_a_lower_id_is_not_passed_by(other_session: Any) -> None:
    make_lane()
    commit = other_session()
    newer = make_message(MessageState.SENT, content="early words")
    settled = Settled()
    for _ in range(3):
        indexing.step(settled.look())
    assert settled.pk < newer.pk - 1
    assert _found("words") == [newer.pk]
    commit()
    assert _found("late") == [newer.pk - 1]
    for _ in range(3):
        indexing.step(settled.look())
    assert indexing.left() == (0, 0)
    assert _found("words") == [newer.pk - 1, newer.pk]


def test_nothing_is_asked_while_nothing_was_committed_since_nothing_was_left(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamp = "1"
    monkeypatch.setattr(indexing, "committed", lambda: (1, stamp))
    settled = Settled()
    make_message(content="first words")
    while indexing.turn(settled) != indexing.REST_OF_A_SUPERVISOR:
        assert indexing.left()[1] == 0  # one turn filled it in
    with CaptureQueriesContext(connection) as asked:
        assert indexing.turn(settled) == indexing.REST_OF_A_SUPERVISOR
    assert len(asked) == 0

    later = make_message(content="later words")
    stamp = "2"
    indexing.turn(settled)
    assert _found("later") == [later.pk]


def test_reading_finds_parts_of_words(db: None) -> None:
    wanted = make_message(content="your parents")
    _fill()
    assert list(Message.objects.filter(reading(ask("aren")))) == [wanted]
    assert _found("aren") == []
