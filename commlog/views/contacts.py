"""Creating and editing clients and groups, and the members of a group."""

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from commlog import audit, permissions
from commlog.audit import AuditAction
from commlog.kit.edit_conflicts import Check, edited
from commlog.recipients.forms import ClientForm, GroupForm, MemberForm, values_of
from commlog.recipients.kinds import KINDS, url_of
from commlog.recipients.staff_events import happened
from commlog.views.recipients import show_overview
from notifications.models import Client, Group, Membership
from notifications.models.recipients import ClientState

_FORMS: dict[str, type[ClientForm] | type[GroupForm]] = {"client": ClientForm, "group": GroupForm}


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_create_recipient
def create(request: HttpRequest, kind: str) -> HttpResponse:
    form = _FORMS[kind](request.POST or None)
    if kind == "client":
        form.instance.state = ClientState.PENDING_APPROVAL
    if not form.is_valid():
        return _form(request, kind, form, back=reverse(KINDS[kind].plural.lower()))
    with transaction.atomic():
        made = form.save()
        audit.record(permissions.staff(request), AuditAction.CREATED, made, after=form.values())
        happened(made, "CREATED", by=permissions.staff(request))
    messages.success(request, f"{KINDS[kind].label} created.")
    return redirect(url_of(made))


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_edit_recipient
def edit(request: HttpRequest, kind: str, key: UUID) -> HttpResponse:
    """Edit a client or group. Messages in the log keep the names and addresses they were sent with."""
    by = permissions.staff(request)

    def write(form: ClientForm | GroupForm, check: Check) -> None:
        columns = list(form._meta.fields or ())
        with transaction.atomic():
            stored = KINDS[kind].objects.select_for_update(no_key=True).get(key=key)
            check()
            form.instance.save(update_fields=[*columns, "custom_fields"])
            if audit.record(
                by, AuditAction.CHANGED, form.instance, before=values_of(stored, columns), after=form.values()
            ):
                happened(form.instance, "ACTIVITY", by=by, activity="Contact data changed")

    form, saved = edited(
        request,
        lambda data: _FORMS[kind](
            data, instance=get_object_or_404(KINDS[kind].objects, key=key, erased_at=None)
        ),
        write,
    )
    if not saved:
        return _form(request, kind, form, back=url_of(form.instance))
    messages.success(request, "Saved.")
    return redirect(url_of(form.instance))


@require_POST
@permissions.can_edit_recipient
def add_member(request: HttpRequest, kind: str, key: UUID) -> HttpResponse:
    group = get_object_or_404(Group, key=key, erased_at=None)
    form = MemberForm(request.POST, group=group)
    if not form.is_valid():
        return show_overview(request, group, form)
    client, role = form.cleaned_data["client_id"], form.cleaned_data["role"]
    with transaction.atomic():
        _, made = Membership.objects.get_or_create(group=group, client=client, defaults={"role": role})
        if made:
            audit.record(
                permissions.staff(request),
                AuditAction.CHANGED,
                group,
                before={},
                after={"member": str(client), "role": role},
            )
            happened(group, "ACTIVITY", by=permissions.staff(request), activity=f"{client.name} joined")
    messages.success(request, f"{client.name} was added.")
    return redirect(url_of(group))


@require_POST
@permissions.can_edit_recipient
def remove_member(request: HttpRequest, kind: str, key: UUID, member: UUID) -> HttpResponse:
    group = get_object_or_404(Group, key=key)
    membership = Membership.objects.filter(group=group, client__key=member).select_related("client").first()
    if membership is not None:
        with transaction.atomic():
            membership.delete()
            before = {"member": str(membership.client), "role": membership.role}
            audit.record(permissions.staff(request), AuditAction.CHANGED, group, before=before, after={})
            happened(
                group, "ACTIVITY", by=permissions.staff(request), activity=f"{membership.client.name} left"
            )
        messages.success(request, f"{membership.client.name} was removed.")
    return redirect(url_of(group))


@require_POST
@permissions.can_edit_recipient
def decide(request: HttpRequest, kind: str, key: UUID) -> HttpResponse:
    """Approve or reject a client that is pending. Repeating it has no effect."""
    client, approved = get_object_or_404(Client, key=key), request.POST.get("decision") == "approve"
    state = ClientState.ACTIVE if approved else ClientState.REJECTED
    with transaction.atomic():
        hit = Client.objects.filter(pk=client.pk, state=ClientState.PENDING_APPROVAL).update(state=state)
        if hit:
            by, client.state = permissions.staff(request), state
            before = {"state": ClientState.PENDING_APPROVAL}
            audit.record(by, AuditAction.CHANGED, client, before=before, after={"state": state})
            happened(client, "APPROVED" if approved else "REJECTED", by=by)
    if hit:
        messages.success(request, f"{client.name} was {'approved' if approved else 'rejected'}.")
    else:
        messages.warning(request, "This has already been decided.")
    return redirect(url_of(client))


def _form(request: HttpRequest, kind: str, form: ClientForm | GroupForm, *, back: str) -> HttpResponse:
    return render(
        request, "recipients/form.html", {"form": form, "kind": KINDS[kind], "back": back}, status=form.status
    )
