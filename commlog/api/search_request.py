"""Search requests: criteria and order. Errors name the field and carry the number of their kind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from commlog.api.codes import Code
from commlog.api.description import fields_of
from commlog.api.errors import ApiError
from commlog.api.json_input import is_absent
from commlog.kit.paging import Sorting
from commlog.kit.sentences import sentence
from commlog.log.columns import CATALOGUE
from notifications import criteria
from notifications.criteria import (
    FIELDS,
    MOST_CRITERIA,
    MOST_VALUES,
    WITH_LIST,
    WITHOUT_VALUE,
    Criterion,
    Field,
    Kind,
    Operator,
)
from notifications.faults import Fault, Malformed
from notifications.text.validation import clean

# Values of Mambu's that nothing here is stored with: asked for, they find nothing.
_NEVER_STORED = {"type": ["TASK"], "state": ["KAFKA_SUCCESS_KINESIS_FAILED"]}
ASKED = {
    key: replace(field, choices=(*field.choices, *((value, value) for value in _NEVER_STORED.get(key, ()))))
    for key, field in FIELDS.items()
}
BY_API_NAME = {field.api: field for field in ASKED.values() if field.api}
NEWEST_FIRST = CATALOGUE["created"].sorting(descending=True)
KINDS = ("dataFieldType", "dataItemType")  # what a criterion of a template may have as well


@dataclass(frozen=True, slots=True)
class ApiSorting:
    """A field that results can be sorted by: its ordering, and whether an index serves it."""

    columns: tuple[str, ...]
    nullable: bool = False
    indexed: bool = False


SORTABLE = {
    "creationDate": ApiSorting(("created_at",), indexed=True),
    "encodedKey": ApiSorting(("key",), indexed=True),
    "sendDate": ApiSorting(("sent_at",), nullable=True),
    "senderKey": ApiSorting(("sender_key",), nullable=True),
    "clientKey": ApiSorting(("client_key",), nullable=True),
    "groupKey": ApiSorting(("group_key",), nullable=True),
    "userKey": ApiSorting(("user_key",), nullable=True),
    "type": ApiSorting(("type",)),
}


@dataclass(frozen=True, slots=True)
class Question:
    """A search: the messages and their order. `field`: the sort field, in the API's names."""

    criteria: tuple[Criterion, ...]
    sorting: Sorting = NEWEST_FIRST
    field: str = "creationDate"


def search(body: Any) -> Question:
    """Read the body of `:search`: a list of criteria, or an object with criteria and an optional order."""
    if isinstance(body, list):
        return Question(_criteria(body))
    given = object_of(body, "the body", "SearchSorted", "a list of criteria, or an object")
    criteria, order = given.get("filterCriteria"), given.get("sortingCriteria")
    criteria = () if is_absent(criteria) else _criteria(criteria)
    return Question(criteria) if is_absent(order) else Question(criteria, *_order(order))


def search_sorted(body: Any) -> Question:
    """Read the body of `:searchSorted`: an object with criteria and order."""
    given = object_of(body, "the body", "SearchSorted", "an object")
    for name in ("filterCriteria", "sortingCriteria"):
        if given.get(name) is None:
            raise ApiError(400, Code.MISSING_REQUIRED_PARAMETER, f"{name}: is missing")
    return Question(_criteria(given["filterCriteria"]), *_order(given["sortingCriteria"]))


def _criteria(given: Any) -> tuple[Criterion, ...]:
    if not isinstance(given, list):
        raise ApiError(400, Code.INVALID_FILTER_VALUES, "filterCriteria: must be a list")
    if len(given) > MOST_CRITERIA:
        source = f"filterCriteria: {len(given):,} are given, at most {MOST_CRITERIA} are allowed"
        raise ApiError(400, Code.TOO_MANY_FILTERS_PROVIDED, source)
    return tuple(_criterion(one, f"criterion {number}") for number, one in enumerate(given, start=1))


def _criterion(given: Any, place: str) -> Criterion:
    one = object_of(given, place, "FilterCriteria", "an object with field, operator and value")
    for name in ("field", "operator"):
        if one.get(name) is None:
            raise ApiError(400, Code.MISSING_REQUIRED_PARAMETER, f"{place}: {name} is missing")
    named = word(f"{place}.field", one["field"], Code.INVALID_FILTER_SELECTION)
    if named not in BY_API_NAME:
        source = f"field: {named}: unknown field; allowed: {', '.join(BY_API_NAME)}"
        raise ApiError(400, Code.INVALID_FILTER_SELECTION, source)
    field = BY_API_NAME[named]
    operator = operator_of(field, word(f"{place}.operator", one["operator"], Code.INVALID_FILTER_ELEMENT))
    return read_criterion(field, operator, one)


def read_criterion(
    field: Field,
    operator: Operator,
    one: Mapping[str, Any],
    *,
    fields: Callable[[str], Field | None] = ASKED.get,
) -> Criterion:
    """Return the criterion of a field, operator and values. `fields`: unless those of messages are meant."""
    wanted = _wanted(operator)
    for name, code in VALUES.items():
        if name in wanted and one.get(name) is None:
            raise ApiError(400, code, f"{field.api or field.key}: {operator.value}: {name} is missing")
        if name not in wanted and not is_absent(one.get(name)):
            raise ApiError(400, code, f"{field.api or field.key}: {operator.value}: takes no {name}")
    values = one["values"] if "values" in wanted else [one[name] for name in wanted]
    if not isinstance(values, list):
        raise ApiError(400, Code.INVALID_FILTER_VALUES, f"{field.api or field.key}: values must be a list")
    return _checked(field, operator, values, fields)


def _checked(
    field: Field, operator: Operator, values: list[Any], fields: Callable[[str], Field | None]
) -> Criterion:
    name = field.api or field.key
    code = Code.INVALID_FILTER_VALUES if operator in WITH_LIST else Code.INVALID_FILTER_VALUE
    if len(values) > MOST_VALUES:
        source = f"{name}: {len(values):,} values are given, at most {MOST_VALUES:,} are allowed"
        raise ApiError(400, code, source)
    try:
        return criteria.parse(field.key, operator, [_text(field, value) for value in values], fields=fields)
    except Malformed as error:
        code = Code.INVALID_FILTER_SECOND_VALUE if error.fault is Fault.REVERSED else code
        raise ApiError(400, code, f"{name}: {sentence(error)}") from error


# Where values are, and the number of what is wrong there.
VALUES = {
    "value": Code.INVALID_FILTER_VALUE,
    "secondValue": Code.INVALID_FILTER_SECOND_VALUE,
    "values": Code.INVALID_FILTER_VALUES,
}


def _wanted(operator: Operator) -> tuple[str, ...]:
    """Return the names of the properties that hold the operator's values."""
    if operator in WITHOUT_VALUE:
        return ()
    if operator in WITH_LIST:
        return ("values",)
    return ("value", "secondValue") if operator == Operator.BETWEEN else ("value",)


def operator_of(field: Field, name: str) -> Operator:
    """Return the operator of that name, in any case, if the field supports it."""
    try:
        return criteria.operator_of(field, name)
    except Malformed as error:
        source = f"{field.api or field.key}: {sentence(error)}"
        raise ApiError(400, Code.INVALID_FILTER_ELEMENT, source) from error


def check_kinds(one: Mapping[str, Any], place: str) -> None:
    """Check that these hints of clients are text. They repeat what the field says, so they have no effect."""
    for name in KINDS:
        if not is_absent(one.get(name)):
            word(f"{place}.{name}", one[name], Code.INVALID_PARAMETERS)


def _text(field: Field, value: Any) -> str:
    """Return a scalar as text: clients write numbers and booleans as such. Amounts are read to six places."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and field.kind == Kind.MONEY:
        return f"{value:.6f}".rstrip("0").rstrip(".")
    if isinstance(value, int | float):
        return str(value)
    return clean(field.api or field.key, value)


def _order(given: Any) -> tuple[Sorting, str]:
    one = object_of(given, "sortingCriteria", "SortingCriteria", "an object with field and order")
    if one.get("field") is None:
        raise ApiError(400, Code.INVALID_SORTING_SELECTION, "sortingCriteria.field: is missing")
    name = word("sortingCriteria.field", one["field"], Code.INVALID_SORTING_COLUMN)
    return order_by(name, "DESC" if is_absent(one.get("order")) else one["order"]), name


def order_by(name: str, direction: Any) -> Sorting:
    """Return the order by a field of SORTABLE, ASC or DESC in any case."""
    if name not in SORTABLE:
        code = Code.COLUMN_NOT_SORTABLE if name in BY_API_NAME else Code.INVALID_SORTING_COLUMN
        raise ApiError(400, code, f"sortingCriteria.field: {name}: must be one of {', '.join(SORTABLE)}")
    order = word("sortingCriteria.order", direction, Code.INVALID_SORTING_ORDER).upper()
    if order not in ("ASC", "DESC"):
        raise ApiError(400, Code.INVALID_SORTING_ORDER, "sortingCriteria.order: must be ASC or DESC")
    chosen = SORTABLE[name]
    return Sorting(name, chosen.columns, descending=order == "DESC", nullable=chosen.nullable)


def word(name: str, value: Any, code: Code) -> str:
    """Return the value if it is text. Raises ApiError."""
    if not isinstance(value, str):
        raise ApiError(400, code, f"{name}: must be text")
    return clean(name, value)


def object_of(value: Any, place: str, schema: str, wanted: str) -> dict[str, Any]:
    """Return the value if it is an object with no fields beyond the schema's. Raises ApiError."""
    if not isinstance(value, dict):
        raise ApiError(400, Code.INVALID_PARAMETERS, f"{place}: must be {wanted}")
    if unknown := sorted(set(value) - fields_of(schema)):
        told = f"{place}: there is no {unknown[0][:64]}; there are {', '.join(sorted(fields_of(schema)))}"
        raise ApiError(400, Code.PARAMETER_NOT_ALLOWED, told)
    return value
