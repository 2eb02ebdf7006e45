"""From what somebody asked to a criterion that can be asked: every value checked, and errors that name the field."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from django.utils import timezone

from notifications.criteria.fields import FIELDS, Field
from notifications.criteria.operators import ALIASES, WITH_LIST, WITHOUT_VALUE, Kind, Operator, kinds_of
from notifications.criteria.spans import is_reversed
from notifications.text import keys
from notifications.text.gate import Malformed
from notifications.text.gate import clean as clean_text

MOST_CRITERIA = 50
MOST_VALUES = 1_000
LONGEST = 500
EARLIEST, LATEST = date(1970, 1, 1), date(2199, 12, 31)
_NUMBER = re.compile(r"-?[0-9]{1,9}")
_AMOUNT = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,6})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOST_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Criterion:
    """Field, operator, values: checked, and in their one spelling. Made by `parse`."""

    field: str
    operator: Operator
    values: tuple[str, ...] = ()


def parse(field: str, operator: str, values: Sequence[str], *, fields: Callable[[str], Field | None] = FIELDS.get) -> Criterion:
    """The criterion that these words mean. Raises Malformed, whose `field` is the field as it was given.

    `fields`: the field of a name, where it is not messages that are asked about.
    """
    known = fields(field)
    if known is None:
        raise Malformed(_short(field), "there is no such field")
    asked = operator_of(known, operator)
    _check_number(known, asked, values)
    if asked == Operator.LAST_DAYS:
        return Criterion(field, asked, (_days(known, values[0]),))
    cleaned = tuple(_value(known, asked, value) for value in values)
    _check_order(known, asked, cleaned)
    return Criterion(field, asked, tuple(dict.fromkeys(cleaned)) if asked in WITH_LIST else cleaned)


def operator_of(field: Field, name: str) -> Operator:
    """The operator of this name, in any case, if the field takes it."""
    name = name.upper()
    operator = ALIASES.get(name) or next((known for known in Operator if known.value == name), None)
    if operator is None:
        raise Malformed(field.key, f"there is no operator {_short(name)}" if name else "choose an operator")
    if operator not in field.operators:
        kinds = ", ".join(kind.value for kind in kinds_of(operator))
        raise Malformed(field.key, f"{operator.value} is for fields of the kind {kinds}; this one is {field.kind.value}")
    return operator


def check_all(criteria: Sequence[Criterion]) -> None:
    """Refuse more criteria than a log may have. Raises Malformed."""
    if len(criteria) > MOST_CRITERIA:
        raise Malformed("criteria", f"there are {len(criteria):,}, at most {MOST_CRITERIA} are allowed")


def _check_number(field: Field, operator: Operator, values: Sequence[str]) -> None:
    if operator in WITHOUT_VALUE:
        if values:
            raise Malformed(field.key, f"{operator.value} takes no value")
    elif operator in WITH_LIST:
        if not values:
            raise Malformed(field.key, "give at least one value")
        if len(values) > MOST_VALUES:
            raise Malformed(field.key, f"{len(values):,} values are given, at most {MOST_VALUES:,} are allowed")
    elif operator == Operator.BETWEEN:
        if len(values) != 2:
            raise Malformed(field.key, "give two values, from and to")
    elif len(values) != 1:
        raise Malformed(field.key, "give a value" if not values else "give one value only")


def _value(field: Field, operator: Operator, value: str) -> str:
    """A value in its one spelling."""
    clean_text(field.key, value, most=LONGEST)
    if not value.strip():
        raise Malformed(field.key, "give a value")
    if field.kind in (Kind.STRING, Kind.TEXT):
        return value
    if field.kind == Kind.ENUM:
        return _choice(field, operator, value.strip())
    reader = {Kind.KEY: _key, Kind.NUMBER: _number, Kind.MONEY: _amount, Kind.BOOLEAN: _flag, Kind.DATE_TIME: _moment}[field.kind]
    return reader(field, value.strip())


def _choice(field: Field, operator: Operator, value: str) -> str:
    if not field.choices:
        return value
    sensitive = operator == Operator.EQUALS_CASE_SENSITIVE
    for known, _label in field.choices:
        if value == known or (not sensitive and value.upper() == known):
            return known
    raise Malformed(field.key, f"there is no value {_short(value)}")


def _key(field: Field, value: str) -> str:
    return keys.read(field.key, value).hex


def _number(field: Field, value: str) -> str:
    if not _NUMBER.fullmatch(value):
        raise Malformed(field.key, "must be a whole number of at most nine figures")
    return str(int(value))


def _amount(field: Field, value: str) -> str:
    if not _AMOUNT.fullmatch(value):
        raise Malformed(field.key, "must be an amount such as 1250.50, without separators")
    return value


def _days(field: Field, value: str) -> str:
    if not (_NUMBER.fullmatch(value.strip()) and 1 <= int(value) <= _MOST_DAYS):
        raise Malformed(field.key, f"must be a number of days from 1 to {_MOST_DAYS:,}")
    return str(int(value))


def _flag(field: Field, value: str) -> str:
    lowered = value.lower()
    if lowered not in ("true", "false"):
        raise Malformed(field.key, "must be true or false")
    return lowered


def _moment(field: Field, value: str) -> str:
    """A day as it is, a time in UTC."""
    try:
        day = date.fromisoformat(value) if _DAY.fullmatch(value) else None
        moment = None if day else datetime.fromisoformat(value)
    except ValueError:
        day = moment = None
    if day and EARLIEST <= day <= LATEST:
        return day.isoformat()
    if moment and EARLIEST < moment.date() < LATEST:  # a day to spare for its offset
        if moment.tzinfo is None:
            raise Malformed(field.key, "a time needs its offset, such as 2026-11-24T09:14:00+01:00")
        return moment.astimezone(UTC).isoformat()
    raise Malformed(field.key, "must be a day such as 2026-11-24 or a time such as 2026-11-24T09:14:00+01:00, from 1970 to 2199")


def _check_order(field: Field, operator: Operator, values: tuple[str, ...]) -> None:
    """Refuse a span that ends before it begins. Days and times are compared as moments: their texts may be in different zones."""
    if operator != Operator.BETWEEN:
        return
    first, last = values
    if field.kind in (Kind.NUMBER, Kind.MONEY):
        wrong = Decimal(first) > Decimal(last)
    else:
        wrong = is_reversed(first, last, timezone.get_default_timezone())
    if wrong:
        raise Malformed(field.key, "the second value lies before the first one")


def _short(text: str) -> str:
    shown = text if len(text) <= 40 else f"{text[:40]}…"
    return shown or "(none)"
