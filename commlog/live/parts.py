"""Live parts of a page: which it has, and which have changed."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from django import shortcuts
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template import Template
from django.template.context import make_context
from django.template.loader import get_template

from commlog.kit.reuse import A_MINUTE, again
from commlog.templatetags.live import LiveNode

SEEN = "Commlog-Seen"  # the header in which a page says what it has: `banners=1a2b3c4d,jobs=…`
Shown = tuple[str, Mapping[str, Any]]  # a template, and what its parts show
Drawn = Mapping[str, tuple[str, str]]  # parts by their names, each with its version
FRAME = ("components/banners.html", "components/frame.html")
_LONGEST = 4_000


def seen_by(request: HttpRequest) -> dict[str, str] | None:
    """Return the versions of the parts that the page has; None if it is no poll."""
    said = request.headers.get(SEEN)
    if said is None:
        return None
    return {
        name: version
        for name, equals, version in (pair.partition("=") for pair in said[:_LONGEST].split(","))
        if equals
    }


def render(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, within: str = ""
) -> HttpResponse:
    """Return the page, which polls its own URL or `watch`; or its changed parts. `within`: their template."""
    if seen_by(request) is None:
        return shortcuts.render(request, template, {"watch": request.get_full_path(), **context})
    return answer(request, (within or template, context))


def answer(request: HttpRequest, *shown: Shown, text: str = "") -> HttpResponse:
    """Return the changed parts of these templates and the frame; 204 if none. `text`: other changes."""
    text += "".join(differing(request, _drawn(request, template, context)) for template, context in shown)
    text += "".join(kept(request, template, dict, key=request.path) for template in FRAME)
    if settings.CSRF_COOKIE_NAME in request.COOKIES:
        # No cookie lasts longer because a page asks by itself.
        request.META["CSRF_COOKIE_NEEDS_UPDATE"] = False
    return HttpResponse(text) if text else HttpResponse(status=204)


def kept(
    request: HttpRequest, template: str, variables: Callable[[], Mapping[str, Any]], *, key: Hashable
) -> str:
    """Return a template's changed parts, rendered only if what they are read from has changed."""
    if not (names := tuple(seen_by(request) or ())):  # others are not drawn
        return ""
    return differing(
        request,
        again(
            request, (template, key, names), lambda: _drawn(request, template, variables()), seconds=A_MINUTE
        ),
    )


def differing(request: HttpRequest, drawn: Drawn) -> str:
    seen = seen_by(request) or {}
    return "".join(text for name, (text, version) in drawn.items() if name in seen and version != seen[name])


def _drawn(request: HttpRequest, name: str, variables: Mapping[str, Any]) -> Drawn:
    template: Template = get_template(name).template  # type: ignore[attr-defined]
    seen = seen_by(request) or {}
    nodes = [
        node
        for node in template.nodelist.get_nodes_by_type(LiveNode)
        if isinstance(node, LiveNode) and node.name in seen
    ]
    if not nodes:
        return {}
    context = make_context(dict(variables), request, autoescape=template.engine.autoescape)
    with context.render_context.push_state(template), context.bind_template(template):
        return {node.name: node.drawn(context, swap="true") for node in nodes}
