"""The dashboard: what is due, what failed lately, how the channels are, and the user's own jobs.

Everybody's; it shows what one may see.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from commlog import permissions
from commlog.administration.channels import health
from commlog.kit.stamps import latest
from commlog.live import parts
from commlog.log import custom_views, stats
from commlog.log.writing import back_to
from commlog.models import User
from commlog.models.column_layout import LogKind

_MOST = 5  # jobs and favourite views


@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    """The page, or what has changed of it."""
    user = permissions.staff(request)
    administers = permissions.may_view_administration(user)
    shown: dict[str, Any] = {"now": timezone.now(), "administers": administers}
    if reads_log := permissions.may_read_log(user):
        shown |= _of_the_log(request, user)
    if reads_log or administers:
        shown["channels"] = latest(request, "channels", health.cards)
    if permissions.may_read_messages(user):
        shown["jobs"] = list(permissions.jobs_for(user).filter(owner=user).order_by("-pk")[:_MOST])
    return parts.render(request, "dashboard.html", shown | {"reads_log": reads_log})


def _of_the_log(request: HttpRequest, user: User) -> dict[str, Any]:
    scope, now = permissions.messages_for(user), timezone.now()
    first = permissions.views_for(user, LogKind.LOG)[:_MOST]  # favourites come first
    favourites = [view for view in first if getattr(view, "favourite", False)]
    return {
        "figures": latest(request, "figures", lambda: stats.figures(scope, now)),
        "failed": latest(request, "failed today", lambda: stats.failed_today(scope)),
        "oldest": latest(request, "waiting longest", lambda: stats.waiting_longest(scope)),
        "back": back_to(f"{reverse('log')}?state=PENDING&sort=created"),
        "favourites": latest(
            request, ("favourites", user.pk), lambda: custom_views.counts(favourites, scope)
        ),
    }
