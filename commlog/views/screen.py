"""The screen of any log: view, columns, log, and the parts that htmx requests."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from commlog import permissions
from commlog.access import recording
from commlog.kit import own_writes
from commlog.kit.reuse import A_MINUTE, again
from commlog.kit.stamps import latest
from commlog.live import open_items, parts, rows
from commlog.live.new_messages import Mark
from commlog.log import custom_views, reading, writing
from commlog.log import page as log
from commlog.log.places import Place
from commlog.log.reading import Reading
from commlog.log.writing import back_to
from commlog.models import CustomView
from commlog.models.column_layout import LogKind
from notifications.models.message import MessageQuerySet


def show(
    request: HttpRequest,
    place: Place,
    *,
    scope: MessageQuerySet,
    template: str,
    page: Callable[[], dict[str, Any]] = dict,
) -> HttpResponse:
    """Return the page, or the part that htmx requests. `page`: template variables besides the log."""
    params = request.GET.copy()
    watched = rows.watched({name: str(params.pop(name)[-1]) for name in rows.asked_by(params)})
    here = f"{request.path}?{params.urlencode()}"
    read = partial(reading.of_params, params, place, permissions.staff(request))
    asked: Reading = again(request, ("state", place, params.urlencode()), read, seconds=A_MINUTE)
    query, kind = asked.query, place.kind
    view = custom_views.version_of(query.view) if query.view else ""
    if watched:
        tabs = partial(_tabs_with_counts, request, kind, scope, here=here, view=query.view, item=asked.item)
        text = (
            parts.kept(request, "log/custom_views/list.html", tabs, key=here)
            if "views" in (parts.seen_by(request) or {})
            else ""
        )
        return rows.answer(
            request, asked, watched, scope, here=here, view=view, also=open_items.shown(request), text=text
        )
    # The mark before the rows: what is committed in between is announced.
    mark, shown = own_writes.read(request, lambda: (Mark.now(), log.build(asked, scope=scope)))
    recording.listed(request, [row.message for row in shown.rows], writing.pairs(query))
    found = {
        "log": shown,
        "kind": kind,
        "view": query.view,
        "may_edit": permissions.may_edit_view(request.user, query.view),
    }
    found |= {"can_export": permissions.may_export(request.user)}
    found |= {"can_resend": permissions.may_resend(request.user), "newest": mark.newest}
    here, whole = request.path + shown.address, request.path + shown.whole
    found |= {"address": here.removesuffix("?")}
    found |= {"here": here, "back": back_to(here), "whole": whole, "drawn": request.path + shown.drawn}
    found["watch"] = rows.watching(
        here, asked.layout, boxes=permissions.may_resend(request.user), view=view, mark=mark
    )
    found["view_seen"] = view
    if request.htmx and not request.htmx.history_restore_request:  # type: ignore[attr-defined]
        return render(request, "log/results.html", found)
    found |= {"views": _tabs(request, kind, asked.item), "item": asked.item}
    return render(request, template, found | page())


def _tabs(request: HttpRequest, kind: LogKind, item: str) -> list[CustomView]:
    """Return the views, whose counts are loaded later; with a menu item those under it and under every
    one.
    """
    return permissions.tabs_for(permissions.staff(request), kind, item)


def _tabs_with_counts(
    request: HttpRequest,
    kind: LogKind,
    scope: MessageQuerySet,
    *,
    here: str,
    view: CustomView | None,
    item: str,
) -> dict[str, Any]:
    tabs = _tabs(request, kind, item)
    for tab in tabs:
        found = partial(custom_views.number_in, tab, scope)
        tab.number = latest(request, ("count", scope.masked, request.path, *writing.of_view(tab)), found)  # type: ignore[attr-defined]
    return {"views": tabs, "kind": kind, "here": here, "view": view, "item": item}


def kind_asked(request: HttpRequest) -> LogKind:
    """Return the requested kind of log. Raises PermissionDenied if the user may not read such logs."""
    asked = str((request.POST if request.method == "POST" else request.GET).get("kind", ""))
    kind = LogKind(asked) if asked in LogKind.values else LogKind.LOG
    permissions.demand_log_of(request.user, kind)
    return kind
