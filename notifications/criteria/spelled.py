"""Conditions on what people spell in many ways: telephone numbers."""

from django.db.models import F, Q, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Replace
from django.db.models.lookups import Contains, EndsWith, Exact, StartsWith

from notifications.criteria.operators import Operator
from notifications.numbers import Asked, asked

_IGNORED = ("(0)", " ", "(", ")", "-", ".", "/", "\u00a0", "\u2010", "\u2011", "\u2013", "\u202f")


def numbered(column: str, text: str, operator: Operator = Operator.CONTAINS) -> Q | None:
    """The condition that the column holds the number that the text spells.

    None where the text spells none, or the operator cannot be asked of it. A national spelling does not say its country: it is the end
    of a number, and never its beginning.
    """
    starts = operator == Operator.STARTS_WITH
    found = asked(text, fewest=1) if starts else asked(text)
    if found is None:
        return None
    number = _without_separators(column)
    if operator == Operator.CONTAINS:
        return Q(Contains(number, Value(found.digits)))
    if operator == Operator.EQUALS:
        return Q(_is_number(number, found))
    return Q(StartsWith(number, Value(f"+{found.digits}"))) if starts and found.international else None


def _is_number(number: Combinable, found: Asked) -> Exact | EndsWith:
    return Exact(number, Value(f"+{found.digits}")) if found.international else EndsWith(number, Value(found.digits))


def _without_separators(column: str) -> Combinable:
    number: Combinable = F(column)
    for separator in _IGNORED:
        number = Replace(number, Value(separator), Value(""), output_field=TextField())
    return number
