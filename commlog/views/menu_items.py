"""The menu items of the administration."""

from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from commlog import menu, permissions
from commlog.admin_forms import MenuItemForm
from commlog.models import MenuItem
from commlog.models.menu_item import MenuItemType
from commlog.seen import Check, edited


@require_safe
@permissions.can_view_administration
def index(request: HttpRequest) -> HttpResponse:
    """All items in everybody's order."""
    context = {"rows": menu.rows(), "can_manage": permissions.may_manage_administration(request.user), "types": _types()}
    return render(request, "administration/menu_items.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
def new(request: HttpRequest) -> HttpResponse:
    """Make an item."""
    form = MenuItemForm(request.POST or None)
    if form.is_valid():
        item = menu.create(form.instance, form.chosen_roles, by=permissions.staff(request))
        messages.success(request, f"The menu item {item.name} was made.")
        return redirect("menu-items")
    return render(request, "administration/menu_item.html", {"form": form, "types": _types()})


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
def edit(request: HttpRequest, key: UUID) -> HttpResponse:
    """Change an item."""

    def write(form: MenuItemForm, check: Check) -> None:
        menu.change(form.instance, form.chosen_roles, by=permissions.staff(request), check=check)

    form, saved = edited(request, lambda data: MenuItemForm(data, instance=get_object_or_404(MenuItem, key=key)), write)
    if saved:
        messages.success(request, f"The menu item {form.instance.name} was changed.")
        return redirect("menu-items")
    context = {"form": form, "item": form.instance, "types": _types()}
    return render(request, "administration/menu_item.html", context, status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
def delete(request: HttpRequest, key: UUID) -> HttpResponse:
    """Say what will happen, then delete."""
    item = get_object_or_404(MenuItem, key=key)
    if request.method == "POST":
        menu.delete(item, by=permissions.staff(request))
        messages.success(request, f"The menu item {item.name} was deleted.")
        return redirect("menu-items")
    others = MenuItem.objects.filter(type=item.type, active=True).exclude(pk=item.pk).exists()
    shared = item.custom_views.filter(Q(for_everyone=True) | Q(roles__isnull=False)).distinct().select_related("owner")
    context = {"item": item, "others": others, "views": item.custom_views.count(), "shared": shared}
    return render(request, "administration/menu_item_delete.html", context)


@require_POST
@permissions.can_manage_administration
def order(request: HttpRequest, key: UUID) -> HttpResponse:
    """Move an item up or down for everybody."""
    menu.move(key, request.POST.get("direction", ""), by=permissions.staff(request))
    return redirect("menu-items")


def _types() -> list[tuple[str, str]]:
    return [(type.label, menu.needed(type)) for type in MenuItemType]
