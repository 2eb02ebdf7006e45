"""Edit columns: which columns a kind of log shows, in which order."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from commlog import permissions
from commlog.kit import return_address
from commlog.log.layouts import Layout, chosen, keys_in, layout_in, layout_of, remember
from commlog.log.writing import COLUMNS, COMPACT, DENSITY, TIMESTAMPS, VIEW, of_layout
from commlog.models.column_layout import LogKind
from commlog.views.screen import kind_asked

_STEPS = {"up": -1, "down": 1}


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
@permissions.can_read_messages
def columns(request: HttpRequest) -> HttpResponse:
    """Show the list, apply a step, or return to the log with the choice in the URL of an unsaved view."""
    user = permissions.staff(request)
    kind = kind_asked(request)
    back = return_address.back(request)
    if request.method != "POST":
        state = QueryDict(back.partition("?")[2])
        layout = layout_in(
            keys_in(state.get(COLUMNS, "")),
            layout_of(user, kind),
            timestamps=state.get(TIMESTAMPS) != "0",
            compact=state.get(DENSITY) == COMPACT,
        )
        return _form(request, kind, layout, back)
    layout = _chosen(request.POST)
    if "reset" in request.POST:
        layout = Layout()
    elif "move" in request.POST:
        step, _, key = request.POST["move"].partition(":")
        return _form(request, kind, layout.moved(key, _STEPS.get(step, 0)), back)
    if not layout.columns:
        return _form(request, kind, layout, back, problem="Choose at least one column.")
    return _apply(request, kind, layout, back)


def _chosen(form: QueryDict) -> Layout:
    order = form.getlist("order")
    return chosen(
        order,
        form.getlist("shown"),
        {key: str(form.get(f"width-{key}", "")) for key in order},
        timestamps=bool(form.get("timestamps")),
        compact=bool(form.get("compact")),
    )


def _apply(request: HttpRequest, kind: LogKind, layout: Layout, back: str) -> HttpResponse:
    path, _, query = back.partition("?")
    state = QueryDict(query, mutable=True)
    for name in (COLUMNS, TIMESTAMPS, DENSITY):
        state.pop(name, None)
    if state.get(VIEW):
        said = of_layout(layout.keys, timestamps=layout.timestamps, compact=layout.compact)
        state.update(dict(said))
    else:
        remember(permissions.staff(request), kind, layout)
        messages.success(request, "Columns saved.")
    target = f"{path}?{state.urlencode()}" if state else path
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(status=204, headers={"HX-Redirect": target})
    return redirect(target)


def _form(
    request: HttpRequest, kind: LogKind, layout: Layout, back: str, *, problem: str = ""
) -> HttpResponse:
    partial = request.htmx and not request.htmx.history_restore_request  # type: ignore[attr-defined]
    context = {"layout": layout, "kind": kind, "back": back, "problem": problem, "in_dialog": partial}
    return render(request, "log/columns/columns.html" if partial else "log/columns/page.html", context)
