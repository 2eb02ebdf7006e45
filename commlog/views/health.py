"""Whether this process lives, whether it can work, and whether messages leave. For probes: no sign-in, nothing secret."""

from functools import cache

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from notifications import health


@login_not_required
@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """The process answers. Asks nothing else, so a database in trouble does not get the web processes restarted."""
    return HttpResponse("ok", content_type="text/plain")


@login_not_required
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """The database answers, and has every migration that this code needs."""
    try:
        fine = _last_migrations() <= set(MigrationRecorder(connection).applied_migrations())
    except DatabaseError:
        fine = False
    return JsonResponse({"ready": fine}, status=200 if fine else 503)


@login_not_required
@require_safe
def sender(request: HttpRequest) -> JsonResponse:
    """Due messages are being sent."""
    try:
        fine = not health.stalled(timezone.now())
    except DatabaseError:
        fine = False
    return JsonResponse({"sending": fine}, status=200 if fine else 503)


@cache
def _last_migrations() -> set[tuple[str, str]]:
    """The last migration of each app, as this code has it on disk."""
    return set(MigrationLoader(None, ignore_no_migrations=True).graph.leaf_nodes())
