"""What the search box makes of words: indexed, new and old messages, parts, and what the page says of it."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client

from commlog.kit.limits import TookTooLong
from commlog.log import page, partial_search
from commlog.retention import holds
from notifications.models import HeldMessage, WordsReach
from notifications.models.legal_hold import LegalHold
from notifications.states import MessageState
from notifications.words import indexing
from notifications.words.lexemes import VERSION
from tests.factories import make_message, make_user

pytestmark = pytest.mark.django_db
URL = "/communications/"


def _listed(pages: Client, text: str, **more: str) -> list[str]:
    log = pages.get(URL, {"q": text} | more).context["log"]
    assert not log.faulty
    return [row.message.subject for row in log.rows]


def test_words_are_listed_newest_first_with_every_filter(pages: Client) -> None:
    make_message(MessageState.FAILED, subject="first", content="Your instalment of March is due")
    make_message(MessageState.SENT, subject="second", content="Instalments: none due")
    indexing.fill(5)
    make_message(MessageState.FAILED, subject="third", content="The last instalment, due soon")
    make_message(MessageState.FAILED, subject="else", content="Nothing is due; installation")
    assert _listed(pages, "due inst*") == ["else", "third", "second", "first"]
    assert _listed(pages, "due instalm", state="FAILED") == ["third", "first"]
    assert _listed(pages, '"instalment" due') == ["third", "first"]
    assert _listed(pages, '"instalment due"') == ["third"]
    assert _listed(pages, "talment") == []
    assert _listed(pages, "*talment") == ["third", "second", "first"]
    assert _listed(pages, "*s due") == ["else", "first"]


@pytest.mark.parametrize("number", [1, 3])
def test_a_search_for_words_asks_as_much_whatever_it_finds(
    pages: Client, django_assert_num_queries: object, number: int
) -> None:
    for _ in range(number):
        make_message(MessageState.SENT, content="Your instalment is due")
    indexing.fill(5)
    pages.get(URL)
    with django_assert_num_queries(16 if connection.vendor == "sqlite" else 20):  # type: ignore[operator]
        assert len(_listed(pages, "instalment")) == number


def test_the_page_says_what_is_not_indexed_yet(pages: Client, settings: object) -> None:
    made = [
        make_message(subject=f"of {day}", created_at=datetime(2026, 3, day, 12, tzinfo=UTC)) for day in (1, 2)
    ]
    indexing.fill(5)
    assert pages.get(URL, {"q": "payment"}).context["log"].notices == []
    WordsReach.objects.update(floor=made[0].pk)
    found = pages.get(URL, {"q": "payment"}).context["log"]
    assert len(found.rows) == 2
    assert "from before 2 Mar 2026" in found.notices[0]
    WordsReach.objects.update(floor=0, reach=0, version=VERSION)
    worded = pages.get(URL, {"q": "payment"}).context["log"]
    assert (len(worded.rows), worded.notices) == (2, [])  # few are looked at one by one


@pytest.mark.parametrize(
    ("text", "whole", "said"),
    [
        ("*ayment", False, "Searching for parts of words takes long"),
        ("payment", False, "being indexed"),
        ("payment", True, "Many messages have these words"),
    ],
)
def test_a_search_that_is_stopped_says_how_far_back_it_looked(
    pages: Client, monkeypatch: pytest.MonkeyPatch, text: str, whole: bool, said: str
) -> None:
    old, new = (make_message(subject=each) for each in ("old", "new"))
    indexing.fill(5)
    WordsReach.objects.update(floor=0 if whole else old.pk)

    def stopped(*_: object, **__: object) -> None:
        raise TookTooLong

    monkeypatch.setattr(partial_search, "NEWEST", 1)
    monkeypatch.setattr(page, "_page", stopped)
    log = pages.get(URL, {"q": text}).context["log"]
    assert [row.message for row in log.rows] == [new]
    assert any(said in each and "Searched back to" in each for each in log.notices)
    assert not log.next_url


def test_a_hold_by_a_view_keeps_what_has_the_words_or_a_part_of_them() -> None:
    hold = LegalHold.objects.create(
        reason="case", label="rents", placed_by=make_user("ada"), placed_by_name="Ada", pairs=[["q", "rent"]]
    )
    kept = [make_message(content=each) for each in ("Rént due", "parents", "rents")]
    make_message(content="nothing")
    indexing.fill(5)
    while holds.look_through(hold):
        continue
    assert sorted(HeldMessage.objects.values_list("message", flat=True)) == [each.pk for each in kept]
