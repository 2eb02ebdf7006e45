"""API consumers in the administration, and their keys."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from commlog import permissions
from commlog.administration.consumers import changes
from commlog.administration.consumers.changes import Issued
from commlog.administration.consumers.forms import BY_NAME, ConsumerForm, ConsumersForm, KeyForm, narrow
from commlog.kit.compression import shown_once
from commlog.kit.edit_conflicts import Check, edited
from commlog.kit.keyset_list import listing
from commlog.models import ApiConsumer, ApiKey
from commlog.views import reauthentication


@require_safe
@permissions.can_view_administration
def index(request: HttpRequest) -> HttpResponse:
    scope = ApiConsumer.objects.prefetch_related("roles")
    shown = listing(request.GET, form=ConsumersForm, scope=scope, narrow=narrow, sorting=BY_NAME)
    context = {"listing": shown, "can_manage": permissions.may_manage_administration(request.user)}
    return render(request, "administration/consumers/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
@reauthentication.before_sending
def new(request: HttpRequest) -> HttpResponse:
    form = ConsumerForm(request.POST or None)
    if form.is_valid():
        made = changes.create(form.instance, form.cleaned_data["roles"], by=permissions.staff(request))
        messages.success(request, f"The API consumer {made.name} was created. Now create a key for it.")
        return redirect("api-consumer", made.key)
    return render(request, "administration/consumers/form.html", {"form": form})


@require_safe
@permissions.can_view_administration
def consumer(request: HttpRequest, key: UUID) -> HttpResponse:
    return _page(request, _consumer(key))


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
@reauthentication.before_sending
def edit(request: HttpRequest, key: UUID) -> HttpResponse:
    def write(form: ConsumerForm, check: Check) -> None:
        changes.change(form.instance, form.cleaned_data["roles"], by=permissions.staff(request), check=check)

    form, saved = edited(request, lambda data: ConsumerForm(data, instance=_consumer(key)), write)
    if saved:
        messages.success(request, f"The API consumer {form.instance.name} was saved.")
        return redirect("api-consumer", key)
    context = {"form": form, "consumer": _consumer(key)}
    return render(request, "administration/consumers/form.html", context, status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
def activity(request: HttpRequest, key: UUID) -> HttpResponse:
    """Confirm, then deactivate a consumer, or activate it again."""
    found, active = _consumer(key), request.POST.get("active") == "1"
    if request.method != "POST":
        last = max((each.last_used_at for each in found.keys.all() if each.last_used_at), default=None)
        return render(
            request, "administration/consumers/deactivate.html", {"consumer": found, "last_used": last}
        )
    changes.set_active(found, active, by=permissions.staff(request))
    messages.success(
        request,
        f"{found.name} was activated. Its keys work again."
        if active
        else f"{found.name} was deactivated. Its keys no longer work.",
    )
    return redirect("api-consumer", key)


@require_POST
@permissions.can_manage_administration
@reauthentication.before_sending
def issue(request: HttpRequest, key: UUID) -> HttpResponse:
    """Create a key and show it in this response, because it is stored nowhere."""
    found, form = _consumer(key), KeyForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form=form)
    issued = changes.issue(found, by=permissions.staff(request), expires_at=form.expires_at)
    return _page(request, found, issued=issued)


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
@reauthentication.before_sending
def rotate(request: HttpRequest, key: UUID) -> HttpResponse:
    """Replace a key by a new one; the old one stays valid a little longer."""
    found = _key(key)
    form = KeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and found.usable(timezone.now()):
        issued = changes.rotate(found, by=permissions.staff(request), expires_at=form.expires_at)
        return _page(request, found.consumer, issued=issued)
    context = {
        "api_key": found,
        "form": form,
        "grace": settings.API_KEY_GRACE_MINUTES,
        "usable": found.usable(timezone.now()),
    }
    return render(request, "administration/consumers/rotate_key.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@permissions.can_manage_administration
def revoke(request: HttpRequest, key: UUID) -> HttpResponse:
    found = _key(key)
    if request.method == "POST":
        changes.revoke(found, by=permissions.staff(request))
        messages.success(request, f"The key {found.prefix}… was revoked.")
        return redirect("api-consumer", found.consumer.key)
    return render(request, "administration/consumers/revoke_key.html", {"api_key": found})


def _page(
    request: HttpRequest, found: ApiConsumer, *, form: KeyForm | None = None, issued: Issued | None = None
) -> HttpResponse:
    now = timezone.now()
    keys = [(key, key.usable(now)) for key in found.keys.all()]
    context = {"consumer": found, "keys": keys, "form": form or KeyForm(), "issued": issued}
    context["can_manage"] = permissions.may_manage_administration(request.user)
    response = render(request, "administration/consumers/consumer.html", context)
    return shown_once(response) if issued else response


def _consumer(key: UUID) -> ApiConsumer:
    return get_object_or_404(ApiConsumer.objects.prefetch_related("roles"), key=key)


def _key(key: UUID) -> ApiKey:
    return get_object_or_404(ApiKey.objects.select_related("consumer"), key=key)
