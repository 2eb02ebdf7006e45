"""Criteria: every operator of every field against a plain Python reading of some sixty messages, and what is
refused.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from notifications.criteria import (
    BY_API_NAME,
    FIELDS,
    Criterion,
    Field,
    Kind,
    Match,
    Operator,
    bounds,
    in_words,
    parse,
    to_q,
)
from notifications.failures import Reason
from notifications.failures.meanings import of_reason, stored
from notifications.faults import Fault, Malformed
from notifications.models import Message
from notifications.models.legal_hold import holds_on
from notifications.states import FINAL, MessageState, MessageType, Outcome
from notifications.text.spelling import fold
from tests.factories import make_client, make_group, make_message, make_resend, make_user

pytestmark = pytest.mark.django_db
ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 25, 22, 30, tzinfo=UTC)  # a Wednesday, 23:30 in Berlin
TEXTS = [
    "",
    "Payment due",
    "payment DUE",
    "100% sure",
    "it_em",
    "a\\b",
    "Ünïted 💶",
    "Payment due, again",
    "O'Neil",
    "Søren Ö-Å’n",
]


@pytest.fixture
def messages() -> list[Message]:
    """Sixty of them."""
    return random_messages(50)


def random_messages(number: int) -> list[Message]:
    """So many messages and ten resends, of every state and type, their texts, times and people at random
    (from a fixed seed).
    """
    dice = random.Random(7)
    clients, groups, users = (
        [make_client(), make_client()],
        [make_group()],
        [make_user("ada"), make_user("bo")],
    )
    moments = [
        NOW + timedelta(hours=hours) for hours in (-9_000, -700, -200, -60, -24, -23, -1, 0, 0.4, 0.6, 2)
    ]
    moments += [
        datetime(2026, 11, 24, 23, tzinfo=UTC),
        datetime(2026, 11, 25, 22, 59, 59, 999_999, tzinfo=UTC),
    ]
    for _ in range(number):
        state, kind = dice.choice(list(MessageState)), dice.choice(list(MessageType))
        created = dice.choice(moments)
        values: dict[str, Any] = {
            "destination": dice.choice(TEXTS),
            "recipient_name": dice.choice(TEXTS),
            "subject": dice.choice(TEXTS),
        }
        values |= {
            "content": dice.choice(TEXTS),
            "sender": dice.choice(TEXTS),
            "event": dice.choice(["", "LOAN_REPAYMENT", "loan_other"]),
        }
        values |= {
            "client": dice.choice([None, *clients]),
            "group": dice.choice([None, *groups]),
            "user": dice.choice([None, *users]),
        }
        values |= {"sender_user": dice.choice([None, *users]), "attempt_count": dice.choice([0, 1, 5, 6])}
        values |= {"possible_duplicate": dice.random() < 0.3, "created_at": created}
        accounts = [None, None, UUID(int=1), UUID(int=2)]
        values |= {
            f"{name}_key": dice.choice(accounts) for name in ("loan_account", "deposit_account", "repayment")
        }
        values |= {
            "reference_id": dice.choice(["", "", "Invoice 7"]),
            "provider_id": dice.choice(["", "SM1", "invoice 7"]),
        }
        if state == MessageState.SENT:
            values["sent_at"] = created + timedelta(minutes=dice.choice([0, 40]))
        if state == MessageState.FAILED:
            values |= {
                "failure_reason": dice.choice([Reason.OTHER, Reason.SMS_NOT_SENT]),
                "failure_cause": dice.choice(TEXTS),
            }
            values |= stored(of_reason(values["failure_reason"]))
            values["outcome"] = dice.choice([Outcome.UNKNOWN, Outcome.REFUSED])
        make_message(state, kind, **values)
    failed = list(Message.objects.failed())
    for number in range(10):
        make_resend(
            failed[number % len(failed)],
            MessageState.SENT if number % 3 else MessageState.FAILED,
            resent_by=dice.choice(TEXTS),
        )
    return list(
        Message.objects.select_related("client", "group", "user", "sender_user", "resend_of").order_by("id")
    )


# --- The plain reading --------------------------------------------------------------------------------------


def _undelivered(message: Message, everything: Sequence[Message]) -> bool:
    root = message.first_id or message.pk
    others = [other for other in everything if (other.first_id or other.pk) == root]
    helped = any(other.state == MessageState.SENT or other.state not in FINAL for other in others)
    return message.state == MessageState.FAILED and not helped


def value_of(field: Field, message: Message, everything: Sequence[Message]) -> Any:
    if field.key == "undelivered":
        return _undelivered(message, everything)
    if field.key == "outcome_unknown":
        return message.may_have_been_delivered
    if field.key == "restored":
        return message.restored_at is not None and message.outcome == Outcome.UNKNOWN
    if field.key == "on_hold":
        return bool(holds_on(message))
    if field.key == "text_deleted":
        return message.words_gone_at is not None
    if field.key == "resend":
        return message.resend_of_id is not None
    if field.key == "key":
        return message.key.hex
    if field.key == "reference":
        return message.reference
    value = getattr(message, field.column or field.key)
    if field.kind == Kind.KEY:
        return (value if isinstance(value, UUID) else value.key).hex if value else None
    return value


def _days(value: datetime | None) -> Any:
    return value.astimezone(ZONE).date().isoformat() if value else None


def _hours_ago(value: datetime) -> float:
    ago = (NOW - value) / timedelta(hours=1)
    return ago if ago >= -1 / 60 else 1e9  # the clocks of machines may differ by a minute


def _on_days(test: Callable[[str], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, _given: value is not None and test(_days(value))


_PLAIN: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQUALS_CASE_SENSITIVE: lambda value, given: value == given[0],
    Operator.EQUALS: lambda value, given: _low(value) == _low(given[0]),
    Operator.DIFFERENT_THAN: lambda value, given: _low(value) != _low(given[0]),
    Operator.IN: lambda value, given: value in given,
    Operator.NOT_IN: lambda value, given: value not in given,
    Operator.CONTAINS: lambda value, given: _low(given[0]) in _low(value),
    Operator.NOT_CONTAINS: lambda value, given: _low(given[0]) not in _low(value),
    Operator.STARTS_WITH: lambda value, given: _low(value).startswith(_low(given[0])),
    Operator.STARTS_WITH_CASE_SENSITIVE: lambda value, given: value.startswith(given[0]),
    Operator.MORE_THAN: lambda value, given: value > given[0],
    Operator.LESS_THAN: lambda value, given: value < given[0],
    Operator.EMPTY: lambda value, _given: value in (None, ""),
    Operator.NOT_EMPTY: lambda value, _given: value not in (None, ""),
    Operator.TODAY: _on_days(lambda day: day == "2026-11-25"),
    Operator.YESTERDAY: _on_days(lambda day: day == "2026-11-24"),
    Operator.LAST_WEEK: _on_days(lambda day: "2026-11-16" <= day <= "2026-11-22"),
    Operator.LAST_MONTH: _on_days(lambda day: day.startswith("2026-10")),
    Operator.LAST_HOURS: lambda value, given: value is not None and _hours_ago(value) <= int(given[0]),
    Operator.THIS_WEEK: _on_days(lambda day: "2026-11-23" <= day <= "2026-11-29"),
    Operator.THIS_MONTH: _on_days(lambda day: day.startswith("2026-11")),
    Operator.THIS_YEAR: _on_days(lambda day: day.startswith("2026")),
    Operator.LAST_DAYS: _on_days(lambda day: "2026-11-23" <= day <= "2026-11-25"),
    Operator.ON: lambda value, given: value is not None and _days(value) == given[0],
    Operator.AFTER: lambda value, given: value is not None and _days(value) > given[0],
    Operator.AFTER_INCLUSIVE: lambda value, given: value is not None and _days(value) >= given[0],
    Operator.BEFORE: lambda value, given: value is not None and _days(value) < given[0],
    Operator.BEFORE_INCLUSIVE: lambda value, given: value is not None and _days(value) <= given[0],
}


_BY_SPELLING = {
    Operator.EQUALS,
    Operator.DIFFERENT_THAN,
    Operator.CONTAINS,
    Operator.NOT_CONTAINS,
    Operator.STARTS_WITH,
}


def _low(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _between(field: Field, value: Any, given: Sequence[Any]) -> bool:
    read = _days(value) if field.kind == Kind.DATE_TIME else value
    return read is not None and given[0] <= read <= given[1]


def plainly(
    field: Field, operator: Operator, values: Sequence[str], message: Message, everything: Sequence[Message]
) -> bool:
    """Whether the message meets the criterion, by the plain reading."""
    given: list[Any] = [int(value) for value in values] if field.kind == Kind.NUMBER else list(values)
    given = [value == "true" for value in values] if field.kind == Kind.BOOLEAN else given
    value = value_of(field, message, everything)
    if field.folded and operator in _BY_SPELLING and fold(given[0]):
        value, given = fold(value), [fold(given[0])]
    return _between(field, value, given) if operator == Operator.BETWEEN else _PLAIN[operator](value, given)


def samples(field: Field, operator: Operator, everything: Sequence[Message]) -> list[list[str]]:
    """Values to ask with: some that are there, in several spellings, and some that are nowhere."""
    if operator == Operator.LAST_DAYS:
        return [["2"]]
    if operator == Operator.LAST_HOURS:
        return [["2"], ["24"]]
    if field.kind == Kind.DATE_TIME:
        return (
            [["2026-11-24", "2026-11-25"]]
            if operator == Operator.BETWEEN
            else [["2026-11-25"], ["2026-11-24"], ["2020-02-29"]]
        )
    if field.kind == Kind.NUMBER:
        return [["1", "5"]] if operator == Operator.BETWEEN else [["1"], ["5"], ["99"]]
    if field.kind == Kind.BOOLEAN:
        return [["true"], ["false"]]
    there = sorted({value for message in everything if (value := value_of(field, message, everything))})[:4]
    if field.kind == Kind.KEY:
        there.append(uuid4().hex)
    if operator in (Operator.IN, Operator.NOT_IN):
        return [there[:1], there]
    if field.choices or field.kind == Kind.KEY:
        return [[value] for value in there]
    return [[value] for value in there] + [
        ["payment due"],
        ["PAYMENT"],
        ["%"],
        ["_"],
        ["\\"],
        ["💶"],
        ["loan_REPAYMENT"],
        ["o’neil"],
        ["ÜNITED"],
        ["soren o an"],
        ["-"],
    ]


def questions(field: Field, everything: Sequence[Message]) -> Iterator[tuple[Operator, list[str]]]:
    """Each operator of the field, with each of its samples."""
    for operator in field.operators:
        without = operator in (Operator.EMPTY, Operator.NOT_EMPTY) or operator.name.startswith(
            ("TODAY", "YESTERDAY", "THIS_", "LAST_WEEK", "LAST_MONTH")
        )
        yield from (
            (operator, values) for values in ([[]] if without else samples(field, operator, everything))
        )


@pytest.mark.parametrize("key", FIELDS)
def test_the_database_finds_what_a_plain_reading_finds(messages: list[Message], key: str) -> None:
    field = FIELDS[key]
    for operator, values in questions(field, messages):
        expected = [message.pk for message in messages if plainly(field, operator, values, message, messages)]
        criterion = parse(key, operator, values)
        found = (
            Message.objects.filter(to_q([criterion], now=NOW, zone=ZONE))
            .order_by("id")
            .values_list("pk", flat=True)
        )
        assert list(found) == expected, (operator, values)


def test_all_and_any(messages: list[Message]) -> None:
    criteria = [
        parse("state", "equals", ["failed"]),
        parse("attempts", "more_than", ["4"]),
        parse("client", "not_equal", [uuid4().hex]),
    ]
    both = [m.pk for m in messages if m.state == "FAILED" and m.attempt_count > 4]
    either = [m.pk for m in messages if m.state == "FAILED" or m.attempt_count > 4]
    assert sorted(Message.objects.filter(to_q(criteria)).values_list("pk", flat=True)) == both
    assert (
        sorted(Message.objects.filter(to_q(criteria[:2], Match.ANY)).values_list("pk", flat=True)) == either
    )
    assert Message.objects.filter(to_q([])).count() == 60


@pytest.mark.parametrize(
    ("operator", "value", "found"),
    [
        ("EQUALS", "+46 (0)70 000 00 03", ["+46700000003", "+46 70-000 00 03"]),
        ("EQUALS", "070 – 000 00 03", ["+46700000003", "+46 70-000 00 03"]),
        ("EQUALS", "+46 70 000", []),
        ("CONTAINS", "\u202a070\u2011000 00\u202c", ["+46700000003", "+46700000004", "+46 70-000 00 03"]),
        (
            "NOT_CONTAINS",
            "070 000 00 03",
            ["+46700000004", "+447700900123", "https://hooks.example.org/46700000003"],
        ),
        (
            "DIFFERENT_THAN",
            "tel:+46700000003",
            ["+46700000004", "+447700900123", "https://hooks.example.org/46700000003"],
        ),
        ("STARTS_WITH", "+46 70", ["+46700000003", "+46700000004", "+46 70-000 00 03"]),
        ("STARTS_WITH", "0044", ["+447700900123"]),
        ("EQUALS_CASE_SENSITIVE", "+46 70-000 00 03", ["+46 70-000 00 03"]),
    ],
)
def test_a_destination_is_asked_for_by_any_spelling_of_its_number(
    operator: str, value: str, found: list[str]
) -> None:
    for number in ("+46700000003", "+46700000004", "+447700900123", "+46 70-000 00 03"):
        make_message(type=MessageType.SMS, destination=number)
    make_message(type=MessageType.WEB_HOOK, destination="https://hooks.example.org/46700000003")
    rows = Message.objects.filter(to_q([parse("destination", operator, [value])])).order_by("pk")
    assert list(rows.values_list("destination", flat=True)) == found


def test_a_moment_is_compared_to_the_microsecond() -> None:
    at = datetime(2026, 11, 24, 9, 14, 2, 113_000, tzinfo=UTC)
    wanted = make_message(created_at=at)
    make_message(created_at=at + timedelta(microseconds=1))
    for operator, values in [
        ("BEFORE_INCLUSIVE", ["2026-11-24T10:14:02.113+01:00"]),
        ("BEFORE", ["2026-11-24T09:14:02.113001Z"]),
        ("BETWEEN", ["2026-11-24T09:14:02.113Z", "2026-11-24T09:14:02.113Z"]),
    ]:
        assert list(Message.objects.filter(to_q([parse("created", operator, values)]))) == [wanted]
    assert (
        Message.objects.filter(to_q([parse("created", "AFTER", ["2026-11-24T09:14:02.113Z"])])).count() == 1
    )


def test_a_day_is_the_organisations(settings: Any) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"
    make_message(created_at=datetime(2026, 11, 23, 10, 59, tzinfo=UTC))
    wanted = make_message(created_at=datetime(2026, 11, 23, 11, tzinfo=UTC))
    assert list(Message.objects.filter(to_q([parse("created", "ON", ["2026-11-24"])]))) == [wanted]


# The organisation's zone, from, to, and whether the span is valid. Both ends count.
_SPANS = [
    ("Pacific/Auckland", "2026-11-25", "2026-11-25T08:00:00+13:00", True),  # 24 Nov 19:00 in UTC
    ("Pacific/Auckland", "2026-11-25", "2026-11-25T00:30:00+13:00", True),
    ("Pacific/Auckland", "2026-11-25", "2026-11-24T11:00:00Z", True),  # the first moment of that day
    ("Pacific/Auckland", "2026-11-25", "2026-11-24T10:59:59.999999Z", False),
    ("Pacific/Auckland", "2026-11-25T23:30:00+13:00", "2026-11-25", True),
    ("Pacific/Auckland", "2026-11-25T10:59:59.999999Z", "2026-11-25", True),  # the last moment of that day
    ("Pacific/Auckland", "2026-11-25T11:00:00Z", "2026-11-25", False),
    ("America/Los_Angeles", "2026-11-24T20:00:00-08:00", "2026-11-24", True),  # 25 Nov 04:00 in UTC
    ("America/Los_Angeles", "2026-11-25T07:59:59Z", "2026-11-24", True),
    ("America/Los_Angeles", "2026-11-25T08:00:00Z", "2026-11-24", False),
    ("America/Los_Angeles", "2026-11-25", "2026-11-25T07:59:59Z", False),
    ("UTC", "2026-11-24T09:00:00+01:00", "2026-11-24T08:00:00Z", True),  # one moment
    ("UTC", "2026-11-24T09:00:00+01:00", "2026-11-24T07:59:59Z", False),
    ("UTC", "2026-11-24T08:00:00.5Z", "2026-11-24T08:00:00Z", False),
    ("UTC", "2026-11-24T08:00:00Z", "2026-11-24T08:00:00.5Z", True),
    ("UTC", "2026-11-24", "2026-11-24", True),
    # The hour that comes twice.
    ("Europe/Berlin", "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", True),
    ("Europe/Berlin", "2026-10-25T02:30:00+01:00", "2026-10-25T02:30:00+02:00", False),
    ("Europe/Berlin", "2026-10-25T23:59:00+01:00", "2026-10-25", True),  # a day of 25 hours
    ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z", True),  # a day without a midnight
]


@pytest.mark.parametrize(("zone", "first", "last", "valid"), _SPANS)
def test_a_day_and_a_time_are_compared_as_moments(
    settings: Any, zone: str, first: str, last: str, valid: bool
) -> None:
    settings.TIME_ZONE = zone
    if valid:
        start, end = bounds(
            Operator.BETWEEN, parse("created", "BETWEEN", [first, last]).values, timezone.localtime()
        )
        assert start
        assert end
        assert start.astimezone(UTC) < end.astimezone(UTC)
    else:
        with pytest.raises(Malformed) as refused:
            parse("created", "BETWEEN", [first, last])
        assert (refused.value.field, refused.value.fault) == ("created", Fault.REVERSED)


def test_a_span_of_a_day_and_a_time_finds_what_lies_in_it(settings: Any) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"
    make_message(created_at=datetime(2026, 11, 24, 10, 59, 59, tzinfo=UTC))
    inside = [make_message(created_at=datetime(2026, 11, 24, hour, tzinfo=UTC)) for hour in (11, 19)]
    make_message(created_at=datetime(2026, 11, 24, 19, 0, 1, tzinfo=UTC))
    span = parse("created", "BETWEEN", ["2026-11-25", "2026-11-25T08:00:00+13:00"])
    assert list(Message.objects.filter(to_q([span])).order_by("pk")) == inside


@pytest.mark.parametrize(
    ("now", "operator", "first", "after"),
    [
        ("2026-01-01", Operator.YESTERDAY, "2025-12-31", "2026-01-01"),
        ("2026-01-31", Operator.LAST_MONTH, "2025-12-01", "2026-01-01"),
        ("2028-03-31", Operator.LAST_MONTH, "2028-02-01", "2028-03-01"),
        ("2026-11-30", Operator.LAST_WEEK, "2026-11-23", "2026-11-30"),  # a Monday
        ("2026-11-29", Operator.LAST_WEEK, "2026-11-16", "2026-11-23"),  # a Sunday
    ],
)
def test_what_is_over_ends_where_the_present_begins(
    now: str, operator: Operator, first: str, after: str
) -> None:
    start, end = bounds(operator, [], datetime.fromisoformat(f"{now}T23:59:59").replace(tzinfo=ZONE))
    assert start
    assert end
    assert (start.isoformat()[:19], end.isoformat()[:19]) == (f"{first}T00:00:00", f"{after}T00:00:00")


def test_hours_are_hours_also_where_the_clock_is_changed() -> None:
    now = datetime(2026, 10, 25, 3, 30, tzinfo=ZONE)  # at three it was two again
    start, _ = bounds(Operator.LAST_HOURS, ["2"], now)
    assert start == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_mambus_fields_have_their_names() -> None:
    keys = {"encodedKey", "senderKey", "clientKey", "groupKey", "userKey", "templateKey"}
    keys |= {"loanAccountKey", "depositAccountKey", "repaymentKey", "referenceId"}
    failure = {"failureReason", "failureCause", "waitingReason"}
    assert keys | failure | {
        "creationDate",
        "sendDate",
        "state",
        "destination",
        "type",
        "event",
        "subject",
        "body",
    } <= set(BY_API_NAME)


def test_whatever_the_pages_ask_programs_can_ask() -> None:
    assert [field.key for field in FIELDS.values() if not field.api] == []
    assert len(BY_API_NAME) == len(FIELDS)


# --- What is refused ----------------------------------------------------------------------------------------

_KEY = "0" * 32
_BAD: list[tuple[str, str, list[str], Fault, dict[str, Any]]] = [
    ("nope", "EQUALS", ["x"], Fault.NO_SUCH_FIELD, {}),
    ("", "EQUALS", ["x"], Fault.NO_SUCH_FIELD, {}),
    ("state", "", ["FAILED"], Fault.OPERATOR_MISSING, {}),
    ("state", "LIKES", ["FAILED"], Fault.NO_SUCH_OPERATOR, {"name": "LIKES"}),
    ("state", "CONTAINS", ["FAIL"], Fault.OPERATOR_OF_OTHER_KINDS,
     {"operator": "CONTAINS", "kinds": ("STRING", "TEXT"), "kind": "ENUM"}),
    ("attempts", "ON", ["2026-11-24"], Fault.OPERATOR_OF_OTHER_KINDS,
     {"operator": "ON", "kinds": ("DATE_TIME",), "kind": "NUMBER"}),
    ("undelivered", "EMPTY", [], Fault.OPERATOR_OF_OTHER_KINDS,
     {"operator": "EMPTY", "kinds": ("KEY", "ENUM", "STRING", "TEXT", "DATE_TIME", "NUMBER", "MONEY"),
      "kind": "BOOLEAN"}),
    ("state", "EQUALS", ["NOPE"], Fault.NO_SUCH_VALUE, {"value": "NOPE"}),
    ("state", "EQUALS_CASE_SENSITIVE", ["failed"], Fault.NO_SUCH_VALUE, {"value": "failed"}),
    ("state", "EQUALS", [], Fault.VALUE_MISSING, {}),
    ("state", "EQUALS", ["FAILED", "SENT"], Fault.SEVERAL_VALUES, {}),
    ("state", "IN", [], Fault.NO_VALUES, {}),
    ("state", "IN", ["FAILED"] * 1_001, Fault.TOO_MANY_VALUES, {"count": 1001, "most": 1000}),
    ("state", "EMPTY", ["FAILED"], Fault.TAKES_NO_VALUE, {"operator": "EMPTY"}),
    ("created", "TODAY", ["2026-11-24"], Fault.TAKES_NO_VALUE, {"operator": "TODAY"}),
    ("destination", "CONTAINS", ["x" * 501], Fault.TOO_LONG, {"count": 501, "most": 500}),
    ("destination", "CONTAINS", ["a\0b"], Fault.HOLDS_NUL, {}),
    ("destination", "CONTAINS", ["\ud800"], Fault.HALF_OF_A_SURROGATE, {"position": 0}),
    ("destination", "CONTAINS", [" "], Fault.VALUE_MISSING, {}),
    ("key", "EQUALS", ["12345"], Fault.NOT_A_KEY, {}),
    ("client", "IN", [_KEY, "x"], Fault.NOT_A_KEY, {}),
    ("attempts", "EQUALS", ["1.5"], Fault.NOT_A_NUMBER, {}),
    ("attempts", "EQUALS", ["9" * 400], Fault.NOT_A_NUMBER, {}),
    ("attempts", "EQUALS", ["٣"], Fault.NOT_A_NUMBER, {}),
    ("attempts", "BETWEEN", ["5", "1"], Fault.REVERSED, {}),
    ("attempts", "BETWEEN", ["5"], Fault.NOT_TWO_VALUES, {}),
    ("undelivered", "EQUALS", ["yes"], Fault.NOT_A_FLAG, {}),
    ("created", "ON", ["0000-01-01"], Fault.NOT_A_MOMENT, {}),
    ("created", "ON", ["0001-01-01"], Fault.NOT_A_MOMENT, {}),
    ("created", "AFTER", ["9999-12-31"], Fault.NOT_A_MOMENT, {}),
    ("created", "AFTER", ["9999-12-31T23:59:59-14:00"], Fault.NOT_A_MOMENT, {}),
    ("created", "AFTER", ["2026-02-30"], Fault.NOT_A_MOMENT, {}),
    ("created", "AFTER", ["2026-11-24T09:14:00"], Fault.TIME_WITHOUT_OFFSET, {}),
    ("created", "AFTER", ["yesterday"], Fault.NOT_A_MOMENT, {}),
    ("created", "BETWEEN", ["2026-11-24", "2026-11-23"], Fault.REVERSED, {}),
    ("created", "LAST_DAYS", ["0"], Fault.NOT_A_NUMBER_OF_DAYS, {"most": 36500}),
    ("created", "LAST_DAYS", ["1e3"], Fault.NOT_A_NUMBER_OF_DAYS, {"most": 36500}),
    ("created", "LAST_DAYS", ["7", "8"], Fault.SEVERAL_VALUES, {}),
    ("created", "LAST_HOURS", ["100000"], Fault.NOT_A_NUMBER_OF_HOURS, {"most": 99999}),
    ("created", "LAST_HOURS", ["-1"], Fault.NOT_A_NUMBER_OF_HOURS, {"most": 99999}),
    ("created", "YESTERDAY", ["2026-11-24"], Fault.TAKES_NO_VALUE, {"operator": "YESTERDAY"}),
]  # fmt: skip


@pytest.mark.parametrize(("field", "operator", "values", "fault", "facts"), _BAD)
def test_bad_input_is_refused_with_the_field_and_what_is_wrong(
    field: str, operator: str, values: list[str], fault: Fault, facts: dict[str, Any]
) -> None:
    with pytest.raises(Malformed) as refused:
        parse(field, operator, values)
    assert refused.value.field == (field or "(none)")
    assert (refused.value.fault, refused.value.facts) == (fault, facts)


def test_no_more_than_fifty_criteria() -> None:
    one = parse("type", "EQUALS", ["SMS"])
    assert list(Message.objects.filter(to_q([one] * 50))) == []
    with pytest.raises(Malformed) as refused:
        to_q([one] * 51)
    assert (refused.value.fault, refused.value.facts) == (Fault.TOO_MANY_CRITERIA, {"count": 51, "most": 50})


@pytest.mark.parametrize(
    ("field", "operator", "values", "words"),
    [
        ("state", "in", ["FAILED", "WAITING"], "is one of Failed, Waiting"),
        ("created", "last_days", ["7"], "is in the last 7 days"),
        ("created", "between", ["2026-11-01", "2026-11-24"], "is between 1 Nov 2026 and 24 Nov 2026"),
        ("created", "today", [], "is today"),
        ("destination", "contains", ["@example.org"], "contains @example.org"),
        ("undelivered", "equals", ["true"], "yes"),
        ("undelivered", "not_equal", ["true"], "no"),
        ("client", "equals", [_KEY], "is Ana Silva"),
        ("failure_reason", "in", [reason.value for reason in list(Reason)[:5]], "is one of "),
    ],
)
def test_criteria_in_words(field: str, operator: str, values: list[str], words: str) -> None:
    said = in_words(parse(field, operator, values), {_KEY: "Ana Silva"})
    assert said.startswith(words)
    assert said == words or said.endswith("and 2 more")


def test_the_same_criterion_has_one_spelling() -> None:
    key = uuid4()
    assert parse("key", "in", [str(key).upper(), key.hex]) == Criterion("key", Operator.IN, (key.hex,))
    assert parse("state", "not_equal", ["failed"]) == Criterion("state", Operator.DIFFERENT_THAN, ("FAILED",))
    assert parse("created", "after", ["2026-11-24T10:00:00+01:00"]).values == ("2026-11-24T09:00:00+00:00",)
