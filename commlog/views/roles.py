"""The roles of the administration."""

from django.contrib import messages
from django.contrib.auth.models import Group as Role
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from commlog import permissions
from commlog.administration.roles import matrix
from commlog.administration.roles.forms import RoleForm
from commlog.administration.users import staff
from commlog.kit.edit_conflicts import Check, edited
from commlog.views import reauthentication

MOST_NAMED = 10


@require_safe
@permissions.can_view_administration
def index(request: HttpRequest) -> HttpResponse:
    roles = list(Role.objects.annotate(people=Count("user")).prefetch_related("permissions").order_by("name"))
    context = {
        "roles": roles,
        "matrix": matrix.of(roles),
        "can_manage": permissions.may_manage_administration(request.user),
    }
    return render(request, "administration/roles/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
@reauthentication.before_sending
def new(request: HttpRequest) -> HttpResponse:
    form = RoleForm(request.POST or None)
    if form.is_valid():
        role = staff.create_role(form.cleaned_data["name"], form.chosen, by=permissions.staff(request))
        messages.success(request, f"The role {role.name} was created.")
        return redirect("roles")
    return render(request, "administration/roles/form.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
@reauthentication.before_sending
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    role = get_object_or_404(Role, pk=pk)

    def write(form: RoleForm, check: Check) -> None:
        try:
            staff.change_role(
                role, form.cleaned_data["name"], form.chosen, by=permissions.staff(request), check=check
            )
        except staff.Refused as refusal:
            form.add_error(None, str(refusal))

    form, saved = edited(request, lambda data: RoleForm(data, role=get_object_or_404(Role, pk=pk)), write)
    if saved:
        messages.success(request, f"The role {role.name} was saved.")
        return redirect("roles")
    context = {"form": form, "role": Role.objects.get(pk=pk), "fixed": matrix.fixed(role)}
    return render(request, "administration/roles/form.html", context, status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
@reauthentication.before_sending
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    role = get_object_or_404(Role, pk=pk)
    refusal = ""
    if request.method == "POST":
        try:
            staff.delete_role(role, by=permissions.staff(request))
            messages.success(request, f"The role {role.name} was deleted.")
            return redirect("roles")
        except staff.Refused as refused:
            refusal = str(refused)
    people = list(role.user_set.order_by("username")[: MOST_NAMED + 1])
    context = {
        "role": role,
        "people": people[:MOST_NAMED],
        "more": len(people) > MOST_NAMED,
        "refusal": refusal,
    }
    return render(
        request,
        "administration/roles/delete.html",
        context | {"fixed": matrix.fixed(role), "items": role.menu_items.all()},
    )
