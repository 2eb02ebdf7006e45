"""The operators on fields: how many values each takes, and of which kinds."""

from django.db.models import TextChoices


class Kind(TextChoices):
    """The kinds of fields. The names are Mambu's where it has one."""

    KEY = "KEY", "a key"
    ENUM = "ENUM", "a choice"
    STRING = "STRING", "a line of text"
    TEXT = "TEXT", "a long text"
    DATE_TIME = "DATE_TIME", "a time"
    NUMBER = "NUMBER", "a number"
    MONEY = "MONEY", "an amount"
    BOOLEAN = "BOOLEAN", "yes or no"


class Operator(TextChoices):
    """The operators, with Mambu's names and seven additions.

    Mambu lacks NOT_IN, CONTAINS, NOT_CONTAINS, YESTERDAY, LAST_WEEK, LAST_MONTH and LAST_HOURS.
    """

    EQUALS = "EQUALS", "is"
    EQUALS_CASE_SENSITIVE = "EQUALS_CASE_SENSITIVE", "is exactly"
    DIFFERENT_THAN = "DIFFERENT_THAN", "is not"
    IN = "IN", "is one of"
    NOT_IN = "NOT_IN", "is none of"
    CONTAINS = "CONTAINS", "contains"
    NOT_CONTAINS = "NOT_CONTAINS", "does not contain"
    STARTS_WITH = "STARTS_WITH", "starts with"
    STARTS_WITH_CASE_SENSITIVE = "STARTS_WITH_CASE_SENSITIVE", "starts exactly with"
    MORE_THAN = "MORE_THAN", "is more than"
    LESS_THAN = "LESS_THAN", "is less than"
    BETWEEN = "BETWEEN", "is between"
    ON = "ON", "is on"
    AFTER = "AFTER", "is after"
    AFTER_INCLUSIVE = "AFTER_INCLUSIVE", "is on or after"
    BEFORE = "BEFORE", "is before"
    BEFORE_INCLUSIVE = "BEFORE_INCLUSIVE", "is on or before"
    TODAY = "TODAY", "is today"
    THIS_WEEK = "THIS_WEEK", "is this week"
    THIS_MONTH = "THIS_MONTH", "is this month"
    THIS_YEAR = "THIS_YEAR", "is this year"
    YESTERDAY = "YESTERDAY", "is yesterday"
    LAST_WEEK = "LAST_WEEK", "is last week"
    LAST_MONTH = "LAST_MONTH", "is last month"
    LAST_DAYS = "LAST_DAYS", "is in the last days"
    LAST_HOURS = "LAST_HOURS", "is in the last hours"
    EMPTY = "EMPTY", "is empty"
    NOT_EMPTY = "NOT_EMPTY", "is not empty"


class Match(TextChoices):
    """The combination of several criteria."""

    ALL = "ALL", "all of them hold"
    ANY = "ANY", "any of them holds"


ALIASES = {"NOT_EQUAL": Operator.DIFFERENT_THAN}
WITHOUT_VALUE = frozenset(
    {
        Operator.TODAY,
        Operator.THIS_WEEK,
        Operator.THIS_MONTH,
        Operator.THIS_YEAR,
        Operator.YESTERDAY,
        Operator.LAST_WEEK,
        Operator.LAST_MONTH,
        Operator.EMPTY,
        Operator.NOT_EMPTY,
    },
)
WITH_LIST = frozenset({Operator.IN, Operator.NOT_IN})
# What is counted back from now, and how far at most.
COUNTED_BACK = {Operator.LAST_DAYS: 36_500, Operator.LAST_HOURS: 99_999}

_FILLED = (Operator.EMPTY, Operator.NOT_EMPTY)
_ONE = (Operator.EQUALS, Operator.EQUALS_CASE_SENSITIVE, Operator.DIFFERENT_THAN)
_PART = (Operator.CONTAINS, Operator.NOT_CONTAINS, Operator.STARTS_WITH, Operator.STARTS_WITH_CASE_SENSITIVE)
_SPAN = (
    Operator.ON,
    Operator.BETWEEN,
    Operator.AFTER,
    Operator.AFTER_INCLUSIVE,
    Operator.BEFORE,
    Operator.BEFORE_INCLUSIVE,
)
_SIZE = (Operator.MORE_THAN, Operator.LESS_THAN, Operator.BETWEEN)
_RELATIVE = (
    Operator.TODAY,
    Operator.YESTERDAY,
    Operator.THIS_WEEK,
    Operator.LAST_WEEK,
    Operator.THIS_MONTH,
    Operator.LAST_MONTH,
    Operator.THIS_YEAR,
    Operator.LAST_DAYS,
    Operator.LAST_HOURS,
)
OPERATORS: dict[Kind, tuple[Operator, ...]] = {
    Kind.KEY: (*_ONE, Operator.IN, Operator.NOT_IN, *_FILLED),
    Kind.ENUM: (*_ONE, Operator.IN, Operator.NOT_IN, *_FILLED),
    Kind.STRING: (*_PART, *_ONE, *_FILLED),
    Kind.TEXT: (*_PART, *_FILLED),
    Kind.DATE_TIME: (*_SPAN, *_RELATIVE, *_FILLED),
    Kind.NUMBER: (*_ONE, *_SIZE, *_FILLED),
    Kind.MONEY: (*_ONE, *_SIZE, *_FILLED),
    Kind.BOOLEAN: _ONE,
}


def kinds_of(operator: Operator) -> list[Kind]:
    """Return the kinds of fields that take this operator."""
    return [kind for kind, operators in OPERATORS.items() if operator in operators]
