"""The rows of *More conditions*: each field with the operators that it takes, and the inputs that its values
need.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from commlog.log.conditions import Given
from notifications.criteria import (
    FIELDS,
    LONGEST,
    MOST_CRITERIA,
    WITH_LIST,
    WITHOUT_VALUE,
    Field,
    Kind,
    Operator,
)

Choice = tuple[str, str]
_YES_NO: tuple[Choice, ...] = (("true", "yes"), ("false", "no"))
# What the API needs and a clerk does not: these kinds know no case.
_NOT_OFFERED = {Kind.KEY, Kind.ENUM, Kind.NUMBER, Kind.BOOLEAN}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the form. `widget` names the inputs: none, text, choice, choices, dates, numbers, people."""

    number: int
    given: Given
    fresh: bool = False  # whether it has just been added

    @property
    def field(self) -> Field | None:
        """The field that is chosen."""
        return FIELDS.get(self.given.field)

    @property
    def operator(self) -> str:
        """The operator that is chosen; the first that the field takes where none is, or one that it does not
        take.
        """
        asked = self.given.operator.upper()
        return asked if self.field is None or asked in self.field.operators else self.operators[0][0]

    @property
    def fields(self) -> Sequence[Choice]:
        """What can be chosen as its field."""
        return sorted(
            ((field.key, field.label) for field in FIELDS.values()), key=lambda choice: choice[1].lower()
        )

    @property
    def operators(self) -> Sequence[Choice]:
        """What can be chosen as its operator."""
        offered = list(Operator) if self.field is None else list(self.field.operators)
        sensitive = Operator.EQUALS_CASE_SENSITIVE
        if self.field and self.field.kind in _NOT_OFFERED and self.given.operator.upper() != sensitive:
            offered.remove(sensitive)
        return [(operator.value, str(operator.label)) for operator in offered]

    @property
    def widget(self) -> str:
        """Which inputs its values need."""
        field, operator = self.field, self.operator
        if operator in WITHOUT_VALUE and field:
            return "none"
        if field is None or operator == Operator.LAST_DAYS:
            return "number" if field else "text"
        if field.choices or field.kind == Kind.BOOLEAN:
            return "choices" if operator in WITH_LIST else "choice"
        if field.whom in ("client", "group", "user"):
            return "people"
        if field.kind == Kind.DATE_TIME:
            return "text" if any(len(value) > 10 for value in self.given.values) else "dates"
        return "numbers" if field.kind == Kind.NUMBER else "text"

    @property
    def choices(self) -> Sequence[Choice]:
        """What can be chosen as its value."""
        if self.field is None:
            return ()
        return _YES_NO if self.field.kind == Kind.BOOLEAN else self.field.choices

    @property
    def inputs(self) -> Sequence[str]:
        """What its inputs hold: two for from and to, one to spare for lists of people, the whole list in one
        for other lists.
        """
        shown = [self.given.names.get(value, value) for value in self.given.values]
        if self.operator == Operator.BETWEEN:
            return [*shown, "", ""][:2]
        if self.operator in WITH_LIST:
            return [*shown, ""] if self.widget == "people" else [", ".join(shown)]
        return [*shown, ""][:1]

    @property
    def longest(self) -> int:
        """How many characters an input takes."""
        return LONGEST


def rows_of(conditions: Sequence[Given], *, adding: bool) -> list[Row]:
    """The rows of the form: one a condition, and an empty one where it is asked for or nothing is there."""
    rows = [Row(number, given) for number, given in enumerate(conditions, start=1)]
    if len(rows) < MOST_CRITERIA and (adding or not rows):
        rows.append(Row(len(rows) + 1, Given("", ""), fresh=adding))
    return rows
