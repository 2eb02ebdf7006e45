"""Conditions on what people spell in many ways: names and addresses, telephone numbers."""

from django.contrib.auth import get_user_model
from django.db.models import Case, CharField, F, Q, TextField, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Concat, Replace, Trim
from django.db.models.lookups import Contains, EndsWith, Exact, StartsWith

from notifications.criteria.operators import Operator
from notifications.secrets.urls import shortened
from notifications.text.numbers import Asked, asked
from notifications.text.spelling import fold

_IGNORED = ("(0)", " ", "(", ")", "-", ".", "/", "\u00a0", "\u2010", "\u2011", "\u2013", "\u202f")

_LITERALLY = {Operator.CONTAINS: "holds", Operator.STARTS_WITH: "istartswith", Operator.EQUALS: "iexact"}
_FOLDED = {Operator.CONTAINS: "contains", Operator.STARTS_WITH: "startswith", Operator.EQUALS: "exact"}


def named(column: str, text: str, operator: Operator = Operator.CONTAINS, *, fold_column: str = "") -> Q:
    """The condition that the column holds, begins with or is the text, in whatever spelling of a name.

    Its fold is in the column beside it, `fold_column` where that is called otherwise. Rows without one hold
    nothing but what is spelled as its fold is, but for the case of A to Z; or they are not filled in yet, and
    are found by what was typed, in any case.
    """
    folded, beside = fold(text), fold_column or f"{column}_fold"
    literally = Q(**{f"{column}__{_LITERALLY[operator]}": text})
    if not folded:
        return literally
    if folded != text.lower():
        literally |= Q(**{f"{column}__{_LITERALLY[operator]}": folded})
    found = Q(**{f"{beside}__{_FOLDED[operator]}": folded}) | (Q(**{beside: ""}) & literally)
    # Who knows the whole of a secret URL finds it.
    return found | Q(**{column: text}) if shortened(text) != text else found


def named_as_staff(column: str, text: str, operator: Operator) -> Q:
    """The condition that the column holds the name of a member of staff who is called so now, in whatever
    spelling.

    Names of senders have no fold beside them: there are few of them, and they are looked up among the users
    instead.
    """
    name = Trim(Concat(F("first_name"), Value(" "), F("last_name"), output_field=CharField()))
    staff = (
        get_user_model()
        ._default_manager.annotate(full_name=name)
        .filter(named("full_name", text, operator, fold_column="name_fold"))
    )
    return Q(**{f"{column}__in": staff.exclude(full_name="").values("full_name")})


def numbered(
    column: str, text: str, operator: Operator = Operator.CONTAINS, *, fold_column: str = ""
) -> Q | None:
    """The condition that the column holds the number that the text spells.

    None where the text spells none, or the operator cannot be asked of it. A national spelling does not say
    its country: it is the end of a number, and never its beginning.
    """
    starts = operator == Operator.STARTS_WITH
    found = asked(text, fewest=1) if starts else asked(text)
    if found is None:
        return None
    number = _without_separators(_spelled(column, fold_column))
    if operator == Operator.CONTAINS:
        return Q(Contains(number, Value(found.digits)))
    if operator == Operator.EQUALS:
        return Q(_is_number(number, found))
    return Q(StartsWith(number, Value(f"+{found.digits}"))) if starts and found.international else None


def _is_number(number: Combinable, found: Asked) -> Exact | EndsWith:
    return (
        Exact(number, Value(f"+{found.digits}"))
        if found.international
        else EndsWith(number, Value(found.digits))
    )


def _spelled(column: str, fold_column: str) -> Combinable:
    """The column, or its fold where it has one: there all digits, spaces and dashes are those of a
    keyboard.
    """
    if not fold_column:
        return F(column)
    return Case(When(**{fold_column: ""}, then=F(column)), default=F(fold_column), output_field=TextField())


def _without_separators(number: Combinable) -> Combinable:
    for separator in _IGNORED:
        number = Replace(number, Value(separator), Value(""), output_field=TextField())
    return number
