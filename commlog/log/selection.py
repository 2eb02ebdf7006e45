"""Which messages the parameters of a log choose: the bar's conditions, then *More conditions*; and the conditions as chips."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import QueryDict
from django.utils.http import urlencode

from commlog.kit import return_address
from commlog.log import conditions
from commlog.log.address import OWN, Address, Pairs
from commlog.log.filters import Condition, MessageFilter
from notifications import criteria
from notifications.models.message import MessageQuerySet

EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class Chip:
    """A condition as it is shown: removable by a link."""

    condition: Condition
    url: str


@dataclass(frozen=True, slots=True)
class Selection:
    """What is chosen. `messages` is empty where anything is wrong: a condition that is not understood is never left out in silence."""

    messages: MessageQuerySet
    filter: MessageFilter
    address: Address
    strange: Sequence[str] = ()  # parameters that nothing knows

    @property
    def sound(self) -> bool:
        """Whether every condition was understood."""
        return not self.address.problems and self.filter.is_valid() and self.address.conditions.sound

    @property
    def conditional(self) -> bool:
        """Whether anything is asked at all."""
        return bool(self.address.conditions.given) or any(self.filter.conditions())

    @property
    def chips(self) -> list[Chip]:
        """The conditions that are set, wrong ones included."""
        more = self.address.conditions.given
        url = self.address.url
        chips = [Chip(condition, url(without=[condition.name])) for condition in self.filter.conditions()]
        chips += [Chip(Condition("c", one.label, one.words, one.wrong), url(drop=number)) for number, one in enumerate(more)]
        for name in self.strange:
            shown = Condition(name, short(name), short(self.address.given(name)), "There is no such condition.")
            chips.append(Chip(shown, url(without=[name])))
        return chips


def select(params: QueryDict, *, scope: MessageQuerySet, saved: Pairs | None = None, now: datetime | None = None) -> Selection:
    """The messages of `scope` that the parameters choose. The log, the export and the bulk resend all ask here.

    `now`: the moment that relative days go by, where it is not the present one.
    """
    bar = MessageFilter(params, queryset=scope)
    more = conditions.read(params)
    strange = [name for name in params if name not in bar.filters and name not in OWN and not conditions.is_part(name)]
    address = Address(params, more, saved, problems=[*_strangers(params, strange), *more.problems])
    address.problems.extend(_too_long(address))
    sound = bar.is_valid() and more.sound and not address.problems
    messages: MessageQuerySet = bar.qs if sound else scope.none()
    if sound and more.criteria:
        messages = messages.filter(criteria.to_q(more.criteria, more.match, now=now))
    return Selection(messages, bar, address, strange)


def in_words(chosen: Selection) -> str:
    """The conditions as people read them."""
    said = [f"{chip.condition.label}: {chip.condition.value}" for chip in chosen.chips]
    how = " or " if chosen.address.conditions.match == "ANY" and len(chosen.address.conditions.given) > 1 else "; "
    bar, more = said[: len(said) - len(chosen.address.conditions.given)], said[len(said) - len(chosen.address.conditions.given) :]
    return "; ".join([*bar, *([how.join(more)] if more else [])]) or EVERYTHING


def _strangers(params: QueryDict, strange: Sequence[str]) -> list[str]:
    """What is wrong with the query string as a whole."""
    said = [f"There is no condition called “{short(name)}”." for name in strange]
    repeated = [name for name, values in params.lists() if len(values) > 1 and not name.startswith("v") and name != conditions.PARAMETER]
    return said + [f"“{short(name)}” is given more than once." for name in repeated]


def _too_long(address: Address) -> list[str]:
    """What is wrong with the length of the conditions. Sorting, columns and cursors come to it in an address."""
    length = len(urlencode([pair for pair in address.pairs() if pair[0] not in OWN]))
    if length <= return_address.LONGEST_FILTER:
        return []
    said = f"The filter is too long: its address takes {length:,} characters, and {return_address.LONGEST_FILTER:,} are read at most."
    return [f"{said} Remove conditions or shorten texts."]


def short(text: str) -> str:
    """The start of a text that somebody else chose."""
    return text if len(text) <= 40 else f"{text[:40]}…"
