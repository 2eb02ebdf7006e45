"""After a restore: findings, and decisions about messages that may have been sent."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from commlog import permissions
from commlog.administration import after_restore
from commlog.models import CustomView, User
from commlog.models.column_layout import LogKind
from notifications.restored import holding

_A_REQUEST = 10.0  # seconds; what is left is said, and can be asked for again
ACTIONS = ("lift", "release", "end")


class ViewForm(forms.Form):
    """Choice of the messages."""

    view = forms.ModelChoiceField(
        label="Messages of the view",
        queryset=CustomView.objects.none(),
        to_field_name="key",
        required=False,
        empty_label="All",
    )
    sms = forms.BooleanField(
        label="Text messages too",
        required=False,
        help_text="Recipients cannot tell a repeated text message from a new one.",
    )

    def __init__(self, data: QueryDict, *, user: User) -> None:
        super().__init__(data)
        self.fields["view"].queryset = permissions.views_for(user, LogKind.LOG)  # type: ignore[attr-defined]


@require_safe
@permissions.can_view_administration
def index(request: HttpRequest) -> HttpResponse:
    """Show the findings, and how many messages of a view, or in all, wait for a decision."""
    form = ViewForm(request.GET, user=permissions.staff(request))
    view = form.cleaned_data["view"] if form.is_valid() else None
    context = {
        "form": form,
        "view": view,
        "found": holding.standing(),
        "can_manage": permissions.may_manage_administration(request.user),
    }
    try:
        context["waiting"] = after_restore.waiting(view, by=permissions.staff(request))
    except after_restore.Undecidable as error:
        form.add_error("view", str(error))
    return render(request, "administration/after_restore.html", context | {"most": after_restore.MOST})


@require_POST
@permissions.can_manage_administration
def decide(request: HttpRequest, action: str) -> HttpResponse:
    """Resume sending, send marked messages, or fail them."""
    by = permissions.staff(request)
    form = ViewForm(request.POST, user=by)
    if action not in ACTIONS or not form.is_valid():
        raise Http404("There is nothing to decide.")
    view = form.cleaned_data["view"]
    try:
        messages.success(request, _decided(action, view, by, sms=form.cleaned_data["sms"]))
    except after_restore.Undecidable as error:
        messages.error(request, str(error))
    address = redirect("after-restore").url
    return redirect(f"{address}?{urlencode({'view': view.key})}" if view else address)


def _decided(action: str, view: CustomView | None, by: User, *, sms: bool) -> str:
    if action == "lift":
        lifted = after_restore.lift(by=by, seconds=_A_REQUEST)
        return (
            "New messages are being sent. Messages that may have been sent keep waiting."
            if lifted
            else "New messages are already being sent."
        )
    if action == "release":
        number = after_restore.release(view, sms=sms, by=by, seconds=_A_REQUEST)
        return f"Released: {number:,}. Each is marked as a possible duplicate. New messages are sent, too."
    number = after_restore.end(view, by=by, seconds=_A_REQUEST)
    return f"Ended as failed: {number:,}. Each is marked as possibly delivered."
