"""Edit forms that do not undo what somebody else has changed since they were opened.

Every edit form carries the field `seen`: a digest of each value that it was filled in from. The transaction
that writes locks the row, calls `check` and so compares them with what is stored now. Where another value was
stored meanwhile, nothing is written and the form comes back with both values. A form without the field is
refused. How an edit form plugs in:

    class LaneForm(SeenForm, forms.Form): …    # SeenForm comes first
        self.watch()                           # at the end of __init__, where something is edited
    form, saved = edited(request, lambda data: LaneForm(data, …), write)
                                               # write(form, check) calls `check` once it has the lock
    {% include "components/seen.html" %}       # in the template, unless it has components/form.html
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar, cast

from django import forms
from django.db.models import Model
from django.http import HttpRequest, QueryDict

FIELD = "seen"
_NOTHING = "nothing"
Check = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A value changed meanwhile: its label, the stored value, and the form's, edited or not."""

    label: str
    stored: str
    typed: str
    edited: bool


class Outdated(Exception):
    """The edited row was changed since the form was opened, or the form does not say what it was filled
    from.
    """

    def __init__(self, fresh: "SeenForm", conflicts: Sequence[Conflict]) -> None:
        super().__init__("the form is outdated")
        self.fresh, self.conflicts = fresh, conflicts


def without_form() -> None:
    """Accept the change: it does not come from an edit form."""


class SeenForm(forms.BaseForm):
    """A form that records what it was filled from."""

    unwatched: Sequence[str] = ()  # fields that are the reader's own, or never show what is stored
    outdated = False
    conflicts: Sequence[Conflict] = ()

    @property
    def status(self) -> int:
        return 409 if self.outdated else 200

    def watch(self) -> None:
        self.fields[FIELD] = forms.CharField(required=False, widget=forms.HiddenInput)

    def get_initial_for_field(self, field: forms.Field, field_name: str) -> Any:
        if field_name != FIELD:
            return super().get_initial_for_field(field, field_name)
        return " ".join(f"{name}={digest(value)}" for name, value in self.stored().items())

    def stored(self) -> dict[str, str]:
        """Return every value that the form was filled from; each of several choices is a value of its own."""
        return (
            self._values(lambda name: self.get_initial_for_field(self.fields[name], name))
            | self.stored_besides()
        )

    def typed(self) -> dict[str, str]:
        return self._values(lambda name: self[name].value()) | self.typed_besides()

    def stored_besides(self) -> dict[str, str]:
        """Return stored values that have no field in the form."""
        return {}

    def typed_besides(self) -> dict[str, str]:
        """Return submitted values of that kind, as they came; only those submitted."""
        return {}

    def take_besides(self, data: QueryDict, name: str, fresh: Any) -> None:
        """Put a stored value without a field into the data of a form."""

    def words_for(self, name: str) -> str:
        field, _, option = name.partition(":")
        if option:
            return dict(_options(self.fields[field]))[option]
        return str(self[field].label) if field in self.fields else field.capitalize()

    def said(self, name: str, value: str | None) -> str:
        if value is None:
            return "as it was"
        field = self.fields.get(name)
        if ":" in name or isinstance(field, forms.BooleanField):
            return "yes" if value else "no"
        return dict(_options(field)).get(value, value) if value else _NOTHING

    def _values(self, value_of: Callable[[str], Any]) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, field in self.fields.items():
            if name == FIELD or name in self.unwatched or field.disabled:
                continue
            value = value_of(name)
            if isinstance(field, forms.MultipleChoiceField | forms.ModelMultipleChoiceField):
                chosen = {_plain(each) for each in value or ()}
                found |= {
                    f"{name}:{option}": "1" if option in chosen else "" for option, _ in _options(field)
                }
            else:
                found[name] = _plain(value)
        return found


Form = TypeVar("Form", bound=SeenForm)


def edited(
    request: HttpRequest, make: Callable[[QueryDict | None], Form], write: Callable[[Form, Check], None]
) -> tuple[Form, bool]:
    """Return the form of a page, and whether it was saved. Each call of `make` reads what is stored.

    `write` calls `check` in its transaction, once it has locked what it changes.
    """
    form = make(request.POST or None)
    if not form.is_valid():
        return form, False
    try:
        write(form, lambda: _compare(form, make(None)))
    except Outdated as found:
        return _anew(form, found, make), False
    return form, not form.errors


def digest(value: str) -> str:
    """Return a short digest of a value."""
    return sha256(value.encode(errors="surrogatepass")).hexdigest()[:12]


def seen_in(text: str) -> dict[str, str]:
    """Return the digests submitted with a form, by name."""
    return {name: value for name, _, value in (part.partition("=") for part in text.split())}


def _compare(form: SeenForm, fresh: SeenForm) -> None:
    seen, typed = seen_in(str(form.data.get(FIELD, ""))), form.typed()
    conflicts = [
        Conflict(
            fresh.words_for(name),
            fresh.said(name, value),
            fresh.said(name, typed.get(name)),
            edited=_is_edited(name, typed, seen),
        )
        for name, value in fresh.stored().items()
        # The same change twice is no conflict.
        if seen.get(name, digest("")) != digest(value) and typed.get(name) != value
    ]
    if conflicts or not seen:
        raise Outdated(fresh, conflicts)


def _is_edited(name: str, typed: dict[str, str], seen: dict[str, str]) -> bool:
    return seen.get(name, digest("") if seen else "") != digest(typed.get(name, ""))


def _anew(form: Form, found: Outdated, make: Callable[[QueryDict | None], Form]) -> Form:
    """Return the form with everything that was typed, and with what is stored now elsewhere."""
    fresh, typed, data = found.fresh, form.typed(), cast(QueryDict, form.data).copy()
    seen = seen_in(str(data.get(FIELD, "")))
    for name, value in fresh.stored().items():
        if not _is_edited(name, typed, seen):
            _take(data, name, value, fresh)
    data[FIELD] = fresh[FIELD].value()
    answer = make(data)
    answer.outdated, answer.conflicts = True, found.conflicts
    return answer


def _take(data: QueryDict, name: str, value: str, fresh: SeenForm) -> None:
    field, _, option = name.partition(":")
    if field not in fresh.fields:
        fresh.take_besides(data, name, fresh)
    elif option:
        others = [each for each in data.getlist(field) if each != option]
        data.setlist(field, [*others, option] if value else others)
    elif value or not isinstance(fresh.fields[field], forms.BooleanField):
        data[field] = value
    else:
        data.pop(field, None)


def _options(field: forms.Field | None) -> Iterator[tuple[str, str]]:
    for value, label in getattr(field, "choices", ()):
        yield _plain(getattr(value, "value", value)), str(label)


def _plain(value: Any) -> str:
    if isinstance(value, Model):
        return str(value.pk)
    return (
        ""
        if value is None or value is False
        else "1"
        if value is True
        else str(value).replace("\r\n", "\n").strip()
    )
