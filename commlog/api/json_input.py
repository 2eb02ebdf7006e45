"""Strict JSON parsing for all input from outside."""

import json
import math
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from notifications.faults import Fault, Malformed

_LARGEST_EXACT = 2**53  # beyond it a float is no longer every whole number


def is_absent(value: Any) -> bool:
    """Return whether the value counts as absent: null, "" or [], which generated clients write."""
    return value is None or value == "" or value == []


def parse_object(text: str) -> dict[str, Any]:
    """Return the JSON object in `text`. Raises Malformed for anything else."""
    value = parse(text)
    if not isinstance(value, dict):
        raise Malformed("JSON", Fault.NOT_AN_OBJECT)
    return value


def parse(text: str, *, keep: frozenset[str] | None = None, exact: bool = False) -> Any:
    """Parse strict JSON: no NaN, no repeated names, bounded numbers and nesting. Raises Malformed.

    JSON has one kind of number, so 7.0 is 7. `exact`: numbers with a point or an exponent become Decimals
    with the digits as written. `keep`: the wanted fields; others become None, so that long texts of thousands
    of messages are never in memory twice.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = {name: value if keep is None or name in keep else None for name, value in pairs}
        if len(found) != len(pairs):
            raise Malformed("JSON", Fault.NAMES_A_FIELD_TWICE)
        return found

    try:
        return json.loads(
            text,
            parse_constant=_refuse_constant,
            object_pairs_hook=unique,
            parse_float=_exact if exact else _number,
        )
    except Malformed:
        raise
    except json.JSONDecodeError as error:
        raise Malformed(
            "JSON", Fault.JSON_SYNTAX, said=error.msg, line=error.lineno, column=error.colno
        ) from error
    except RecursionError as error:
        raise Malformed("JSON", Fault.JSON_TOO_DEEP) from error
    except ValueError as error:  # Python's limit on the digits of a number is no JSONDecodeError
        raise Malformed("JSON", Fault.TOO_MANY_DIGITS) from error


def _number(text: str) -> int | float:
    value = float(text)
    if not math.isfinite(value):
        raise Malformed("JSON", Fault.TOO_LARGE_A_NUMBER, number=text[:40])
    return int(value) if value.is_integer() and abs(value) <= _LARGEST_EXACT else value


def _exact(text: str) -> Decimal:
    """Return the digits as written, bounded by the field's reader; Infinity beyond Decimal's range."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("Infinity")


def _refuse_constant(name: str) -> NoReturn:
    raise Malformed("JSON", Fault.NOT_JSON, name=name)
