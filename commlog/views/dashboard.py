"""The dashboard, for everybody: what is due, recent failures, channels, own jobs."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from commlog import permissions
from commlog.administration.channels import health
from commlog.demo import outages
from commlog.incidents import report
from commlog.kit.stamps import latest
from commlog.live import parts
from commlog.log import custom_views, stats
from commlog.log.writing import back_to
from commlog.message.held_back import held_back
from commlog.models import User
from commlog.models.column_layout import LogKind
from commlog.pictures.dashboard import period_of, pictures

_MOST = 5  # jobs and favourite views


@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    user = permissions.staff(request)
    administers = permissions.may_view_administration(user)
    shown: dict[str, Any] = {"now": timezone.now(), "administers": administers}
    if reads_log := permissions.may_read_log(user):
        shown |= _of_the_log(request, user) | {"can_resend": permissions.may_resend(user)}
    if reads_log or administers:
        shown["channels"] = latest(request, "channels", health.cards)
        period, now = period_of(request.GET.get("period", "")), shown["now"]
        shown["pictures"] = latest(request, ("pictures", period.key), lambda: pictures(period, now))
    if permissions.may_read_messages(user):
        shown["jobs"] = list(permissions.jobs_for(user).filter(owner=user).order_by("-pk")[:_MOST])
    if permissions.may_resend(user) and (demo := outages.place()):
        shown["outage"] = outages.played(demo)
    return parts.render(request, "dashboard.html", shown | {"reads_log": reads_log})


def _of_the_log(request: HttpRequest, user: User) -> dict[str, Any]:
    scope = permissions.messages_for(user)
    first = permissions.views_for(user, LogKind.LOG)[:_MOST]  # favourites come first
    favourites = [view for view in first if getattr(view, "favourite", False)]
    oldest = latest(request, ("waiting longest", scope.masked), lambda: stats.waiting_longest(scope))
    return {
        "incidents": report.lately(timezone.now()),
        "figures": latest(request, "figures", lambda: stats.figures(scope)),
        "failed": latest(request, "failed today", lambda: stats.failed_today(scope)),
        "oldest": oldest,
        "oldest_held": held_back([oldest]).get(oldest.pk, "") if oldest else "",
        "back": back_to(f"{reverse('log')}?state=PENDING&sort=created"),
        "favourites": latest(
            request, ("favourites", user.pk), lambda: custom_views.counts(favourites, scope)
        ),
    }
