"""The error summary at the top of a form's page."""

from dataclasses import dataclass

from django import forms, template

register = template.Library()
_DAMAGED = "The form arrived incomplete."
_CONDITIONS = "match_any"  # of a template: stands for all its conditions


@dataclass(frozen=True, slots=True)
class Problem:
    """A sentence and its field's label and input id; "" if it is about the whole form."""

    text: str
    label: str = ""
    target: str = ""


@register.filter
def problems(form: forms.BaseForm) -> list[Problem]:
    """Return the form's problems: general ones, then by field; a template's conditions one by one."""
    rows = [row for row in getattr(form, "rows", ()) if row.wrong]
    found = [Problem(str(text)) for text in form.non_field_errors()]
    for name in form.fields:
        if name not in form.errors:
            continue
        if name == _CONDITIONS and rows:
            found += [
                Problem(row.wrong, f"Condition {row.number}", f"condition-{row.number}") for row in rows
            ]
        else:
            found += _of_field(form[name])
    return found


def _of_field(field: forms.BoundField) -> list[Problem]:
    if field.is_hidden:
        return [Problem(f"{_DAMAGED} {text}") for text in field.errors]
    target = field.id_for_label or f"{field.auto_id}_0"  # a group of choices has no input of its own
    return [Problem(str(text), str(field.label), target) for text in field.errors]
