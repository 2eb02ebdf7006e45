"""The rows of a template's conditions: as submitted, or as stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from notifications.criteria import WITHOUT_VALUE, Operator
from notifications.templating import checks

ADD, REMOVE = "add", "remove-"  # what their buttons ask; after REMOVE comes the number of the row
_LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class ConditionRow:
    """A row: its input and what is wrong. `upto` is the end of a range."""

    number: int
    field: str = ""
    operator: str = ""
    value: str = ""
    upto: str = ""
    wrong: str = ""
    fresh: bool = False  # whether it has just been added

    @property
    def values(self) -> list[str]:
        """The values for its operator. `1, 9` is a range too."""
        if self.operator in WITHOUT_VALUE or not (self.value or self.upto):
            return []
        if self.operator != Operator.BETWEEN:
            return [self.value]
        if self.upto:
            return [self.value, self.upto]
        return [part.strip() for part in self.value.split(",")]

    @property
    def written(self) -> str:
        return f"{self.field} {self.operator} {', '.join(self.values)}"


def came(data: Mapping[str, Any]) -> list[ConditionRow]:
    """Return the rows of submitted data that are not empty, without a removed one."""
    rows: list[ConditionRow] = []
    removed = str(data.get("do", ""))
    for number in range(1, checks.MOST_CONDITIONS + 1):
        field, operator, value, upto = (
            str(data.get(f"{part}{number}", "")).strip()[:_LONGEST] for part in "fovw"
        )
        upto = upto if operator == Operator.BETWEEN else ""  # else its input is hidden
        if (field or value or upto) and removed != f"{REMOVE}{number}":
            rows.append(ConditionRow(len(rows) + 1, field.strip("{}"), operator, value, upto))
    return rows


def stored(conditions: Sequence[Mapping[str, Any]]) -> list[ConditionRow]:
    """Return the rows of stored conditions."""
    rows = []
    for number, one in enumerate(conditions, start=1):
        value, upto = one["values"] if one["operator"] == Operator.BETWEEN else (", ".join(one["values"]), "")
        rows.append(ConditionRow(number, one["field"], one["operator"], value, upto))
    return rows


def with_empty(rows: list[ConditionRow], *, adding: bool) -> list[ConditionRow]:
    """Return the rows, with an empty one if requested or if there is none."""
    if len(rows) < checks.MOST_CONDITIONS and (adding or not rows):
        return [*rows, ConditionRow(len(rows) + 1, fresh=adding)]
    return rows


def data_of(rows: Sequence[ConditionRow]) -> dict[str, str]:
    """Return form data with exactly these rows."""
    filled = {row.number: row for row in rows}
    data: dict[str, str] = {}
    for number in range(1, checks.MOST_CONDITIONS + 1):
        row = filled.get(number, ConditionRow(number))
        data |= dict(zip((f"{part}{number}" for part in "fovw"), _parts(row), strict=True))
    return data


def _parts(row: ConditionRow) -> tuple[str, ...]:
    return row.field, row.operator, row.value, row.upto
