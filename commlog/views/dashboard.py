"""The dashboard: what is due, what failed lately, how the channels are, and the user's own jobs. Everybody's; it shows what one may see."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from commlog import channel_health, custom_views, permissions, stats
from commlog.address import back_to
from commlog.models import User
from commlog.models.column_layout import LogKind

_MOST = 5  # jobs and favourite views


@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    """The page. Its numbers are those of the moment; it does not refresh by itself."""
    user = permissions.staff(request)
    administers = permissions.may_view_administration(user)
    shown: dict[str, Any] = {"now": timezone.now(), "administers": administers}
    if reads_log := permissions.may_read_log(user):
        shown |= _of_the_log(user)
    if reads_log or administers:
        shown["channels"] = channel_health.cards()
    if permissions.may_read_messages(user):
        shown["jobs"] = list(permissions.jobs_for(user).filter(owner=user).order_by("-pk")[:_MOST])
    return render(request, "dashboard.html", shown | {"reads_log": reads_log})


def _of_the_log(user: User) -> dict[str, Any]:
    scope, now = permissions.messages_for(user), timezone.now()
    first = permissions.views_for(user, LogKind.LOG)[:_MOST]  # favourites come first
    favourites = [view for view in first if getattr(view, "favourite", False)]
    return {
        "figures": stats.figures(scope, now),
        "failed": stats.failed_today(scope),
        "oldest": stats.waiting_longest(scope),
        "back": back_to(f"{reverse('log')}?state=PENDING&sort=created"),
        "favourites": custom_views.counts(favourites, scope),
    }
