"""The form that chooses whom to erase."""

from typing import Any

from django import forms
from django.http import QueryDict

from commlog.erasure.requesting import Refused, kind_for
from commlog.recipients import people


class EraseForm(forms.Form):
    """Whom to erase: a client or group by ID or key, or a bare address or number."""

    of = forms.ChoiceField(
        label="Erase",
        choices=[
            ("client", "Client"),
            ("group", "Group"),
            ("address", "E-mail address or phone number that is not on file"),
        ],
    )
    which = forms.CharField(
        label="ID, key, address or number",
        max_length=256,
        help_text="The client’s or group’s ID or key, or the address, or the number with its country code.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, data: QueryDict | None, *, initial: dict[str, str]) -> None:
        super().__init__(data, initial=initial)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        kind, which = cleaned.get("of"), cleaned.get("which", "").strip()
        if not kind or not which:
            return cleaned
        found = which if kind == "address" else people.exactly_meant(kind, which)
        if found is None:
            self.add_error("which", f"No {kind} found. Check the spelling.")
            return cleaned
        try:
            kind_for(found)
        except Refused as refused:
            self.add_error("which", str(refused))
        cleaned["what"] = found
        return cleaned
