"""Custom views: the list and its order, the form, and actions."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from commlog import permissions
from commlog.kit import return_address
from commlog.kit.edit_conflicts import Check, edited
from commlog.log import custom_views, reading, writing
from commlog.log.places import Place
from commlog.log.view_form import ViewForm
from commlog.models import CustomView, User
from commlog.models.column_layout import LogKind
from commlog.models.visible import MOST_TABS
from commlog.views.screen import kind_asked
from notifications.text.keys import key_in


@require_safe
@vary_on_headers("HX-Request")
@permissions.can_read_messages
def index(request: HttpRequest) -> HttpResponse:
    """Show all views of a kind of log that the user sees, in the user's order, with their actions."""
    kind = kind_asked(request)
    if "item" in request.GET and request.htmx:  # type: ignore[attr-defined]
        return _under_item(request, request.GET["item"])
    views = [
        (view, permissions.may_edit_view(request.user, view))
        for view in permissions.with_sharing(permissions.views_for(request.user, kind))
    ]
    back = return_address.back(request)
    return render(
        request,
        "log/custom_views/page.html",
        {"views": views, "kind": kind, "back": back, "path": back.partition("?")[0]},
    )


def _under_item(request: HttpRequest, item: str) -> HttpResponse:
    """Show the views under a menu item, or under every item, with counts."""
    seen, key = permissions.views_for(request.user, LogKind.LOG).select_related("menu_item"), key_in(item)
    views = [view for view in seen if view.menu_item is None or view.menu_item.key == key][:MOST_TABS]
    scope = permissions.messages_for(request.user)
    found = {"counts": custom_views.counts(views, scope), "item": item if "addressed" in request.GET else ""}
    return render(request, "log/custom_views/menu.html", found)


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_read_messages
def new(request: HttpRequest) -> HttpResponse:
    user, kind, back = permissions.staff(request), kind_asked(request), return_address.back(request)
    form = ViewForm(request.POST or None, user=user, kind=kind)
    read = reading.of_address(back, user, Place(kind))
    chosen = read.query.over(permissions.messages_for(user))
    if not chosen.sound:
        messages.error(request, "A filter is not valid. Correct it before you save the view.")
        return redirect(back)
    if request.method == "POST" and form.is_valid():
        view = CustomView(owner=user, kind=kind)
        content = writing.content(read.query, read.layout)
        custom_views.save(
            view, user, content | form.content(), roles=form.chosen_roles(), users=form.chosen_users()
        )
        return _opened(request, view, form, f"The view “{view.name}” was saved.")
    found = {
        "form": form,
        "kind": kind,
        "back": back,
        "conditions": chosen.conditions,
        "title": "Save as view",
    }
    return render(request, "log/custom_views/form.html", found)


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_read_messages
def edit(request: HttpRequest, key: UUID) -> HttpResponse:
    user = permissions.staff(request)
    view = _seen(request, key)
    _demand_editor(user, view)

    def write(form: ViewForm, check: Check) -> None:
        custom_views.save(
            view, user, form.content(), roles=form.chosen_roles(), users=form.chosen_users(), check=check
        )

    form, saved = edited(
        request, lambda data: ViewForm(data, user=user, kind=view.kind, view=_seen(request, key)), write
    )
    if saved:
        return _opened(request, view, form, f"The view “{view.name}” was saved.")
    found = {
        "form": form,
        "kind": view.kind,
        "back": return_address.back(request),
        "view": view,
        "title": "Edit view",
    }
    return render(request, "log/custom_views/form.html", found, status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_read_messages
def delete(request: HttpRequest, key: UUID) -> HttpResponse:
    user, view, back = permissions.staff(request), _seen(request, key), return_address.back(request)
    _demand_editor(user, view)
    if request.method == "POST":
        custom_views.delete(view, user)
        messages.success(request, f"The view “{view.name}” was deleted. Its messages stay in the log.")
        return redirect(back.partition("?")[0] if view.key.hex in back else back)
    return render(
        request,
        "log/custom_views/delete.html",
        {"view": view, "roles": view.roles.all(), "users": view.users.all(), "back": back},
    )


@require_POST
@permissions.can_read_messages
def act(request: HttpRequest, key: UUID, action: str) -> HttpResponse:
    """Save, copy, mark as favourite or move the view; then return to where the button was."""
    done = _ACTIONS.get(action)
    if done is None:
        raise Http404
    return redirect(done(request, permissions.staff(request), _seen(request, key)))


def _save(request: HttpRequest, user: User, view: CustomView) -> str:
    _demand_editor(user, view)
    back = return_address.back(request)
    read, scope = reading.of_address(back, user, Place(LogKind(view.kind))), permissions.messages_for(user)
    if not read.query.over(scope).sound:
        messages.error(request, "A filter is not valid. Correct it before you save the view.")
        return back
    content = writing.content(read.query, read.layout)
    try:
        custom_views.save_anew(view, user, content, seen=request.POST.get("seen", ""))
    except custom_views.SavedMeanwhile as found:
        stored, shown = custom_views.in_words(found.stored, scope), custom_views.in_words(content, scope)
        messages.error(
            request,
            f"Not saved yet: “{view.name}” was changed after you opened it. Current value: {stored}. "
            f"On your screen: {shown}. Compare, then save again.",
        )
        return back
    messages.success(request, f"The view “{view.name}” was saved.")
    return _address_of(view, back)


def _copy(request: HttpRequest, user: User, view: CustomView) -> str:
    messages.success(request, f"“{custom_views.copy(view, user).name}” was created; only you can see it.")
    return return_address.back(request)


def _favourite(request: HttpRequest, user: User, view: CustomView) -> str:
    custom_views.toggle_favourite(view, user)
    return return_address.back(request)


def _move(by: int) -> Callable[[HttpRequest, User, CustomView], str]:
    def moved(request: HttpRequest, user: User, view: CustomView) -> str:
        custom_views.move(view, user, list(permissions.views_for(user, LogKind(view.kind))), by)
        return return_address.back(request)

    return moved


_ACTIONS: dict[str, Callable[[HttpRequest, User, CustomView], str]] = {
    "save": _save,
    "copy": _copy,
    "favourite": _favourite,
    "up": _move(-1),
    "down": _move(1),
}


def _seen(request: HttpRequest, key: UUID) -> CustomView:
    """Return the view if the user sees it and may read its log; else raise Http404."""
    kind = LogKind(get_object_or_404(CustomView, key=key).kind)
    found = get_object_or_404(permissions.with_sharing(permissions.views_for(request.user, kind)), key=key)
    permissions.demand_log_of(request.user, kind)
    return found


def _demand_editor(user: User, view: CustomView) -> None:
    if not permissions.may_edit_view(user, view):
        raise PermissionDenied(
            "Only its owner or an administrator can change a view. For a shared view, its owner needs the "
            "permission “Publish views”. You can copy the view and change the copy."
        )


def _opened(request: HttpRequest, view: CustomView, form: ViewForm, said: str) -> HttpResponse:
    user = permissions.staff(request)
    if form.cleaned_data["favourite"] != bool(getattr(view, "favourite", False)):
        custom_views.toggle_favourite(view, user)
    messages.success(request, said)
    return redirect(_address_of(view, return_address.back(request)))


def _address_of(view: CustomView, back: str) -> str:
    path = back.partition("?")[0]
    return path if path == reverse("views") else f"{path}?view={view.key.hex}"
