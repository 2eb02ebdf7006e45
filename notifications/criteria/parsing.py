"""Parsing of criteria: every value is checked, and errors name the field."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from django.utils import timezone

from notifications.criteria.fields import FIELDS, Field
from notifications.criteria.operators import (
    ALIASES,
    COUNTED_BACK,
    WITH_LIST,
    WITHOUT_VALUE,
    Kind,
    Operator,
    kinds_of,
)
from notifications.criteria.spans import is_reversed
from notifications.faults import Fault, Malformed
from notifications.text import keys
from notifications.text.validation import clean as clean_text

MOST_CRITERIA = 50
MOST_VALUES = 1_000
LONGEST = 500
EARLIEST, LATEST = date(1970, 1, 1), date(2199, 12, 31)
_NUMBER = re.compile(r"-?[0-9]{1,9}")
_AMOUNT = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,6})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Criterion:
    """Field, operator and values, checked and in canonical form. Made by `parse`."""

    field: str
    operator: Operator
    values: tuple[str, ...] = ()


def parse(
    field: str, operator: str, values: Sequence[str], *, fields: Callable[[str], Field | None] = FIELDS.get
) -> Criterion:
    """Return the criterion for these strings. Raises Malformed.

    `fields` looks a field up by its key, by default among the fields of messages.
    """
    known = fields(field)
    if known is None:
        raise Malformed(_short(field), Fault.NO_SUCH_FIELD)
    asked = operator_of(known, operator)
    _check_number(known, asked, values)
    if asked in COUNTED_BACK:
        return Criterion(field, asked, (_number_back(known, asked, values[0]),))
    cleaned = tuple(_value(known, asked, value) for value in values)
    _check_order(known, asked, cleaned)
    return Criterion(field, asked, tuple(dict.fromkeys(cleaned)) if asked in WITH_LIST else cleaned)


def operator_of(field: Field, name: str) -> Operator:
    """Return the operator of this name, in any case. Raises Malformed if the field does not take it."""
    name = name.upper()
    operator = ALIASES.get(name) or next((known for known in Operator if known.value == name), None)
    if operator is None:
        if not name:
            raise Malformed(field.key, Fault.OPERATOR_MISSING)
        raise Malformed(field.key, Fault.NO_SUCH_OPERATOR, name=_short(name))
    if operator not in field.operators:
        kinds = tuple(kind.value for kind in kinds_of(operator))
        raise Malformed(
            field.key,
            Fault.OPERATOR_OF_OTHER_KINDS,
            operator=operator.value,
            kinds=kinds,
            kind=field.kind.value,
        )
    return operator


def check_all(criteria: Sequence[Criterion]) -> None:
    """Raise Malformed if there are more criteria than a log may have."""
    if len(criteria) > MOST_CRITERIA:
        raise Malformed("criteria", Fault.TOO_MANY_CRITERIA, count=len(criteria), most=MOST_CRITERIA)


def _check_number(field: Field, operator: Operator, values: Sequence[str]) -> None:
    if operator in WITHOUT_VALUE:
        if values:
            raise Malformed(field.key, Fault.TAKES_NO_VALUE, operator=operator.value)
    elif operator in WITH_LIST:
        if not values:
            raise Malformed(field.key, Fault.NO_VALUES)
        if len(values) > MOST_VALUES:
            raise Malformed(field.key, Fault.TOO_MANY_VALUES, count=len(values), most=MOST_VALUES)
    elif operator == Operator.BETWEEN:
        if len(values) != 2:
            raise Malformed(field.key, Fault.NOT_TWO_VALUES)
    elif len(values) != 1:
        raise Malformed(field.key, Fault.SEVERAL_VALUES if values else Fault.VALUE_MISSING)


def _value(field: Field, operator: Operator, value: str) -> str:
    clean_text(field.key, value, most=LONGEST)
    if not value.strip():
        raise Malformed(field.key, Fault.VALUE_MISSING)
    if field.kind in (Kind.STRING, Kind.TEXT):
        return value
    if field.kind == Kind.ENUM:
        return _choice(field, operator, value.strip())
    reader = {
        Kind.KEY: _key,
        Kind.NUMBER: _number,
        Kind.MONEY: _amount,
        Kind.BOOLEAN: _flag,
        Kind.DATE_TIME: _moment,
    }[field.kind]
    return reader(field, value.strip())


def _choice(field: Field, operator: Operator, value: str) -> str:
    if not field.choices:
        return value
    sensitive = operator == Operator.EQUALS_CASE_SENSITIVE
    for known, _label in field.choices:
        if value == known or (not sensitive and value.upper() == known):
            return known
    raise Malformed(field.key, Fault.NO_SUCH_VALUE, value=_short(value))


def _key(field: Field, value: str) -> str:
    return keys.read(field.key, value).hex


def _number(field: Field, value: str) -> str:
    if not _NUMBER.fullmatch(value):
        raise Malformed(field.key, Fault.NOT_A_NUMBER)
    return str(int(value))


def _amount(field: Field, value: str) -> str:
    if not _AMOUNT.fullmatch(value):
        raise Malformed(field.key, Fault.NOT_AN_AMOUNT)
    return value


def _number_back(field: Field, operator: Operator, value: str) -> str:
    most = COUNTED_BACK[operator]
    if _NUMBER.fullmatch(value.strip()) and 1 <= int(value) <= most:
        return str(int(value))
    if operator == Operator.LAST_HOURS:
        raise Malformed(field.key, Fault.NOT_A_NUMBER_OF_HOURS, most=most)
    raise Malformed(field.key, Fault.NOT_A_NUMBER_OF_DAYS, most=most)


def _flag(field: Field, value: str) -> str:
    lowered = value.lower()
    if lowered not in ("true", "false"):
        raise Malformed(field.key, Fault.NOT_A_FLAG)
    return lowered


def _moment(field: Field, value: str) -> str:
    """Return a day as it is, or a time in UTC."""
    try:
        day = date.fromisoformat(value) if _DAY.fullmatch(value) else None
        moment = None if day else datetime.fromisoformat(value)
    except ValueError:
        day = moment = None
    if day and EARLIEST <= day <= LATEST:
        return day.isoformat()
    if moment and EARLIEST < moment.date() < LATEST:  # a day to spare for its offset
        if moment.tzinfo is None:
            raise Malformed(field.key, Fault.TIME_WITHOUT_OFFSET)
        return moment.astimezone(UTC).isoformat()
    raise Malformed(field.key, Fault.NOT_A_MOMENT)


def _check_order(field: Field, operator: Operator, values: tuple[str, ...]) -> None:
    """Raise Malformed for a range that ends before it begins.

    Times are compared as moments, because zones may differ.
    """
    if operator != Operator.BETWEEN:
        return
    first, last = values
    if field.kind in (Kind.NUMBER, Kind.MONEY):
        wrong = Decimal(first) > Decimal(last)
    else:
        wrong = is_reversed(first, last, timezone.get_default_timezone())
    if wrong:
        raise Malformed(field.key, Fault.REVERSED)


def _short(text: str) -> str:
    shown = text if len(text) <= 40 else f"{text[:40]}…"
    return shown or "(none)"
