"""Searching: criteria, order, pages, and what is refused."""

import json
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commlog.api import pages
from notifications.models import Message
from notifications.states import MessageState, MessageType
from tests.commlog.api.conftest import Program, refusal
from tests.factories import make_attempt, make_client, make_group, make_message, make_resend, officer

pytestmark = pytest.mark.django_db
SEARCH = "/api/communications/messages:search"
SORTED = "/api/communications/messages:searchSorted"
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def _made(number: int, **fields: Any) -> list[Message]:
    """So many messages, a second apart, newest first."""
    return [
        make_message(MessageState.SENT, created_at=NOW - timedelta(seconds=each), **fields)
        for each in range(number)
    ]


def _keys(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [message["encodedKey"] for message in response.json()]


def _criterion(field: str, operator: str, **values: Any) -> dict[str, Any]:
    return {"field": field, "operator": operator} | values


def test_an_answer_holds_the_fields_of_the_interface_and_no_null(program: Program, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    client, by = make_client(), officer()
    failed = make_message(
        MessageState.FAILED,
        created_at=NOW,
        client=client,
        sender_user=by,
        sender=by.name,
        event="LOAN_REPAYMENT",
    )
    (found,) = program.post(SEARCH, [_criterion("state", "EQUALS", value="FAILED")]).json()
    assert found == {
        "encodedKey": failed.key.hex,
        "type": "EMAIL",
        "state": "FAILED",
        "creationDate": "2026-11-24T10:00:00.000000+01:00",
        "destination": "ana@example.org",
        "subject": "Payment due",
        "body": "Dear Ana, your payment is due.",
        "event": "LOAN_REPAYMENT",
        "senderKey": by.key.hex,
        "clientKey": client.key.hex,
        "failureReason": "MESSAGING_EXCEPTION",
        "failureCause": "550 5.1.1 no such user",
        "numRetries": 0,
        "outcome": "REFUSED",
    }


@pytest.mark.parametrize(
    "body", [[], {}, {"filterCriteria": []}, {"filterCriteria": None, "sortingCriteria": None}]
)
def test_without_criteria_everything_is_found_newest_first(program: Program, body: Any) -> None:
    made = _made(3)
    assert _keys(program.post(SEARCH, body)) == [message.key.hex for message in made]


@pytest.mark.parametrize("prefix", ["/api", ""])
def test_it_answers_with_the_prefix_and_without_whatever_is_accepted(program: Program, prefix: str) -> None:
    (made,) = _made(1)
    for accept in ("application/vnd.mambu.v2+json", "text/*", "*/*", "image/png"):
        assert _keys(program.post(f"{prefix}/communications/messages:search", [], Accept=accept)) == [
            made.key.hex
        ]


def test_clients_write_operators_in_any_case_numbers_as_numbers_and_null_for_absent(program: Program) -> None:
    (made,) = _made(1, destination="12345")
    for criterion in (
        _criterion("destination", "equals", value=12345, secondValue=None, values=None),
        _criterion("type", "in", values=["EMAIL", "sms"]),
        _criterion("creationDate", "Between", value="2026-11-24T09:00:00.000000Z", secondValue="2026-11-24"),
        _criterion("creationDate", "LAST_DAYS", value=36_500),
        _criterion("creationDate", "LAST_DAYS", value=36_500.0),
    ):
        assert _keys(program.post(SEARCH, [criterion])) == [made.key.hex], criterion


def test_one_message_by_its_key(program: Program) -> None:
    failed = make_message(MessageState.FAILED)
    make_attempt(failed)
    resent = make_resend(failed)
    path = f"/api/communications/messages/{failed.key.hex}"
    assert program.get(path).json()["encodedKey"] == failed.key.hex
    assert "attempts" not in program.get(path).json()
    (attempt,) = program.get(f"{path}?detailsLevel=FULL").json()["attempts"]
    assert (attempt["number"], attempt["outcome"], attempt["failureCause"]) == (
        1,
        "REFUSED",
        "550 5.1.1 no such user",
    )
    assert program.get(f"/communications/messages/{resent.key.hex}").json()["resendOf"] == failed.key.hex


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("0" * 32, (404, 2608, "MESSAGE_NOT_FOUND", "0" * 32)),
        (
            "xyz",
            (
                400,
                2502,
                "INVALID_COMMUNICATION_MESSAGE_ENCODED_KEY",
                "encodedKey: must be a key of 32 hexadecimal characters",
            ),
        ),
        (
            "0" * 32 + "?detailsLevel=ALL",
            (400, 4, "INVALID_PARAMETERS", "detailsLevel: must be BASIC or FULL"),
        ),
        (
            "0" * 32 + "?limit=5",
            (400, 27, "PARAMETER_NOT_ALLOWED", "limit: unknown parameter; allowed: detailsLevel"),
        ),
    ],
)
def test_no_such_message(program: Program, key: str, expected: Any) -> None:
    assert refusal(program.get(f"/api/communications/messages/{key}")) == expected


def test_pages_by_offset_say_where_they_are_when_asked(program: Program) -> None:
    made = [message.key.hex for message in _made(5)]
    plain = program.post(f"{SEARCH}?limit=2", [])
    assert _keys(plain) == made[:2]
    assert [name for name in plain.headers if name.startswith("Items-")] == ["Items-Next-Cursor"]
    page = program.post(f"{SEARCH}?limit=2&offset=2&paginationDetails=ON", [])
    assert _keys(page) == made[2:4]
    assert [page[f"Items-{name}"] for name in ("Total", "Limit", "Offset")] == ["5", "2", "2"]
    beyond = program.post(f"{SEARCH}?offset=1000000&paginationDetails=ON", [])
    assert (_keys(beyond), beyond["Items-Total"], beyond["Items-Limit"]) == ([], "5", "1000")
    assert "Items-Total-Estimated" not in beyond


def test_a_limit_of_none_answers_the_headers_alone(program: Program) -> None:
    made = _made(3)
    for query in ("limit=0", "limit=0&offset=2"):
        answer = program.post(f"{SEARCH}?{query}&paginationDetails=ON", [])
        assert (_keys(answer), answer["Items-Total"], answer["Items-Limit"]) == ([], "3", "0")
        assert "Items-Next-Cursor" not in answer
    start = program.post(f"{SEARCH}?limit=0&cursor=_", [])["Items-Next-Cursor"]
    assert _keys(program.post(f"{SEARCH}?cursor={start}", [])) == [message.key.hex for message in made]
    assert refusal(program.post(f"{SEARCH}?limit=0&cursor=nonsense", []))[:2] == (404, 29)


def test_a_total_beyond_the_last_offset_is_estimated_and_says_so(program: Program, monkeypatch: Any) -> None:
    made = _made(5)
    monkeypatch.setattr(pages, "DEEPEST", 5)
    monkeypatch.setattr(pages, "COUNTED_WHOLE", 0)
    exact = program.post(f"{SEARCH}?paginationDetails=ON", [])
    assert (exact["Items-Total"], "Items-Total-Estimated" in exact) == ("5", False)
    monkeypatch.setattr(pages, "DEEPEST", 3)
    for body in ([], [_criterion("state", "EQUALS", value="SENT")]):
        estimate = program.post(f"{SEARCH}?paginationDetails=ON&limit=1", body)
        assert estimate["Items-Total-Estimated"] == "true"
        assert (
            4 <= int(estimate["Items-Total"]) <= max(message.pk for message in made) + 10_000
        )  # PostgreSQL has not looked at so new a table
    assert _keys(estimate) == [made[0].key.hex]


def test_pages_by_offset_read_every_message_once_in_order(program: Program) -> None:
    made = [message.key.hex for message in _made(23)]
    oldest_first = {"filterCriteria": [], "sortingCriteria": {"field": "creationDate", "order": "ASC"}}
    read = [
        key
        for offset in range(0, 40, 5)
        for key in _keys(program.post(f"{SORTED}?offset={offset}&limit=5", oldest_first))
    ]
    assert read == made[::-1]


@pytest.mark.parametrize("field", ["creationDate", "encodedKey"])
def test_messages_are_passed_over_in_an_index_alone(program: Program, field: str) -> None:
    _made(3)
    body = {"filterCriteria": [], "sortingCriteria": {"field": field, "order": "ASC"}}
    with CaptureQueriesContext(connection) as queries:
        assert len(_keys(program.post(f"{SORTED}?offset=1", body))) == 2
    (skips,) = [query["sql"] for query in queries if "OFFSET 1" in query["sql"]]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {skips}")
        else:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
            cursor.execute("SET LOCAL enable_sort = off")
            cursor.execute(f"EXPLAIN {skips}")
        plan = str(cursor.fetchall()).upper()
    assert "COVERING INDEX" in plan or "INDEX ONLY SCAN" in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize(
    "field",
    ["creationDate", "encodedKey", "sendDate", "senderKey", "clientKey", "groupKey", "userKey", "type"],
)
@pytest.mark.parametrize("order", ["ASC", "desc", None])
def test_a_walk_by_cursor_meets_every_message_once_in_order(
    program: Program, field: str, order: str | None
) -> None:
    people = {"sender_user": [None, officer(), officer()], "client": [make_client(), None, make_client()]}
    people |= {"group": [None, make_group(), make_group()], "user": [officer(), None, None]}
    for number in range(7):
        state = MessageState.SENT if number % 3 else MessageState.QUEUED
        kind = list(MessageType)[number % 4]
        make_message(
            state,
            kind,
            created_at=NOW + timedelta(hours=number // 2),
            **{name: rows[number % 3] for name, rows in people.items()},
        )
    body = {"filterCriteria": [], "sortingCriteria": {"field": field, "order": order}}
    whole = program.post(SORTED, body).json()
    walked, cursor = [], ""
    for _ in range(4):
        page = program.post(f"{SORTED}?limit=2{cursor}", body)
        walked += page.json()
        offset = program.post(f"{SORTED}?limit=2&offset={len(walked) - len(page.json())}", body)
        assert offset.content == page.content
        cursor = f"&cursor={page.headers.get('Items-Next-Cursor', '')}"
    assert walked == whole
    assert cursor == "&cursor="
    values = [message[field] for message in walked if field in message]
    assert values == sorted(values, reverse=order != "ASC")
    assert all(field not in message for message in walked[len(values) :])
    assert len(walked) == 7


def test_a_walk_begins_with_an_underscore_and_ends_with_an_empty_cursor(program: Program) -> None:
    made = [message.key.hex for message in _made(4)]
    walked, cursor = [], "_"
    while cursor:
        page = program.post(f"{SEARCH}?limit=2&cursor={cursor}", [])
        walked += _keys(page)
        cursor = page["Items-Next-Cursor"]
    assert walked == made
    assert (
        program.post(f"{SEARCH}?cursor=_", [_criterion("state", "EQUALS", value="FAILED")])[
            "Items-Next-Cursor"
        ]
        == ""
    )
    assert refusal(program.post(f"{SEARCH}?cursor=_&offset=1", []))[:2] == (400, 27)


@pytest.mark.parametrize(
    ("field", "value"),
    [("type", "TASK"), ("state", "KAFKA_SUCCESS_KINESIS_FAILED")],
)
def test_values_that_nothing_is_stored_with_find_nothing(program: Program, field: str, value: str) -> None:
    (made,) = _made(1)
    for operator, values, found in (
        ("EQUALS", {"value": value.lower()}, []),
        ("IN", {"values": [value]}, []),
        ("DIFFERENT_THAN", {"value": value}, [made.key.hex]),
    ):
        assert _keys(program.post(SEARCH, [_criterion(field, operator, **values)])) == found


def test_a_cursor_belongs_to_its_order_and_replaces_the_offset(program: Program) -> None:
    _made(3)
    cursor = program.post(f"{SEARCH}?limit=1", [])["Items-Next-Cursor"]
    other = {"filterCriteria": [], "sortingCriteria": {"field": "creationDate", "order": "ASC"}}
    for response in (
        program.post(f"{SORTED}?cursor={cursor}", other),
        program.post(f"{SEARCH}?cursor=nonsense", []),
    ):
        assert refusal(response)[:2] == (404, 29)
    assert refusal(program.post(f"{SEARCH}?cursor={cursor}&offset=1", []))[:2] == (400, 27)


def test_an_order_without_index_is_refused_for_a_long_list(program: Program, monkeypatch: Any) -> None:
    _made(3)
    body = {"filterCriteria": [], "sortingCriteria": {"field": "sendDate"}}
    monkeypatch.setattr(pages, "MOST_SORTED", 2)
    assert refusal(program.post(SORTED, body))[:3] == (400, 2118, "COLUMN_NOT_SORTABLE")
    monkeypatch.setattr(pages, "MOST_SORTED", 3)
    assert len(_keys(program.post(SORTED, body))) == 3


def test_an_answer_that_no_resend_could_take_is_refused(program: Program, settings: Any) -> None:
    _made(2, content="x" * 400)
    settings.API_LARGEST_ANSWER = 1_000
    assert refusal(program.post(SEARCH, []))[:2] == (400, 14)
    assert len(_keys(program.post(f"{SEARCH}?limit=1", []))) == 1


@pytest.mark.parametrize("query", ["", "?detailsLevel=FULL", "?paginationDetails=ON"])
def test_the_number_of_queries_does_not_grow(program: Program, query: str) -> None:
    counts = []
    client, by = make_client(), officer()
    for number in (1, 2):
        for message in _made(number, client=client, sender_user=by, user=by, group=make_group()):
            make_attempt(message)
        program.post(SEARCH + query, [])
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert len(_keys(program.post(SEARCH + query, []))) == (1 if number == 1 else 3)
        counts.append(len([query for query in queries if query["sql"].startswith("SELECT")]))
    # The key with its consumer and permissions, the messages with their texts; attempts or the total.
    assert counts == ([2, 2] if not query else [3, 3])


def _large(number: int, **fields: Any) -> list[Message]:
    return _made(number, content="ä" * 1_500_000, **fields)


def test_a_large_answer_is_whole_and_says_its_length(program: Program) -> None:
    made = _large(4)
    for message in made:
        make_attempt(message)
    answer = program.post(f"{SEARCH}?detailsLevel=FULL&paginationDetails=ON", [])
    content = b"".join(answer.streaming_content)
    shown = json.loads(content)
    assert [each["encodedKey"] for each in shown] == [message.key.hex for message in made]
    assert {(each["body"], len(each["attempts"])) for each in shown} == {("ä" * 1_500_000, 1)}
    assert (answer["Content-Length"], answer["Content-Type"]) == (str(len(content)), "application/json")
    assert (answer["Items-Total"], answer["Items-Limit"]) == ("4", "1000")
    answer.close()


def test_an_error_in_the_middle_of_a_large_answer_is_an_error(program: Program, settings: Any) -> None:
    _large(4)
    settings.API_LARGEST_ANSWER = 10_000_000
    assert refusal(program.post(SEARCH, []))[:2] == (400, 14)
    assert len(json.loads(b"".join(program.post(f"{SEARCH}?limit=3", []).streaming_content))) == 3


def test_an_answer_takes_little_memory_however_much_its_messages_hold(program: Program) -> None:
    for _ in range(12):
        _made(1, content="x" * 4_000_000)
    tracemalloc.start()
    answer = program.post(SEARCH, [])
    written_out = sum(len(part) for part in answer.streaming_content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert written_out > 48_000_000
    assert peak < 30_000_000


_KEY = uuid4().hex


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("FAILED", 4, "the body: must be a list of criteria, or an object"),
        (None, 4, "the body: must be a list of criteria, or an object"),
        ({"filters": []}, 27, "the body: there is no filters"),
        ({"filterCriteria": {}}, 2099, "filterCriteria: must be a list"),
        ([[]], 4, "criterion 1: must be an object with field, operator and value"),
        ([_criterion("state", "EQUALS", value="FAILED"), {}], 31, "criterion 2: field is missing"),
        ([{"field": "state"}], 31, "criterion 1: operator is missing"),
        (
            [_criterion("text", "EQUALS", value="x")],
            2100,
            "field: text: unknown field; allowed: state, type",
        ),
        ([_criterion(5, "EQUALS", value="x")], 2100, "criterion 1.field: must be text"),  # type: ignore[arg-type]
        ([_criterion("state", "LIKE", value="x")], 2101, "state: unknown operator LIKE"),
        (
            [_criterion("state", "AFTER", value="x")],
            2101,
            "state: AFTER is for fields of the kind DATE_TIME; this one is ENUM",
        ),
        ([_criterion("state", "EQUALS", value="LOST")], 2102, "state: unknown value LOST"),
        ([_criterion("state", "EQUALS")], 2102, "state: EQUALS: value is missing"),
        (
            [_criterion("state", "EQUALS", value="FAILED", secondValue="x")],
            2103,
            "state: EQUALS: takes no secondValue",
        ),
        (
            [_criterion("state", "EQUALS", value="FAILED", values=["x"])],
            2099,
            "state: EQUALS: takes no values",
        ),
        ([_criterion("state", "EQUALS", value=["FAILED"])], 2102, "state: must be text"),
        ([_criterion("state", "EQUALS", value="FAILED", scope="all")], 27, "criterion 1: there is no scope"),
        ([_criterion("state", "EMPTY", value="x")], 2102, "state: EMPTY: takes no value"),
        ([_criterion("state", "IN", value="FAILED")], 2102, "state: IN: takes no value"),
        ([_criterion("state", "IN", values=[])], 2099, "state: enter at least one value"),
        ([_criterion("state", "IN", values="FAILED")], 2099, "state: values must be a list"),
        ([_criterion("clientKey", "IN", values=[_KEY] * 1_001)], 2099, "clientKey: 1,001 values are given"),
        (
            [_criterion("clientKey", "EQUALS", value="x")],
            2102,
            "clientKey: must be a key of 32 hexadecimal characters",
        ),
        (
            [_criterion("creationDate", "BETWEEN", value="2026-11-24")],
            2103,
            "creationDate: BETWEEN: secondValue is missing",
        ),
        (
            [_criterion("creationDate", "BETWEEN", value="2026-11-24", secondValue="2026-11-23")],
            2103,
            "creationDate: the second value is before the first",
        ),
        (
            [_criterion("creationDate", "AFTER", value="2026-11-24T09:14:00")],
            2102,
            "creationDate: a time needs its offset",
        ),
        (
            [_criterion("type", "EQUALS", value="SMS")] * 51,
            2104,
            "filterCriteria: 51 are given, at most 50 are allowed",
        ),
    ],
)
def test_criteria_that_are_refused(program: Program, body: Any, code: int, said: str) -> None:
    status, number, _, source = refusal(program.post(SEARCH, json.dumps(body)))
    assert (status, number) == (400, code)
    assert source.startswith(said)


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ([], 4, "the body: must be an object"),
        ({"filterCriteria": []}, 31, "sortingCriteria: is missing"),
        ({"sortingCriteria": {"field": "type"}}, 31, "filterCriteria: is missing"),
        ({"filterCriteria": [], "sortingCriteria": []}, 4, "sortingCriteria: must be an object"),
        ({"filterCriteria": [], "sortingCriteria": {}}, 3740, "sortingCriteria.field: is missing"),
        (
            {"filterCriteria": [], "sortingCriteria": {"field": "state"}},
            2118,
            "sortingCriteria.field: state: must be one of creationDate",
        ),
        (
            {"filterCriteria": [], "sortingCriteria": {"field": "content"}},
            2117,
            "sortingCriteria.field: content: must be one of",
        ),
        (
            {"filterCriteria": [], "sortingCriteria": {"field": "type", "order": "UP"}},
            2119,
            "sortingCriteria.order: must be ASC or DESC",
        ),
        (
            {"filterCriteria": [], "sortingCriteria": {"field": "type", "order": 1}},
            2119,
            "sortingCriteria.order: must be text",
        ),
    ],
)
def test_orders_that_are_refused(program: Program, body: Any, code: int, said: str) -> None:
    status, number, _, source = refusal(program.post(SORTED, body))
    assert (status, number) == (400, code)
    assert source.startswith(said)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("offset=-1", 12), ("offset=1000001", 12), ("offset=99999999999999999999", 12), ("offset=x", 11),
        ("offset=1.0", 11), ("offset=%D9%A3", 11), ("limit=1001", 14), ("limit=-5", 14), ("limit=1e3", 13),
        ("limit=" + "9" * 5_000, 14), ("limit=%00", 13), ("paginationDetails=on", 4), ("limit=1&limit=2", 4),
        ("ofset=1", 27), ("%ED%A0%80=1", 27),
    ],
)  # fmt: skip
def test_pages_that_are_refused(program: Program, query: str, code: int) -> None:
    assert refusal(program.post(f"{SEARCH}?{query}", []))[:2] == (400, code)


@pytest.mark.parametrize("last", ["2026-11-25T08:00:00+13:00", "2026-11-25T00:30:00+13:00"])
def test_a_span_from_a_day_to_a_time_ahead_of_utc(program: Program, settings: Any, last: str) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"
    found = make_message(created_at=datetime(2026, 11, 24, 11, 15, tzinfo=UTC))
    make_message(created_at=datetime(2026, 11, 24, 10, 45, tzinfo=UTC))
    span = _criterion("creationDate", "BETWEEN", value="2026-11-25", secondValue=last)
    assert _keys(program.post(SEARCH, [span])) == [found.key.hex]
    wrong = _criterion("creationDate", "BETWEEN", value=last, secondValue="2026-11-24")
    assert refusal(program.post(SEARCH, [wrong]))[1:] == (
        2103,
        "INVALID_FILTER_SECOND_VALUE",
        "creationDate: the second value is before the first",
    )
