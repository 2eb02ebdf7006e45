"""The users of the administration."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from commlog import permissions
from commlog.account import factors, links, passwords, sessions
from commlog.administration.users import staff
from commlog.administration.users.forms import (
    BY_NAME,
    NewPasswordForm,
    NewUserForm,
    UserForm,
    UsersForm,
    narrow,
)
from commlog.company import discovery, people
from commlog.kit.edit_conflicts import Check, edited
from commlog.kit.keyset_list import listing
from commlog.log import custom_views
from commlog.models import User
from commlog.views import reauthentication


@require_safe
@permissions.can_view_administration
def index(request: HttpRequest) -> HttpResponse:
    scope = User.objects.prefetch_related("groups")
    shown = listing(request.GET, scope=scope, form=UsersForm, narrow=narrow, sorting=BY_NAME)
    context = {"listing": shown, "can_manage": permissions.may_manage_administration(request.user)}
    return render(request, "administration/users/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
@reauthentication.before_sending
def new(request: HttpRequest) -> HttpResponse:
    form = NewUserForm(request.POST or None)
    if form.is_valid():
        password = form.cleaned_data.get("password")
        made = staff.create_user(
            form.instance, password, form.cleaned_data["roles"], by=permissions.staff(request)
        )
        if password:
            said = "Pass on the password: they choose their own when they first sign in."
        elif links.are_sent():
            said = f"An invitation is on its way to {made.email}."
        else:
            said = "Link the company account: that is how they sign in."
        messages.success(request, f"{made.name} was created. {said}")
        return redirect("administration-user", made.key)
    context = {"form": form, "invites": links.are_sent(), "local": settings.LOCAL_PASSWORDS}
    return render(request, "administration/users/form.html", context)


@require_safe
@permissions.can_view_administration
def user(request: HttpRequest, key: UUID) -> HttpResponse:
    person = _person(key)
    context = {
        "person": person,
        "sessions": sessions.live(person),
        "has_factor": factors.has(person),
        "invited": links.is_invited(person),
        "company": discovery.is_on(),
        "subject": people.subject_of(person) if discovery.is_on() else "",
        "link_reaches": links.reach(person),
        "password_can_be_set": person == request.user or _can_be_typed_for(person),
        "left_views": [] if person.is_active else custom_views.private_of(person),
        "can_manage": permissions.may_manage_administration(request.user),
    }
    return render(request, "administration/users/user.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
@reauthentication.before_sending
def edit(request: HttpRequest, key: UUID) -> HttpResponse:
    def write(form: UserForm, check: Check) -> None:
        try:
            staff.change_user(
                form.instance, form.cleaned_data["roles"], by=permissions.staff(request), check=check
            )
        except staff.Refused as refusal:
            form.add_error("roles", str(refusal))

    form, saved = edited(request, lambda data: UserForm(data, instance=_person(key)), write)
    if saved:
        messages.success(request, f"{form.instance.name} was saved.")
        return redirect("administration-user", key)
    return render(
        request, "administration/users/form.html", {"form": form, "person": _person(key)}, status=form.status
    )


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
@reauthentication.before_sending
def password(request: HttpRequest, key: UUID) -> HttpResponse:
    """Set a password for somebody who cannot be reached by a link."""
    person = _person(key)
    if person == request.user:
        return redirect("account-password")  # which takes the present one, and keeps this session
    if not _can_be_typed_for(person):
        said = "chooses a password by a link that is sent by e-mail, or signs in with the company account"
        messages.error(request, f"No password was set: {person.name} {said}.")
        return redirect("administration-user", key)
    form = NewPasswordForm(request.POST or None, user=person)
    if form.is_valid():
        staff.set_password(person, form.cleaned_data["password"], by=permissions.staff(request))
        messages.success(request, f"{person.name} has a new password and is signed out everywhere.")
        return redirect("administration-user", key)
    return render(request, "administration/users/password.html", {"form": form, "person": person})


@require_POST
@permissions.can_manage_administration
@reauthentication.before_sending
def send_link(request: HttpRequest, key: UUID) -> HttpResponse:
    """Mail an invitation again, or a link to choose another password."""
    person = _person(key)
    if not person.is_active or not links.are_sent():
        messages.error(request, "No link was sent: the user is deactivated, or e-mail is off.")
    elif links.send(person, by=permissions.staff(request)):
        messages.success(request, f"A link to choose a password is on its way to {person.email}.")
    else:
        messages.error(
            request, f"No link can be sent to {person.name}: the log says why, if there is an address."
        )
    return redirect("administration-user", key)


@require_POST
@permissions.can_manage_administration
@reauthentication.before_sending
def reset_factor(request: HttpRequest, key: UUID) -> HttpResponse:
    """Remove the second factor of a user who lost it."""
    person = _person(key)
    factors.reset(person, by=permissions.staff(request))
    messages.success(
        request,
        f"{person.name} no longer has a second factor, is signed out everywhere and was informed by e-mail.",
    )
    return redirect("administration-user", key)


@require_POST
@permissions.can_manage_administration
def activity(request: HttpRequest, key: UUID) -> HttpResponse:
    person, active = _person(key), request.POST.get("active") == "1"
    try:
        staff.set_active(person, active, by=permissions.staff(request))
    except staff.Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(
            request,
            f"{person.name} can sign in again."
            if active
            else f"{person.name} was signed out and can no longer sign in.",
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


@require_POST
@permissions.can_manage_administration
def take_over_views(request: HttpRequest, key: UUID) -> HttpResponse:
    """Transfer the private views of a deactivated user to the administrator."""
    person = _person(key)
    if person.is_active:
        messages.error(
            request, f"{person.name} is active. Private views stay private until the user is deactivated."
        )
    else:
        number = custom_views.take_over(person, permissions.staff(request))
        said = "1 view is yours now." if number == 1 else f"{number} views are yours now."
        messages.success(request, said)
    return redirect("administration-user", key)


def _can_be_typed_for(person: User) -> bool:
    return passwords.may_be_used(person) and not links.reach(person)


def _person(key: UUID) -> User:
    return get_object_or_404(User.objects.prefetch_related("groups"), key=key)
