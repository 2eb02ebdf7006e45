"""The form of the find box."""

from django import forms

from commlog.kit.fields import SearchField


class FindForm(forms.Form):
    """The box. A text that is too long or cannot be stored finds nothing, and the error says why."""

    q = SearchField(label="People, numbers, keys, subjects, views, pages", required=False)
