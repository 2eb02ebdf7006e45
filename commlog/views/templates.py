"""Templates in the administration: list, details, and the editor with preview and test."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from commlog import audit, permissions
from commlog.kit.compression import shown_once
from commlog.kit.edit_conflicts import Check, edited
from commlog.kit.keyset_list import listing
from commlog.kit.paging import Sorting
from commlog.kit.sentences import alone, sentence
from commlog.message import sms_length
from commlog.message_templates import activation, changes, trial
from commlog.message_templates.condition_rows import ADD, REMOVE
from commlog.message_templates.forms import TemplateForm, TemplatesForm, TrialForm
from notifications import channels, events, templating
from notifications.faults import Malformed
from notifications.models import Client, NotificationTemplate
from notifications.secrets.sealed import opened, seal
from notifications.states import MessageType

BY_NAME = Sorting("name", ("name",))
_METHODS = ["GET", "HEAD", "POST"]


@require_safe
@permissions.can_view_templates
def index(request: HttpRequest) -> HttpResponse:
    found = listing(
        request.GET,
        form=TemplatesForm,
        scope=NotificationTemplate.objects.known(),
        narrow=_narrow,
        sorting=BY_NAME,
    )
    shown = {
        "listing": found,
        "may_create": permissions.may_create_templates(request.user),
        "channels": MessageType.choices,
    }
    return render(request, "message_templates/list.html", shown)


@require_safe
@permissions.can_view_templates
def template(request: HttpRequest, key: UUID) -> HttpResponse:
    found = _found(key)
    asked = [templating.conditions.in_words(one) for one in templating.conditions.read(found.conditions)]
    shown = {
        "template": found,
        "conditions": asked,
        "event": events.in_words(found.event) if found.event else "",
    }
    shown |= {
        "may_edit": permissions.may_edit_templates(request.user),
        "reads": permissions.may_read_log(request.user),
    }
    secret = opened(request.session.pop(f"secret:{key.hex}", ""))
    response = render(request, "message_templates/template.html", shown | {"secret": secret})
    return shown_once(response) if secret else response


@require_http_methods(_METHODS)
@permissions.can_create_templates
def new(request: HttpRequest) -> HttpResponse:
    """Create a template. It is a draft until it is activated."""
    asked = request.GET.get("type", channels.ALL[0].type)
    if asked not in MessageType:
        raise Http404("Channel not found.")
    return _edit(request, NotificationTemplate(type=asked, active=False))


@require_http_methods(_METHODS)
@permissions.can_edit_templates
def edit(request: HttpRequest, key: UUID) -> HttpResponse:
    return _edit(request, _found(key))


@require_http_methods(_METHODS)
@permissions.can_edit_templates
def activity(request: HttpRequest, key: UUID) -> HttpResponse:
    """Show the consequences and the number of recipients, then activate or deactivate."""
    found = _found(key)
    if request.method != "POST":
        shown = {"template": found, "forecast": activation.forecast(found, now=timezone.now())}
        return render(request, "message_templates/activity.html", shown)
    active = request.POST.get("active") == "1"
    if changes.switch(found, active=active, by=permissions.staff(request)):
        said = "is now active" if active else "is now inactive. Messages already in the queue are still sent"
        messages.success(request, f"{found.name} {said}.")
    return redirect("template", key)


@require_POST
@permissions.can_edit_templates
def secret(request: HttpRequest, key: UUID) -> HttpResponse:
    """Create a new signing secret for a webhook."""
    found = _found(key)
    if not found.channel.signed:
        raise Http404("Only webhooks can be signed.")
    request.session[f"secret:{key.hex}"] = seal(changes.renew_secret(found, by=permissions.staff(request)))
    return redirect("template", key)


@require_http_methods(_METHODS)
@permissions.can_edit_templates
def delete(request: HttpRequest, key: UUID) -> HttpResponse:
    found = _found(key)
    if request.method == "POST":
        changes.delete(found, by=permissions.staff(request))
        messages.success(request, f"The template {found.name} was deleted.")
        return redirect("templates")
    return render(request, "message_templates/delete.html", {"template": found})


def _found(key: UUID) -> NotificationTemplate:
    return get_object_or_404(NotificationTemplate.objects.known(), key=key)


def _narrow(
    templates: QuerySet[NotificationTemplate], asked: dict[str, Any]
) -> QuerySet[NotificationTemplate]:
    if asked["q"]:
        templates = templates.filter(name__icontains=asked["q"].strip())
    if asked["status"]:
        templates = templates.filter(active=asked["status"] == "active")
    return templates.filter(**{name: asked[name] for name in ("type", "trigger") if asked[name]})


def _edit(request: HttpRequest, template: NotificationTemplate) -> HttpResponse:
    """The editor.

    `do`: save, activate, preview, test, or add or remove a condition; preview and conditions are partial
    pages.
    """
    step = request.POST.get("do", "save") if request.method == "POST" else ""
    saving, name = step in ("save", "activate"), template.name if template.pk else ""
    if saving and template.pk:
        form, saved = edited(
            request,
            lambda data: _form(data, _found(template.key)),
            lambda form, check: _change(request, form, check),
        )
        if saved:
            messages.success(
                request,
                f"{form.instance.name} was saved. Existing messages keep the old text.",
            )
            return redirect("template", template.key)
    else:
        form = _form(request.POST or None, template)
        if saving and form.is_valid():
            return _create(request, form)
    shown: dict[str, Any] = {
        "form": form,
        "template": form.instance,
        "trial_form": TrialForm(request.POST or None),
        "segments": sms_length,
    }
    shown |= {"name": name, "may_edit": permissions.may_edit_templates(request.user)}
    if step == ADD or step.startswith(REMOVE):
        form.say_nothing()
        shown["step"] = step
        if request.htmx:  # type: ignore[attr-defined]
            return render(request, "message_templates/conditions.html", shown)
    if step in ("preview", "test"):
        shown |= _tried(request, form, step)
        if step == "preview" and request.htmx:  # type: ignore[attr-defined]
            return render(request, "message_templates/trial.html", shown)
    return render(request, "message_templates/edit.html", shown, status=form.status)


def _form(data: QueryDict | None, template: NotificationTemplate) -> TemplateForm:
    return TemplateForm(data, instance=template, channel=MessageType(template.type))


def _create(request: HttpRequest, form: TemplateForm) -> HttpResponse:
    made = form.instance
    signing = changes.create(made, by=permissions.staff(request))
    if signing:
        request.session[f"secret:{made.key.hex}"] = seal(signing)
    messages.success(
        request, f"The template {made.name} was created. It sends nothing until you activate it."
    )
    activate = request.POST.get("do") == "activate" and permissions.may_edit_templates(request.user)
    return redirect("template-activity" if activate else "template", made.key)


def _change(request: HttpRequest, form: TemplateForm, check: Check) -> None:
    try:
        changes.change(form.instance, before=form.before, by=permissions.staff(request), check=check)
    except changes.SecretsMoved as error:
        form.ask_again(error.fields)


def _tried(request: HttpRequest, form: TemplateForm, step: str) -> dict[str, Any]:
    """Return the preview, or the result of a test; problems are explained."""
    by = permissions.staff(request)
    if not form.is_valid():
        return {"problem": "Correct this first:", "faults": form}
    try:
        client = _client(request)
        if step == "test":
            message, left_out = trial.send_test(form.instance, client, before=form.before, by=by)
            what = {"to": message.destination, "channel": message.type, "template": form.instance.name}
            audit.sent(by, f"test of {form.instance.name}", key=message.key.hex, after=what)
            link = (
                reverse("message", args=[message.key]) if permissions.may_read_messages(request.user) else ""
            )
            without = f", without {' and '.join(left_out)}: stored for another server" if left_out else ""
            messages.success(
                request, f"A test to {message.destination} is on its way{without}.", extra_tags=link
            )
        return {"trial": trial.trial(form.instance, client, by=by)}
    except Malformed as error:
        return {"problem": alone(sentence(error))}


def _client(request: HttpRequest) -> Client | None:
    """Return the client of the preview; None if the user may not open clients."""
    if not permissions.may_view_recipient(request.user, "client"):
        return None
    return trial.client_of(request.POST.get("with_client", ""))
