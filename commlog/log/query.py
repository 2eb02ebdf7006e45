"""Log queries: conditions, order and columns, and the resulting selection. See `reading.py`, `writing.py`."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from commlog.kit.sentences import NEEDS_CONTENT
from commlog.log.conditions import PARAMETER, Given, short, withheld
from commlog.log.filters import BAR, Condition, MessageFilter
from commlog.log.places import Place
from commlog.log.search import asks_content
from commlog.models import CustomView
from commlog.permissions import Person
from notifications import criteria
from notifications.criteria import Criterion, Match
from notifications.models.message import MessageQuerySet

Pairs = Sequence[tuple[str, str]]
EVERYTHING = "everything"
_BOX = "q"


@dataclass(frozen=True, slots=True)
class LogQuery:
    """A log's place, conditions, order, columns, and open view."""

    place: Place = field(default_factory=Place)
    # The filter bar's parameters as they were given, and any that nothing knows.
    bar: tuple[tuple[str, str], ...] = ()
    criteria: tuple[Given, ...] = ()  # More conditions, wrong ones included
    match: Match = Match.ALL
    sorting: str = ""  # as an address says it; "": the newest first
    columns: tuple[str, ...] = ()  # their keys; none: those of whoever reads it
    timestamps: bool = True
    compact: bool = False
    view: CustomView | None = None
    # What was not understood besides: it stays with the query, so that nobody lists it by mistake.
    problems: tuple[str, ...] = ()

    def replace(self, **changed: Any) -> "LogQuery":
        """Return a copy with these fields changed."""
        return dataclasses.replace(self, **changed)

    def without(self, condition: Condition) -> "LogQuery":
        """Return a copy without the condition."""
        if condition.name == PARAMETER:
            return self.replace(
                criteria=tuple(one for at, one in enumerate(self.criteria) if at != condition.at)
            )
        return self.replace(bar=tuple(pair for pair in self.bar if pair[0] != condition.name))

    def as_withheld(self) -> "LogQuery":
        """Return a copy for a reader who may not see content: conditions on content are refused."""
        bar, problems = self.bar, self.problems
        if asks_content(dict(bar).get(_BOX, "")):
            bar = tuple(pair for pair in bar if pair[0] != _BOX)
            problems = (*problems, f"Searching for addresses, numbers and texts {NEEDS_CONTENT}.")
        return self.replace(bar=bar, criteria=tuple(map(withheld, self.criteria)), problems=problems)

    @property
    def strange(self) -> Pairs:
        return [pair for pair in self.bar if pair[0] not in BAR]

    @property
    def asked(self) -> list[Criterion]:
        """The valid ones of More conditions."""
        return [one.criterion for one in self.criteria if one.criterion]

    def over(
        self, scope: MessageQuerySet, *, now: datetime | None = None, widely: bool = False
    ) -> "Selection":
        """Return the selection among these messages.

        `now`: for relative days, instead of the present. `widely`: match too much rather than too little of a
        text search, for few messages (legal holds).
        """
        query = self.as_withheld() if scope.masked else self
        bar = MessageFilter(dict(query.bar), queryset=scope, now=now, widely=widely)
        wrong = query.problems or query.strange or any(one.wrong for one in query.criteria)
        if wrong or not bar.is_valid():
            return Selection(query, bar, scope.none(), sound=False)
        messages: MessageQuerySet = bar.qs
        if query.criteria:
            messages = criteria.narrow(messages, query.asked, query.match, now=now)
        return Selection(query, bar, messages, sound=True)

    def rows(self, user: Person) -> "Selection":
        """Return the selection of its log. Raises PermissionDenied or Http404."""
        return self.over(self.place.scope(user))


@dataclass(frozen=True, slots=True)
class Selection:
    """The result of a query: nothing if any condition is invalid, never more than was meant."""

    query: LogQuery
    filter: MessageFilter
    messages: MessageQuerySet
    sound: bool  # whether every condition was understood

    @property
    def conditional(self) -> bool:
        """Whether any condition is set."""
        return bool(self.query.criteria) or any(self.filter.conditions())

    @property
    def conditions(self) -> list[Condition]:
        """The set conditions, invalid ones too: bar, More conditions, unknown ones."""
        more = [
            Condition(PARAMETER, one.label, one.words.removeprefix("is "), one.wrong, at)
            for at, one in enumerate(self.query.criteria)
        ]
        strange = [
            Condition(name, short(name), short(value.strip()), "Unknown filter.")
            for name, value in self.query.strange
        ]
        return [*self.filter.conditions(), *more, *strange]

    def words(self) -> str:
        """Return the conditions in words."""
        said = [f"{one.label}: {one.value}" for one in self.conditions]
        first = len(said) - len(self.query.criteria)
        how = " or " if self.any_of_several else "; "
        return "; ".join([*said[:first], *([how.join(said[first:])] if said[first:] else [])]) or EVERYTHING

    @property
    def any_of_several(self) -> bool:
        return self.query.match == Match.ANY and len(self.query.criteria) > 1
