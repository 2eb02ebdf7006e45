"""The screen of a log: the view that is opened, the columns, the log, and the parts that htmx asks for alone.

Every log is shown by `show`: the organisation's, and the Communications tabs of clients, groups and users.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from commlog import permissions
from commlog.kit.again import A_MINUTE, again
from commlog.kit.stamps import latest
from commlog.live import opened, parts, rows
from commlog.live.arrivals import Mark
from commlog.log import custom_views
from commlog.log import page as log
from commlog.log.address import EDITED, VIEW, Pairs, back_to
from commlog.log.layouts import Layout, layout_in, layout_of, with_columns
from commlog.models import CustomView
from commlog.models.column_layout import LogKind
from notifications.models.message import MessageQuerySet
from notifications.text.keys import key_in


@dataclass(frozen=True, slots=True)
class State:
    """What a log's address asks for, its view included."""

    params: QueryDict
    layout: Layout
    view: CustomView | None = None
    saved: Pairs | None = None


def state_of(request: HttpRequest, params: QueryDict, kind: LogKind) -> State:
    """The view's parameters with those of the address over them; once edited, the address holds everything, also without its view."""
    user = permissions.staff(request)
    own = layout_of(user, kind)
    view = _view(request, params, kind)
    if view is None:
        if params.get(VIEW):
            params = params.copy()
            params.pop(VIEW)
        return State(params, layout_in(params, own))
    saved = custom_views.pairs_of(view)
    if params.get(EDITED) != "1":
        merged = custom_views.as_params(pair for pair in saved if pair[0] not in params)
        for name, values in params.lists():
            merged.setlist(name, values)
        params = merged
    return State(params, layout_in(params, own), view, saved)


def show(
    request: HttpRequest, *, kind: LogKind, scope: MessageQuerySet, template: str, page: Callable[[], dict[str, Any]] = dict
) -> HttpResponse:
    """The page, or the part of it that htmx asks for. `page`: what its template needs besides the log."""
    params = request.GET.copy()
    watched = rows.watched(params)
    here = f"{request.path}?{params.urlencode()}"
    state: State = again(request, ("state", kind, params.urlencode()), partial(state_of, request, params, kind), seconds=A_MINUTE)
    view = custom_views.version_of(state.view) if state.view else ""
    if watched:
        tabs = partial(_tabs_with_counts, request, kind, scope, here=here, view=state.view)
        text = parts.kept(request, "log/custom_views/list.html", tabs, key=here) if "views" in (parts.seen_by(request) or {}) else ""
        also = opened.shown(request)
        return rows.answer(request, state.params, watched, scope, here=here, own=state.layout, view=view, also=also, text=text)
    mark = Mark.now()  # before the rows are read: what is committed in between is announced
    shown = log.build(state.params, scope=scope, columns=state.layout.columns, timestamps=state.layout.timestamps, saved=state.saved)
    found = {"log": shown, "kind": kind, "view": state.view, "may_edit": permissions.may_edit_view(request.user, state.view)}
    found |= {"can_export": permissions.may_export(request.user)}
    found |= {"can_resend": permissions.may_resend(request.user), "newest": mark.newest}
    here, whole = request.path + shown.address, request.path + shown.whole
    found |= {"address": here.removesuffix("?")}
    found |= {"here": here, "back": back_to(here), "whole": whole, "drawn": with_columns(whole, state.layout)}
    found["watch"] = rows.watching(here, state.layout, boxes=permissions.may_resend(request.user), view=view, mark=mark)
    found["view_seen"] = view
    if request.htmx and not request.htmx.history_restore_request:  # type: ignore[attr-defined]
        return render(request, "log/results.html", found)
    return render(request, template, found | {"views": _tabs(request, kind)} | page())


def _tabs(request: HttpRequest, kind: LogKind) -> list[CustomView]:
    """The views, whose counts come after the page."""
    return list(permissions.views_for(request.user, kind)[: custom_views.MOST_TABS])


def _tabs_with_counts(request: HttpRequest, kind: LogKind, scope: MessageQuerySet, *, here: str, view: CustomView | None) -> dict[str, Any]:
    tabs = _tabs(request, kind)
    for tab in tabs:
        found = partial(custom_views.number_of, custom_views.as_params(pairs := custom_views.pairs_of(tab)), scope)
        tab.number = latest(request, ("count", request.path, *pairs), found)  # type: ignore[attr-defined]
    return {"views": tabs, "kind": kind, "here": here, "view": view}


def _view(request: HttpRequest, params: QueryDict, kind: LogKind) -> CustomView | None:
    """The view that the address names; 404 where the user may not see it and the address does not hold everything itself."""
    asked = params.get(VIEW, "").strip()
    if not asked:
        return None
    key = key_in(asked)
    found = permissions.views_for(request.user, kind).filter(key=key).first() if key else None
    if found is None and params.get(EDITED) != "1":
        raise Http404("There is no such view.")
    return found
