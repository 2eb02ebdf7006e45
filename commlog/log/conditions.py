"""*More conditions*: each condition as given, its criterion or its error, and its spelling."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from commlog.kit.sentences import NEEDS_CONTENT, alone, sentence
from commlog.recipients import people
from notifications import criteria
from notifications.criteria import FIELDS, Criterion, Field, Kind, Operator
from notifications.faults import Malformed
from notifications.text import days

PARAMETER = "c"
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Given:
    """A condition as given: its parts, and its criterion or what is wrong."""

    field: str
    operator: str
    values: tuple[str, ...] = ()
    criterion: Criterion | None = None
    wrong: str = ""
    number: int = 0  # of the form's row that it came from; 0: from an address
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)  # what its keys are called

    @property
    def label(self) -> str:
        known = FIELDS.get(self.field)
        return known.label if known else short(self.field, _SHOWN) or "Condition"

    @property
    def words(self) -> str:
        if self.criterion:
            return criteria.in_words(self.criterion, self.names)
        known = next((member for member in Operator if member.value == self.operator.upper()), None)
        return short(
            f"{known.label if known else self.operator.lower()} {', '.join(self.values)}".strip(), _SHOWN
        )

    @property
    def written(self) -> str:
        if self.criterion:
            values = [",".join(self.criterion.values)] if self.criterion.values else []
            return ".".join((self.criterion.field, self.criterion.operator.lower(), *values))
        return ".".join((self.field, self.operator.lower(), ",".join(self.values))).rstrip(".") or "."


def withheld(given: Given) -> Given:
    """Return the condition for a reader who may not see content: refused if it asks about content."""
    known = FIELDS.get(given.field)
    if known is None or not known.withheld:
        return given
    return replace(given, values=(), criterion=None, wrong=f"{known.label} {NEEDS_CONTENT}.")


def meant(criterion: Criterion) -> Given:
    """Return the condition of a criterion."""
    return Given(criterion.field, criterion.operator.value, criterion.values, criterion)


def check(name: str, operator: str, values: Sequence[str]) -> Given:
    """Return the condition of these parts, with its criterion or what is wrong."""
    known = FIELDS.get(name)
    if known and known.kind == Kind.DATE_TIME:
        values = [days.as_iso(value) for value in values]
    if wrong := "Choose a field." if not name else _misfit(known, operator.upper()):
        return Given(name, operator, tuple(values), wrong=wrong)
    try:
        keys = (
            [people.resolve(known.whom, value) for value in values]
            if known and known.whom in people.WHOM
            else values
        )
        return meant(criteria.parse(name, operator, keys))
    except Malformed as error:
        return Given(name, operator, tuple(values), wrong=alone(sentence(error)))


def _misfit(field: Field | None, operator: str) -> str:
    """Return the error if the field lacks the operator: without JavaScript the form offers all of them."""
    if field and operator in Operator.values and operator not in field.operators:
        return f"{field.label} cannot be used with “{Operator(operator).label}”. Choose another operator."
    return ""


def with_names(given: Sequence[Given]) -> tuple[Given, ...]:
    """Return the conditions with the names of their keys, by one query per kind of recipient."""
    keys: dict[str, set[str]] = {}
    for one in given:
        if one.criterion and FIELDS[one.field].whom in people.WHOM:
            keys.setdefault(FIELDS[one.field].whom, set()).update(one.values)
    names = {whom: people.labels(whom, wanted) for whom, wanted in keys.items()}
    return tuple(
        replace(one, names=names[whom])
        if one.criterion and (whom := FIELDS[one.field].whom) in names
        else one
        for one in given
    )


def short(text: str, most: int = 40) -> str:
    """Return the start of a text that somebody else chose."""
    return text if len(text) <= most else f"{text[:most]}…"
