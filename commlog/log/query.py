"""What is asked of a log, as one frozen value, and which messages it chooses.

Addresses, custom views and jobs become one in `reading.py`, and it becomes an address, a view or a job in
`writing.py`.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from commlog.log.conditions import PARAMETER, Given, short
from commlog.log.filters import BAR, Condition, MessageFilter
from commlog.log.places import Place
from commlog.models import CustomView
from commlog.permissions import Person
from notifications import criteria
from notifications.criteria import Criterion, Match
from notifications.models.message import MessageQuerySet

Pairs = Sequence[tuple[str, str]]
EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class LogQuery:
    """A log's place, its conditions, order and columns, and the view that is open."""

    place: Place = field(default_factory=Place)
    # The filter bar's parameters as they were given, and any that nothing knows.
    bar: tuple[tuple[str, str], ...] = ()
    criteria: tuple[Given, ...] = ()  # More conditions, wrong ones included
    match: Match = Match.ALL
    sorting: str = ""  # as an address says it; "": the newest first
    columns: tuple[str, ...] = ()  # their keys; none: those of whoever reads it
    timestamps: bool = True
    view: CustomView | None = None
    # What was not understood besides: it stays with the query, so that nobody lists it by mistake.
    problems: tuple[str, ...] = ()

    def replace(self, **changed: Any) -> "LogQuery":
        """Return the same but for these fields."""
        return dataclasses.replace(self, **changed)

    def without(self, condition: Condition) -> "LogQuery":
        """Return the same without a condition that it has."""
        if condition.name == PARAMETER:
            return self.replace(
                criteria=tuple(one for at, one in enumerate(self.criteria) if at != condition.at)
            )
        return self.replace(bar=tuple(pair for pair in self.bar if pair[0] != condition.name))

    @property
    def strange(self) -> Pairs:
        """The parameters that nothing knows."""
        return [pair for pair in self.bar if pair[0] not in BAR]

    @property
    def asked(self) -> list[Criterion]:
        """Those of More conditions that can be asked."""
        return [one.criterion for one in self.criteria if one.criterion]

    def over(self, scope: MessageQuerySet, *, now: datetime | None = None) -> "Selection":
        """Return what it chooses of these messages.

        `now`: the moment that relative days go by, where it is not the present one.
        """
        bar = MessageFilter(dict(self.bar), queryset=scope)
        wrong = self.problems or self.strange or any(one.wrong for one in self.criteria)
        if wrong or not bar.is_valid():
            return Selection(self, bar, scope.none(), sound=False)
        messages: MessageQuerySet = bar.qs
        if self.criteria:
            messages = messages.filter(criteria.to_q(self.asked, self.match, now=now))
        return Selection(self, bar, messages, sound=True)

    def rows(self, user: Person) -> "Selection":
        """Return what it chooses of its log.

        Raises PermissionDenied where the user may not open that, Http404 where it is gone.
        """
        return self.over(self.place.scope(user))


@dataclass(frozen=True, slots=True)
class Selection:
    """What a query chooses: nothing where anything is wrong.

    A condition that is not understood is never left out in silence.
    """

    query: LogQuery
    filter: MessageFilter
    messages: MessageQuerySet
    sound: bool  # whether every condition was understood

    @property
    def conditional(self) -> bool:
        """Whether anything is asked at all."""
        return bool(self.query.criteria) or any(self.filter.conditions())

    @property
    def conditions(self) -> list[Condition]:
        """The conditions that are set, wrong ones included: those of the bar, More conditions, and what
        nothing knows.
        """
        more = [
            Condition(PARAMETER, one.label, one.words, one.wrong, at)
            for at, one in enumerate(self.query.criteria)
        ]
        strange = [
            Condition(name, short(name), short(value.strip()), "There is no such condition.")
            for name, value in self.query.strange
        ]
        return [*self.filter.conditions(), *more, *strange]

    def words(self) -> str:
        """Return the conditions as people read them."""
        said = [f"{one.label}: {one.value}" for one in self.conditions]
        first = len(said) - len(self.query.criteria)
        how = " or " if self.any_of_several else "; "
        return "; ".join([*said[:first], *([how.join(said[first:])] if said[first:] else [])]) or EVERYTHING

    @property
    def any_of_several(self) -> bool:
        """Whether one of More conditions is enough."""
        return self.query.match == Match.ANY and len(self.query.criteria) > 1
