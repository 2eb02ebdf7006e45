"""Keyset pages: every row once, in order, both ways, with equal values and with empty ones."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from commlog.kit.paging import BadCursor, Sorting, beside, cursor_of, fetch
from commlog.log.columns import CATALOGUE, annotations_of
from notifications.models import Message
from notifications.models.message import MessageQuerySet
from notifications.states import MessageState, MessageType
from tests import databases
from tests.factories import make_client, make_group, make_message, make_user

pytestmark = pytest.mark.django_db
NOW = timezone.now().replace(microsecond=0)
SORTINGS = [
    column.sorting(descending=down) for column in CATALOGUE.values() if column.order for down in (False, True)
]


@pytest.fixture(scope="module")
def written(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """What all orders are tried with, made once: `_rows`, or `_long_names` of these letters."""
    with databases.rolled_back(django_db_blocker):
        _long_names(request.param) if request.param else _rows()
        yield


def _rows() -> None:
    """Twenty-three rows: equal times, times with and without fractions, sent times, clients and origins that
    are missing.
    """
    states = [MessageState.SENT, MessageState.FAILED, MessageState.QUEUED]
    people = [make_client(), None, make_client()]
    failed = make_message(MessageState.FAILED, created_at=NOW)
    for number in range(22):
        state = states[number % 3]
        values: dict[str, Any] = {
            "created_at": NOW + timedelta(seconds=number // 4, microseconds=500 * (number % 2))
        }
        if state == MessageState.SENT:
            values["sent_at"] = NOW + timedelta(minutes=number // 6)
        values |= {
            "client": people[number % 3],
            "attempt_count": number % 4,
            "possible_duplicate": number % 3 == 0,
        }
        values |= {
            "resend_of": failed if number % 4 == 0 else None,
            "subject": ["", "é" * 90, "Payment"][number % 3],
        }
        kind = [MessageType.EMAIL, MessageType.SMS][number % 2]
        make_message(
            state,
            kind,
            sender=f"S{number % 5}",
            recipient_name=["Ana", "ana", "Éva", "李", ""][number % 5],
            **values,
        )


def _long_names(letters: str) -> None:
    """Names as long as their columns, the same up to their last letters."""
    for number in range(7):
        long = (letters * 500)[: 196 + number % 2]
        who = {
            "client": make_client(first_names=long[:150], last_name=long[:149] + str(number % 3)),
            "group": make_group(name=long[:150]),
        }
        texts = dict.fromkeys(
            ("sender", "recipient_name", "resent_by", "template_name", "destination", "subject", "content"),
            long,
        )
        failed = {"failure_cause": long, "event": long[:64]}
        make_message(
            MessageState.FAILED,
            user=make_user(f"ada{number}", first_name=long[:150], last_name=long[:150]),
            **who,
            **texts,
            **failed,
        )


def _messages(sorting: Sorting) -> MessageQuerySet:
    return Message.objects.annotate(**annotations_of(sorting.columns))


def _expected(sorting: Sorting) -> list[int]:
    """The whole list, sorted by the database at once: the order of text is the database's."""
    names = (*sorting.columns, "pk")
    orders = [
        F(name).desc(nulls_last=True) if sorting.descending else F(name).asc(nulls_last=True)
        for name in names
    ]
    return list(_messages(sorting).order_by(*orders).values_list("pk", flat=True))


@pytest.mark.parametrize("written", [""], indirect=True)
@pytest.mark.parametrize("sorting", SORTINGS, ids=lambda sorting: sorting.alias)
def test_walking_all_pages_both_ways_shows_every_row_once_in_order(sorting: Sorting, written: None) -> None:
    for size in (2, 5, 22, 23, 24):
        _walk_both_ways(sorting, size)


@pytest.mark.parametrize(
    "written",
    ["𠮷野家株", "\x01\x02", '"\\\\'],
    ids=["four bytes a letter", "control characters", "quotes"],
    indirect=True,
)
@pytest.mark.parametrize("sorting", SORTINGS, ids=lambda sorting: sorting.alias)
def test_no_text_is_too_long_for_the_address_of_the_next_page(sorting: Sorting, written: None) -> None:
    _walk_both_ways(sorting, 2)
    middle = _messages(sorting).get(pk=_expected(sorting)[3])
    assert [row and row.pk for row in beside(_messages(sorting), sorting, middle)] == [
        _expected(sorting)[place] for place in (2, 4)
    ]


def _walk_both_ways(sorting: Sorting, size: int) -> None:
    expected = _expected(sorting)

    forwards = [fetch(_messages(sorting), sorting, size=size)]
    while forwards[-1].after:
        forwards.append(fetch(_messages(sorting), sorting, size=size, after=forwards[-1].after))
    assert [row.pk for page in forwards for row in page.rows] == expected
    assert not forwards[0].before

    backwards = [forwards[-1]]
    while backwards[-1].before:
        backwards.append(fetch(_messages(sorting), sorting, size=size, before=backwards[-1].before))
    assert [row.pk for page in reversed(backwards) for row in page.rows] == expected
    assert [len(page.rows) for page in reversed(backwards)] == [len(page.rows) for page in forwards]


@pytest.mark.parametrize("written", [""], indirect=True)
def test_going_back_to_a_start_that_has_grown_gives_a_full_first_page(written: None) -> None:
    sorting = CATALOGUE["created"].sorting(descending=True)
    second = fetch(
        Message.objects.all(), sorting, size=5, after=fetch(Message.objects.all(), sorting, size=5).after
    )
    make_message(created_at=NOW + timedelta(hours=1))
    page = fetch(Message.objects.all(), sorting, size=10, before=second.before)
    assert len(page.rows) == 10
    assert page.before == ""


@pytest.mark.parametrize("written", [""], indirect=True)
def test_pages_use_neither_count_nor_offset(written: None) -> None:
    with CaptureQueriesContext(connection) as queries:
        for sorting in SORTINGS:
            first = fetch(_messages(sorting), sorting, size=5)
            fetch(_messages(sorting), sorting, size=5, after=first.after)
    said = " ".join(query["sql"] for query in queries)
    assert "COUNT" not in said
    assert "OFFSET" not in said
    assert '("notifications_message"."created_at", "notifications_message"."id") <' in said


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's query plan")
@pytest.mark.parametrize(
    ("state", "index"), [(None, "message_listed"), (MessageState.FAILED, "message_failed")]
)
def test_a_deep_page_is_a_search_of_an_index(state: MessageState | None, index: str) -> None:
    sorting = CATALOGUE["created"].sorting(descending=True)
    with CaptureQueriesContext(connection) as queries:
        fetch(
            Message.objects.failed() if state else Message.objects.all(),
            sorting,
            size=5,
            after=cursor_of(make_message(), sorting),
        )
    sql = queries[-1]["sql"]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        plan = " ".join(str(line[3]) for line in cursor.fetchall())
    assert f"SEARCH notifications_message USING INDEX {index}" in plan
    assert "TEMP B-TREE" not in plan


def _forged(*values: Any) -> str:
    return urlsafe_b64encode(json.dumps(values).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "\0",
        "é" * 10,
        "A" * 5_000,
        "W" * 1_900,
        _forged(),
        _forged("-created"),
        _forged("created", "2026-01-01T00:00:00+00:00", 5),
        _forged("-created", "2026-01-01T00:00:00+00:00", "5"),
        _forged("-created", "2026-01-01T00:00:00+00:00", -5),
        _forged("-created", "2026-01-01T00:00:00+00:00", 10**400),
        _forged("-created", "2026-01-01T00:00:00+00:00", True),
        _forged("-created", "0001-01-01T00:00:00+14:00", 5),
        _forged("-created", "9999-12-31T23:59:59-14:00", 5),
        _forged("-created", "yesterday", 5),
        _forged("-created", None, 5),
        _forged("-created", {"a": 1}, 5),
        _forged("-created", "2026\0", 5),
        _forged("-created", 5, 5),
        _forged("-created", True, 5),
        _forged("-sent", None, 5),
    ],
)
def test_a_cursor_that_was_tampered_with_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        fetch(Message.objects.all(), CATALOGUE["created"].sorting(descending=True), size=5, after=cursor)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("attempts", "1"),
        ("attempts", -1),
        ("attempts", True),
        ("possible_duplicate", 1),
        ("client", 2**70),
        ("key", "x"),
    ],
)
def test_a_cursor_of_another_kind_of_value_is_refused(column: str, value: object) -> None:
    with pytest.raises(BadCursor):
        fetch(
            Message.objects.all(),
            CATALOGUE[column].sorting(descending=False),
            size=5,
            after=_forged(column, value, 5),
        )
