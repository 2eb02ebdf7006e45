"""The rows of *More conditions*: fields, their operators, and inputs for values."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from commlog.log.conditions import Given
from notifications.criteria import (
    COUNTED_BACK,
    FIELDS,
    LONGEST,
    MOST_CRITERIA,
    WITH_LIST,
    WITHOUT_VALUE,
    Field,
    Kind,
    Operator,
)
from notifications.text import days

Choice = tuple[str, str]
_YES_NO: tuple[Choice, ...] = (("true", "yes"), ("false", "no"))
# What the API needs and a clerk does not: these kinds know no case.
_NOT_OFFERED = {Kind.KEY, Kind.ENUM, Kind.NUMBER, Kind.BOOLEAN}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the form. `widget` selects the inputs: none, text, choice, choices, dates, numbers, people."""

    number: int
    given: Given
    fresh: bool = False  # whether it has just been added
    masked: bool = False  # whether its reader may not ask what messages say

    @property
    def field(self) -> Field | None:
        return FIELDS.get(self.given.field)

    @property
    def operator(self) -> str:
        """The chosen operator if the field supports it; else the field's first."""
        asked = self.given.operator.upper()
        return asked if self.field is None or asked in self.field.operators else self.operators[0][0]

    @property
    def fields(self) -> Sequence[Choice]:
        offered = (
            field
            for field in FIELDS.values()
            if not (self.masked and field.withheld) or field.key == self.given.field
        )
        return sorted(((field.key, field.label) for field in offered), key=lambda choice: choice[1].lower())

    @property
    def operators(self) -> Sequence[Choice]:
        offered = list(Operator) if self.field is None else list(self.field.operators)
        sensitive = Operator.EQUALS_CASE_SENSITIVE
        if self.field and self.field.kind in _NOT_OFFERED and self.given.operator.upper() != sensitive:
            offered.remove(sensitive)
        return [(operator.value, str(operator.label)) for operator in offered]

    @property
    def widget(self) -> str:
        """The kind of inputs for its values."""
        field, operator = self.field, self.operator
        if operator in WITHOUT_VALUE and field:
            return "none"
        if field is None or operator in COUNTED_BACK:
            return "number" if field else "text"
        if field.choices or field.kind == Kind.BOOLEAN:
            return "choices" if operator in WITH_LIST else "choice"
        if field.whom in ("client", "group", "user"):
            return "people"
        if field.kind == Kind.DATE_TIME:
            return "text" if any(len(value) > 10 for value in self.given.values) else "dates"
        return "numbers" if field.kind == Kind.NUMBER else "text"

    @property
    def date_format(self) -> str:
        """The organisation's date format."""
        return settings.ORGANISATION_DATE_FORMAT

    @property
    def unit(self) -> str:
        """The unit of a number."""
        return "hours" if self.operator == Operator.LAST_HOURS else "days"

    @property
    def choices(self) -> Sequence[Choice]:
        """The options of its value."""
        if self.field is None:
            return ()
        return _YES_NO if self.field.kind == Kind.BOOLEAN else self.field.choices

    @property
    def inputs(self) -> Sequence[str]:
        """The values of its inputs: two for a range, one spare for lists of people, one for other lists."""
        shown = [self.given.names.get(value, value) for value in self.given.values]
        if self.widget == "dates":
            shown = [days.shown(value) for value in shown]
        if self.between:
            return [*shown, "", ""][:2]
        if self.operator in WITH_LIST:
            return [*shown, ""] if self.widget == "people" else [", ".join(shown)]
        return [*shown, ""][:1]

    @property
    def between(self) -> bool:
        """Whether its two inputs are a range."""
        return self.operator == Operator.BETWEEN

    @property
    def longest(self) -> int:
        """The longest input in characters."""
        return LONGEST


def rows_of(conditions: Sequence[Given], *, adding: bool, masked: bool = False) -> list[Row]:
    """Return the rows of the form: one per condition, and an empty one if `adding`."""
    rows = [Row(number, given, masked=masked) for number, given in enumerate(conditions, start=1)]
    if len(rows) < MOST_CRITERIA and adding:
        rows.append(Row(len(rows) + 1, Given("", ""), fresh=True, masked=masked))
    return rows
