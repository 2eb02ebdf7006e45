"""Health probes: whether this process lives, is ready, and messages are sent. Nothing secret."""

from functools import cache

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from notifications.cluster import health
from notifications.database import availability
from notifications.database.availability import Trouble

_MIGRATIONS = "The database lacks migrations: run manage.py migrate."
_STALLED = (
    f"Due messages have stood still for {health.PATIENCE.total_seconds():.0f} seconds: start manage.py "
    "sender."
)


@login_not_required
@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """Answer that the process lives; database trouble must not restart web processes."""
    return HttpResponse("ok", content_type="text/plain")


@login_not_required
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Check that the database answers, accepts writes, and has every migration that this code needs."""
    try:
        lacks = not _last_migrations() <= set(MigrationRecorder(connection).applied_migrations())
        reason = _MIGRATIONS if lacks else _trouble()
    except DatabaseError as error:
        reason = _meaning(error)
    return _answer("ready", reason)


@login_not_required
@require_safe
def sender(request: HttpRequest) -> JsonResponse:
    """Check that due messages are being sent, and that the database accepts the senders' writes."""
    try:
        reason = _STALLED if health.stalled(timezone.now()) else ""
        reason = _trouble() or reason
    except DatabaseError as error:
        reason = _meaning(error)
    return _answer("sending", reason)


def _trouble() -> str:
    found = availability.trouble()
    return found.sentence if found else ""


def _meaning(error: DatabaseError) -> str:
    return (availability.trouble_of(error) or Trouble.GONE).sentence


def _answer(what: str, reason: str) -> JsonResponse:
    """Return 200, or 503 with the reason and when to ask again."""
    if not reason:
        return JsonResponse({what: True})
    return JsonResponse(
        {what: False, "reason": reason}, status=503, headers={"Retry-After": str(availability.RETRY_AFTER)}
    )


@cache
def _last_migrations() -> set[tuple[str, str]]:
    """Return the last migration of each app in the code."""
    return set(MigrationLoader(None, ignore_no_migrations=True).graph.leaf_nodes())
