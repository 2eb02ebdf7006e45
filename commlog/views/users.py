"""The users of the administration."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from commlog import permissions
from commlog.account import sessions
from commlog.administration.forms import NewPasswordForm, NewUserForm, UserForm
from commlog.administration.users import staff
from commlog.administration.users.table import BY_NAME, UsersForm, narrow
from commlog.kit.keyset_list import listing
from commlog.kit.seen import Check, edited
from commlog.models import User


@require_safe
@permissions.can_view_administration
def index(request: HttpRequest) -> HttpResponse:
    """Everybody who has an account."""
    people = User.objects.prefetch_related("groups")
    shown = listing(request.GET, form=UsersForm, scope=people, narrow=narrow, sorting=BY_NAME)
    context = {"listing": shown, "can_manage": permissions.may_manage_administration(request.user)}
    return render(request, "administration/users/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
def new(request: HttpRequest) -> HttpResponse:
    """Make a user."""
    form = NewUserForm(request.POST or None)
    if form.is_valid():
        made = staff.create_user(
            form.instance,
            form.cleaned_data["password"],
            form.cleaned_data["roles"],
            by=permissions.staff(request),
        )
        messages.success(
            request,
            f"{made.name} may sign in now. Tell them the password; they choose their own when they sign in.",
        )
        return redirect("administration-user", made.key)
    return render(request, "administration/users/form.html", {"form": form})


@require_safe
@permissions.can_view_administration
def user(request: HttpRequest, key: UUID) -> HttpResponse:
    """One user: facts, roles, sessions."""
    person = _person(key)
    context = {
        "person": person,
        "sessions": sessions.live(person),
        "can_manage": permissions.may_manage_administration(request.user),
    }
    return render(request, "administration/users/user.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
def edit(request: HttpRequest, key: UUID) -> HttpResponse:
    """Change a user."""

    def write(form: UserForm, check: Check) -> None:
        try:
            staff.change_user(
                form.instance, form.cleaned_data["roles"], by=permissions.staff(request), check=check
            )
        except staff.Refused as refusal:
            form.add_error("roles", str(refusal))

    form, saved = edited(request, lambda data: UserForm(data, instance=_person(key)), write)
    if saved:
        messages.success(request, f"{form.instance.name} was changed.")
        return redirect("administration-user", key)
    return render(
        request, "administration/users/form.html", {"form": form, "person": _person(key)}, status=form.status
    )


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
def password(request: HttpRequest, key: UUID) -> HttpResponse:
    """Give a user a new password."""
    person = _person(key)
    if person == request.user:
        return redirect("account-password")  # which takes the present one, and keeps this session
    form = NewPasswordForm(request.POST or None, user=person)
    if form.is_valid():
        staff.set_password(person, form.cleaned_data["password"], by=permissions.staff(request))
        messages.success(request, f"{person.name} has a new password and is signed out everywhere.")
        return redirect("administration-user", key)
    return render(request, "administration/users/password.html", {"form": form, "person": person})


@require_POST
@permissions.can_manage_administration
def activity(request: HttpRequest, key: UUID) -> HttpResponse:
    """Deactivate a user, or let the user sign in again."""
    person, active = _person(key), request.POST.get("active") == "1"
    try:
        staff.set_active(person, active, by=permissions.staff(request))
    except staff.Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(
            request,
            f"{person.name} may sign in again."
            if active
            else f"{person.name} was signed out and cannot sign in.",
        )
    return redirect("administration-user", key)


@require_POST
@permissions.can_manage_administration
def end_sessions(request: HttpRequest, key: UUID) -> HttpResponse:
    """Sign a user out everywhere; oneself everywhere but here."""
    person, by = _person(key), permissions.staff(request)
    ended = sessions.end(person, by=by, but=request.session.session_key if person == by else None)
    messages.success(request, f"{ended} session{'' if ended == 1 else 's'} of {person.name} ended.")
    return redirect("administration-user", key)


def _person(key: UUID) -> User:
    return get_object_or_404(User.objects.prefetch_related("groups"), key=key)
