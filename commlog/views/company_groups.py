"""Company sign-in in the administration: groups and roles, and linked users."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from commlog import permissions
from commlog.administration import company_groups
from commlog.administration.company_groups import GroupForm, SubjectForm
from commlog.administration.users import staff
from commlog.company import discovery, people
from commlog.kit.edit_conflicts import Check, edited
from commlog.models import CompanyGroup, User
from commlog.views import reauthentication


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
@reauthentication.before_sending
def index(request: HttpRequest) -> HttpResponse:
    """Show the table, and a form for another row."""
    form = GroupForm(request.POST or None)
    if form.is_valid():
        company_groups.add(form.instance, by=permissions.staff(request))
        messages.success(request, f"The group {form.instance.name} was added.")
        return redirect("company-groups")
    context = {
        "form": form,
        "groups": CompanyGroup.objects.select_related("role"),
        "is_on": discovery.is_on(),
        "issuer": settings.COMPANY_SIGN_IN_ISSUER,
        "claim": settings.COMPANY_SIGN_IN_GROUPS,
        "creates": settings.COMPANY_SIGN_IN_CREATES,
        "local": settings.LOCAL_PASSWORDS,
        "break_glass": settings.BREAK_GLASS_USERS,
    }
    return render(request, "administration/company/groups.html", context)


@require_POST
@permissions.can_manage_administration
@reauthentication.before_sending
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    company_groups.remove(pk, by=permissions.staff(request))
    messages.success(request, "The group was removed.")
    return redirect("company-groups")


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
@reauthentication.before_sending
def account(request: HttpRequest, key: UUID) -> HttpResponse:
    """Edit the company account that is linked with a user."""
    person = get_object_or_404(User, key=key)

    def write(form: SubjectForm, check: Check) -> None:
        subject, by = form.cleaned_data["subject"], permissions.staff(request)
        try:
            if subject:
                people.link(person, subject, by=by, check=check)
            else:
                people.unlink(person, by=by, check=check)
        except (people.NotLet, staff.Refused) as refused:
            form.add_error("subject", str(refused))

    form, saved = edited(
        request, lambda data: SubjectForm(data, initial={"subject": people.subject_of(person)}), write
    )
    if saved:
        messages.success(request, "Saved.")
        return redirect("administration-user", key)
    context = {"form": form, "person": person}
    return render(request, "administration/company/account.html", context, status=form.status)
