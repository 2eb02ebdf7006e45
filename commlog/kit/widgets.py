"""Form widgets without a template per option of a list."""

from collections.abc import Callable, Mapping
from typing import Any

from django.forms.renderers import DjangoTemplates
from django.utils.safestring import SafeString

from commlog.kit.markup import format_html, join_html

_Widget = Mapping[str, Any]


class PlainWidgets(DjangoTemplates):
    """Django's own HTML for text boxes and lists; everything else by its templates.

    A list of fifty people included a hundred templates, on every page of the log.
    """

    def render(self, template_name: str, context: dict[str, Any], request: Any = None) -> str:
        draw = _DRAWN.get(template_name)
        return draw(context["widget"]) if draw else super().render(template_name, context, request)


def _input(widget: _Widget) -> SafeString:
    value = widget["value"]
    return format_html(
        '<input type="{}" name="{}"{}{}>',
        widget["type"],
        widget["name"],
        "" if value is None else format_html(' value="{}"', value),
        _attributes(widget),
    )


def _select(widget: _Widget) -> SafeString:
    options = (
        (option["value"], _attributes(option), option["label"])
        for _group, options, _index in widget["optgroups"]
        for option in options
    )
    drawn = join_html('<option value="{}"{}>{}</option>', options, between="\n")
    return format_html('<select name="{}"{}>\n{}\n</select>', widget["name"], _attributes(widget), drawn)


def _attributes(widget: _Widget) -> SafeString:
    said = ((name, value) for name, value in widget["attrs"].items() if value is not False)
    return join_html(
        " {}{}", ((name, "" if value is True else format_html('="{}"', value)) for name, value in said)
    )


_DRAWN: Mapping[str, Callable[[_Widget], SafeString]] = {
    "django/forms/widgets/text.html": _input,
    "django/forms/widgets/date.html": _input,
    "django/forms/widgets/select.html": _select,
}
