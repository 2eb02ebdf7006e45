"""The conditions of *More conditions*: how addresses write them, how the form sends them, and what is wrong with them.

An address holds one parameter a condition, `c=destination.contains.@example.org`: field, operator, and the rest is the value, whatever
characters it has. Lists are parted by commas (`c=state.in.FAILED,WAITING`); only keys, choices, days and numbers come in lists. The form
works without JavaScript, so it sends parts: f1, o1, v1, v1, f2 …
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.http import QueryDict

from commlog.kit.sentences import alone, sentence
from commlog.recipients import people
from notifications import criteria
from notifications.criteria import FIELDS, WITH_LIST, WITHOUT_VALUE, Criterion, Field, Kind, Match, Operator
from notifications.faults import Malformed

PARAMETER = "c"
MATCH = "match"
ADD = "add"
PART = re.compile(r"[fov]([1-9][0-9]?)")
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Given:
    """A condition as it was given: its parts, the criterion that they mean, or what is wrong with them."""

    field: str
    operator: str
    values: tuple[str, ...] = ()
    criterion: Criterion | None = None
    wrong: str = ""
    number: int = 0  # of the form's row that it came from; 0: from an address
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)  # what its keys are called

    @property
    def label(self) -> str:
        """What its field is called."""
        known = FIELDS.get(self.field)
        return known.label if known else _short(self.field) or "Condition"

    @property
    def words(self) -> str:
        """What it asks, for people."""
        if self.criterion:
            return criteria.in_words(self.criterion, self.names)
        known = next((member for member in Operator if member.value == self.operator.upper()), None)
        return _short(f"{known.label if known else self.operator.lower()} {', '.join(self.values)}".strip())

    @property
    def written(self) -> str:
        """As an address writes it."""
        if self.criterion:
            return write(self.criterion)
        return ".".join((self.field, self.operator.lower(), ",".join(self.values))).rstrip(".") or "."


@dataclass(frozen=True, slots=True)
class Conditions:
    """All conditions of an address, and how they go together."""

    given: Sequence[Given] = ()
    match: Match = Match.ALL
    problems: Sequence[str] = ()  # what is wrong with all of them together
    add: bool = False  # whether an empty row is wanted

    @property
    def sound(self) -> bool:
        """Whether each of them can be asked."""
        return not self.problems and not any(one.wrong for one in self.given)

    @property
    def criteria(self) -> list[Criterion]:
        """Those that can be asked."""
        return [one.criterion for one in self.given if one.criterion]


def write(criterion: Criterion) -> str:
    """The criterion as an address writes it."""
    values = [",".join(criterion.values)] if criterion.values else []
    return ".".join((criterion.field, criterion.operator.lower(), *values))


def read(params: QueryDict) -> Conditions:
    """The conditions that the parameters hold."""
    given = [_check(*_parts(text)) for text in params.getlist(PARAMETER)]
    given += [replace(_check(name, operator, values), number=number) for number, name, operator, values in _rows(params)]
    problems = []
    if len(given) > criteria.MOST_CRITERIA:
        problems.append(f"There are {len(given):,} conditions; at most {criteria.MOST_CRITERIA} are allowed.")
        given = given[: criteria.MOST_CRITERIA]
    match = params.get(MATCH, "").strip().upper() or Match.ALL
    if match not in Match.values:
        problems.append("Conditions match “all” or “any”.")
        match = Match.ALL
    return Conditions(_with_names(given), Match(match), problems, add=bool(params.get(ADD)))


def is_part(name: str) -> bool:
    """Whether a parameter of this name belongs to the conditions."""
    return name in (PARAMETER, MATCH, ADD) or bool(PART.fullmatch(name))


def _parts(text: str) -> tuple[str, str, list[str]]:
    name, operator, value = (*text.split(".", 2), "", "")[:3]
    known, upper = FIELDS.get(name), operator.upper()
    in_list = upper in WITH_LIST or (upper == Operator.BETWEEN and known and known.kind in (Kind.NUMBER, Kind.DATE_TIME))
    values = [part.strip() for part in value.split(",")] if in_list else [value]
    return name, operator, [part for part in values if part]


def _rows(params: QueryDict) -> Iterable[tuple[int, str, str, list[str]]]:
    """The number of each row of the form, and what it holds. A row without a field is no condition."""
    numbers = sorted({int(found.group(1)) for name in params if (found := PART.fullmatch(name))})
    for number in numbers:
        name, operator = params.get(f"f{number}", "").strip(), params.get(f"o{number}", "").strip()
        values = [value.strip() for value in params.getlist(f"v{number}") if value.strip()]
        if name:
            yield number, name, operator, _of_row(name, operator.upper(), values)
        elif values:
            yield number, "", operator, values


def _of_row(name: str, operator: str, values: list[str]) -> list[str]:
    known = FIELDS.get(name)
    if operator in WITHOUT_VALUE:
        return []
    if operator in WITH_LIST and known and known.whom in ("", "message", "template"):
        return [part.strip() for value in values for part in value.split(",") if part.strip()]
    return values[:2] if operator == Operator.BETWEEN else values if operator in WITH_LIST else values[:1]


def _check(name: str, operator: str, values: list[str]) -> Given:
    known = FIELDS.get(name)
    if wrong := "Choose a field." if not name else _misfit(known, operator.upper()):
        return Given(name, operator, tuple(values), wrong=wrong)
    try:
        meant = [people.resolve(known.whom, value) for value in values] if known and known.whom in people.WHOM else values
        criterion = criteria.parse(name, operator, meant)
    except Malformed as error:
        return Given(name, operator, tuple(values), wrong=alone(sentence(error)))
    return Given(name, criterion.operator.value, criterion.values, criterion)


def _misfit(field: Field | None, operator: str) -> str:
    """Say that the field does not take the operator, in the words of the form: without JavaScript the form offers all of them."""
    if field and operator in Operator.values and operator not in field.operators:
        return f"{field.label} cannot be asked with “{Operator(operator).label}”: choose another operator."
    return ""


def _with_names(given: list[Given]) -> list[Given]:
    """Each with what its keys are called: one query for clients, one for groups, one for users."""
    keys: dict[str, set[str]] = {}
    for one in given:
        if one.criterion and FIELDS[one.field].whom in people.WHOM:
            keys.setdefault(FIELDS[one.field].whom, set()).update(one.values)
    names = {whom: people.labels(whom, wanted) for whom, wanted in keys.items()}
    return [
        replace(one, names=names[FIELDS[one.field].whom]) if one.criterion and FIELDS[one.field].whom in names else one for one in given
    ]


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
