"""Forms as a browser sends them: what a page was filled in with travels back."""

from typing import Any

from django.db.models import Model
from django.test import Client


def filled(page: Any) -> dict[str, Any]:
    """What the form of a page sends where nothing is touched, its hidden fields included."""
    found: dict[str, Any] = {}
    for field in page.context["form"]:
        value = field.value()
        if hasattr(value, "all"):
            value = list(value.all())
        if isinstance(value, list | tuple):
            found[field.html_name] = [each.pk if isinstance(each, Model) else each for each in value]
        elif value not in (None, False):
            found[field.html_name] = value
    return found


def seen_at(pages: Client, url: str) -> dict[str, str]:
    """The field that says what the form at this address was filled in from."""
    return {"seen": pages.get(url).context["form"]["seen"].value()}
