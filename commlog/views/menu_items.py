"""The menu items of the administration."""

from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from commlog import permissions
from commlog.administration.menu import changes
from commlog.administration.menu.forms import MenuItemForm
from commlog.kit.edit_conflicts import Check, edited
from commlog.models import MenuItem
from commlog.models.menu_item import MenuItemType


@require_safe
@permissions.can_view_administration
def index(request: HttpRequest) -> HttpResponse:
    context = {
        "rows": changes.rows(),
        "can_manage": permissions.may_manage_administration(request.user),
        "types": _types(),
    }
    return render(request, "administration/menu/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
def new(request: HttpRequest) -> HttpResponse:
    form = MenuItemForm(request.POST or None)
    if form.is_valid():
        item = changes.create(form.instance, form.chosen_roles, by=permissions.staff(request))
        messages.success(request, f"The menu item {item.name} was created.")
        return redirect("menu-items")
    return render(request, "administration/menu/form.html", {"form": form, "types": _types()})


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
def edit(request: HttpRequest, key: UUID) -> HttpResponse:
    def write(form: MenuItemForm, check: Check) -> None:
        changes.change(form.instance, form.chosen_roles, by=permissions.staff(request), check=check)

    form, saved = edited(
        request, lambda data: MenuItemForm(data, instance=get_object_or_404(MenuItem, key=key)), write
    )
    if saved:
        messages.success(request, f"The menu item {form.instance.name} was saved.")
        return redirect("menu-items")
    context = {"form": form, "item": form.instance, "types": _types()}
    return render(request, "administration/menu/form.html", context, status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
def delete(request: HttpRequest, key: UUID) -> HttpResponse:
    item = get_object_or_404(MenuItem, key=key)
    if request.method == "POST":
        changes.delete(item, by=permissions.staff(request))
        messages.success(request, f"The menu item {item.name} was deleted.")
        return redirect("menu-items")
    others = MenuItem.objects.filter(type=item.type, active=True).exclude(pk=item.pk).exists()
    shared = (
        item.custom_views.filter(Q(for_everyone=True) | Q(roles__isnull=False))
        .distinct()
        .select_related("owner")
    )
    context = {"item": item, "others": others, "views": item.custom_views.count(), "shared": shared}
    return render(request, "administration/menu/delete.html", context)


@require_POST
@permissions.can_manage_administration
def order(request: HttpRequest, key: UUID) -> HttpResponse:
    changes.move(key, request.POST.get("direction", ""), by=permissions.staff(request))
    return redirect("menu-items")


def _types() -> list[tuple[str, str]]:
    return [(type.label, changes.needed(type)) for type in MenuItemType]
