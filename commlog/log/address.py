"""The query string of a log: its whole state, read piece by piece and written anew for links."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from django.http import QueryDict
from django.utils.http import urlencode

from commlog.kit.paging import DEFAULT_SIZE
from commlog.log import conditions
from commlog.log.columns import DEFAULT_SORTING
from commlog.log.conditions import Conditions

Pairs = list[tuple[str, str]]
CURSORS = ("after", "before")
VIEW, EDITED, COLUMNS, TIMESTAMPS = "view", "edited", "columns", "timestamps"
OWN = ("sort", "per_page", *CURSORS, VIEW, EDITED, COLUMNS, TIMESTAMPS)
# What need not be said.
PLAIN = {"per_page": str(DEFAULT_SIZE), "sort": DEFAULT_SORTING.alias, "timestamps": "1", "match": "all"}
_NO_STATE = ("per_page", *CURSORS, VIEW, EDITED)


def back_to(here: str) -> str:
    """The query string of a message's page that leads back to the log at this address."""
    return f"?{urlencode({'from': here})}" if here else ""


@dataclass(frozen=True, slots=True)
class Address:
    """The parameters of a log. `saved`: the state of the view that it is opened with, as pairs."""

    params: QueryDict
    conditions: Conditions
    saved: Pairs | None = None
    problems: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def given(self, name: str) -> str:
        """The parameter's last value, without surrounding blanks."""
        return str(self.params.get(name, "")).strip()

    def url(
        self,
        *,
        without: Iterable[str] = (),
        changed: Mapping[str, str] = MappingProxyType({}),
        drop: int | None = None,
        whole: bool = False,
    ) -> str:
        """The query string without what is empty, and with some parameters changed; `drop`: without that condition.

        Cursors survive only in `changed`. As long as the state is the view's, the view's key says it all; unless it is to be `whole`,
        and to mean the same when somebody has saved the view anew.
        """
        pairs = self.pairs(without=(*CURSORS, *without, *changed), drop=drop)
        pairs += [(name, value) for name, value in changed.items() if value != PLAIN.get(name)]
        return f"?{urlencode(self._shortened(pairs, whole=whole))}"

    def pairs(self, *, without: Sequence[str] = (), drop: int | None = None) -> Pairs:
        """Every parameter that says something, in one spelling."""
        kept = [
            (name, str(self.params.get(name)))
            for name in self.params
            if not conditions.is_part(name) and name not in without and self.given(name) not in ("", PLAIN.get(name))
        ]
        if conditions.PARAMETER in without:
            return kept
        kept += [(conditions.PARAMETER, one.written) for number, one in enumerate(self.conditions.given) if number != drop]
        if self.conditions.match != "ALL":
            kept.append((conditions.MATCH, self.conditions.match.lower()))
        return kept

    def state(self) -> Pairs:
        """What a view would hold: everything but the place in the list."""
        return self.pairs(without=_NO_STATE)

    @property
    def changed(self) -> bool:
        """Whether a view is open and the state is no longer what it holds."""
        return self.saved is not None and sorted(self.state()) != sorted(self.saved)

    def _shortened(self, pairs: Pairs, *, whole: bool) -> Pairs:
        if self.saved is None:
            return [pair for pair in pairs if pair[0] != EDITED]
        state = [pair for pair in pairs if pair[0] not in _NO_STATE]
        rest = [pair for pair in pairs if pair[0] in _NO_STATE and pair[0] not in (EDITED, VIEW)]
        view = [(VIEW, self.given(VIEW))]
        return view + rest if not whole and sorted(state) == sorted(self.saved) else [*view, (EDITED, "1"), *state, *rest]
