"""Conditions on values that people spell in many ways: names, addresses and telephone numbers."""

from functools import reduce
from operator import or_

from django.contrib.auth import get_user_model
from django.db.models import CharField, F, Q, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Concat, Replace, Trim, Upper
from django.db.models.lookups import (
    Contains,
    EndsWith,
    Exact,
    GreaterThanOrEqual,
    In,
    LessThan,
    StartsWith,
)

from notifications import channels
from notifications.criteria.operators import Operator
from notifications.models.message import of_channels
from notifications.models.spellings import LONGEST_SPELLED, SEPARATORS, Digits, Spelled
from notifications.secrets.urls import shortened
from notifications.text.numbers import Asked, asked
from notifications.text.spelling import fold, in_small_letters

INDEXED = frozenset({"destination"})  # columns of messages whose spelling an index holds
REFERENCES = frozenset({"reference_id", "provider_id"})
_LAST = "\U0010ffff"  # behind whatever follows a beginning
_LITERALLY = {Operator.CONTAINS: "holds", Operator.STARTS_WITH: "istartswith", Operator.EQUALS: "iexact"}
_FOLDED = {Operator.CONTAINS: "contains", Operator.STARTS_WITH: "startswith", Operator.EQUALS: "exact"}


def named(column: str, text: str, operator: Operator = Operator.CONTAINS, *, fold_column: str = "") -> Q:
    """Return the condition that the column contains, begins with or is the text, in any spelling of a name.

    The fold is in the column `fold_column`, by default `<column>_fold`. The text of a row without a fold
    either equals its fold except for the case of A to Z, or was not folded yet and is found by what was
    typed, in any case.
    """
    folded, beside = fold(text), fold_column or f"{column}_fold"
    literally = Q(**{f"{column}__{_LITERALLY[operator]}": text})
    if not folded:
        return literally
    if folded != text.lower():
        literally |= Q(**{f"{column}__{_LITERALLY[operator]}": folded})
    found = Q(**{f"{beside}__{_FOLDED[operator]}": folded}) | (Q(**{beside: ""}) & literally)
    # Who knows the whole of a secret URL finds it.
    found = found | Q(**{column: text}) if shortened(text) != text else found
    if column not in INDEXED or fold_column:
        return found
    by_index = _indexed(column, text, operator)
    # What the index holds whole needs no second look, without which PostgreSQL keeps its order.
    whole = shortened(text) == text and max(len(text), len(folded)) < LONGEST_SPELLED
    return by_index if by_index and whole else by_index & found


def _indexed(column: str, text: str, operator: Operator) -> Q:
    """Return the index's part of the condition: it excludes nothing more and leaves few rows to check."""
    spelled = Spelled(F(column), F(f"{column}_fold"))
    starts = sorted({each[:LONGEST_SPELLED] for each in _spellings(text) if each})
    if operator == Operator.EQUALS:
        return Q(Exact(spelled, Value(starts[0])) if len(starts) == 1 else In(spelled, starts))
    if operator != Operator.STARTS_WITH:
        return Q()
    return reduce(
        or_,
        (
            Q(GreaterThanOrEqual(spelled, Value(start)), LessThan(spelled, Value(f"{start}{_LAST}")))
            for start in starts
        ),
    )


def _spellings(text: str) -> set[str]:
    """Return the forms of the text that the index may hold.

    They are the folds, of a secret URL also as readers see it, and forms in rows that are not folded yet.
    """
    said = {text, text.lower(), text.upper()} if not text.isascii() else {text}
    return {fold(shortened(text)), fold(text), *(in_small_letters(each) for each in said)}


def named_as_staff(column: str, text: str, operator: Operator) -> Q:
    """Return the condition that the column holds the present name of a member of staff, in any spelling.

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


def referred(column: str, text: str) -> Q:
    """Return the condition that a column of REFERENCES equals the text in any case; an index serves it."""
    return Q(Exact(Upper(F(column)), Upper(Value(text)))) & ~Q(**{column: ""})


def sent_to(text: str, operator: Operator = Operator.CONTAINS) -> Q:
    """Return the condition that a message went to this address or number, in any spelling."""
    found, number = named("destination", text, operator), sent_to_number(text, operator)
    return found | number if number else found


def sent_to_international(text: str) -> Q | None:
    """Return the condition that a message went to the number that the text spells with its country.

    None if the text spells no such number. An index serves it, but not the ends of numbers.
    """
    meant = asked(text)
    return sent_to_number(text, Operator.EQUALS) if meant and meant.international else None


def sent_to_number(text: str, operator: Operator = Operator.CONTAINS) -> Q | None:
    """Return the condition of `numbered` for messages on channels that use numbers."""
    number = numbered("destination", text, operator, fold_column="destination_fold")
    return of_channels(channels.BY_NUMBER) & number if number else None


def numbered(
    column: str, text: str, operator: Operator = Operator.CONTAINS, *, fold_column: str = ""
) -> Q | None:
    """Return the condition that the column holds the number that the text spells.

    None if the text spells no number, or the operator does not apply to it. A national spelling does not name
    its country: it matches the end of a number, never its beginning.
    """
    starts = operator == Operator.STARTS_WITH
    found = asked(text, fewest=1) if starts else asked(text)
    if found is None:
        return None
    number = _without_separators(column, fold_column)
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


def _without_separators(column: str, fold_column: str) -> Combinable:
    """Return the column without separators, or its fold.

    In a fold, digits, spaces and dashes are those of a keyboard.
    """
    if fold_column:
        return Digits(F(column), F(fold_column))
    number: Combinable = F(column)
    for separator in SEPARATORS:
        number = Replace(number, Value(separator), Value(""), output_field=TextField())
    return number
