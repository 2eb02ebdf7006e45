"""The confirmed messages themselves, carried by the confirmation page and signed.

A count, a time or conditions would not do: between page and button messages fail and views change. Since a
GET request writes nothing, the set travels with the page: 500,000 ids take less than a megabyte,
delta-compressed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any
from uuid import UUID

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError

from commlog.jobs.lifecycle import Asked
from commlog.kit.fields import PaceField
from commlog.log import reading, writing
from commlog.log.places import Place
from commlog.models import User
from commlog.models.column_layout import LogKind

_SALT = "commlog.bulk.confirmation"


class Damaged(Exception):
    """The confirmation is not one that this user was shown."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A set of messages and its query. `newest`: the largest message id at that time."""

    asked: Asked
    newest: int
    ids: Sequence[int]
    doubtful: Sequence[int]

    def signed(self, owner: User) -> str:
        query = self.asked.query
        whom = query.place.key.hex if query.place.key else ""
        asked = [query.place.kind, whom, writing.pairs(query), self.asked.words]
        said = [owner.pk, *asked, self.newest, _steps(self.ids), _steps(self.doubtful)]
        return signing.dumps(said, salt=_SALT, compress=True)

    @classmethod
    def read(cls, text: str, owner: User) -> "Confirmed":
        """Read what the page carried. Raises Damaged."""
        try:
            said: list[Any] = signing.loads(text, salt=_SALT)
        except signing.BadSignature as error:
            raise Damaged from error
        pk, kind, whom, pairs, words, newest, ids, doubtful = said
        if pk != owner.pk:
            raise Damaged
        place = Place(LogKind(kind), UUID(whom) if whom else None)
        return cls(
            Asked(reading.of_pairs(pairs, place), words),
            newest,
            list(accumulate(ids)),
            list(accumulate(doubtful)),
        )


class BulkForm(forms.Form):
    """The confirmed messages, and how to resend them. `key` identifies the job, created once."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    confirmed = forms.CharField(widget=forms.HiddenInput)
    unknown = forms.BooleanField(required=False)
    pace = PaceField()

    def __init__(self, *args: Any, owner: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.owner = owner

    def clean_confirmed(self) -> Confirmed:
        try:
            return Confirmed.read(self.cleaned_data["confirmed"], self.owner)
        except Damaged as error:
            raise ValidationError("The confirmation arrived incomplete.") from error


def _steps(ids: Sequence[int]) -> list[int]:
    return [later - earlier for earlier, later in pairwise([0, *ids])]
