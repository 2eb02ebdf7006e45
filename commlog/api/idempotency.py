"""Idempotency-Key: a request is executed once, even if it is repeated or sent concurrently.

The key is claimed in a transaction of its own, with a lease. The operation and its stored response are
committed together: after a crash there is neither, and once the lease has expired the call can be repeated.
Responses are stored sealed (they may contain a signing secret) until they expire.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from commlog.api import bodies
from commlog.api.callers import caller_of
from commlog.api.codes import Code
from commlog.api.errors import ApiError
from commlog.models import ApiAnswer
from commlog.models.api import KEPT
from notifications.secrets.sealed import SEALED, opened, seal

HEADER, REPLAYED = "Idempotency-Key", "Idempotency-Replayed"
LEASE = timedelta(seconds=60)
LONGEST = 255
PATTERN = f"[!-~]([ -~]{{0,{LONGEST - 2}}}[!-~])?"  # spaces around the value of a header are no part of it
_NOT_KEPT = {"content-type", "content-length"}
_BATCH = 500  # rows that one statement of the sweep touches


def _whole(answer: HttpResponse) -> HttpResponse:
    return answer


def _admitted() -> None:
    pass


def once(
    request: HttpRequest,
    work: Callable[[], HttpResponse],
    *,
    admit: Callable[[], None] = _admitted,
    shown: Callable[[HttpResponse], HttpResponse] = _whole,
) -> HttpResponse:
    """Return the response of `work`, run in a transaction; with an Idempotency-Key only the first time.

    `admit` runs before that transaction and not for repetitions, so that no counter stays locked during
    `work`. `shown` removes from each response what the caller may not read. If `work` raises, everything is
    rolled back and nothing is remembered: validate beforehand what needs no database.
    """
    given = request.headers.get(HEADER)
    if given is None:
        admit()
        with transaction.atomic():
            answer = work()
        return shown(answer)
    held = _take(request, _checked(given))
    if held.status is not None:
        answer = shown(_again(held))
        answer[REPLAYED] = "true"
        return answer
    try:
        admit()
        with transaction.atomic():
            answer = work()
            _keep(held, answer)
    except BaseException:
        ApiAnswer.objects.filter(pk=held.pk, token=held.token, status=None).delete()
        raise
    return shown(answer)


def _checked(key: str) -> str:
    if not re.fullmatch(PATTERN, key):
        source = f"{HEADER}: must be 1 to {LONGEST} printable ASCII characters; a UUID is best"
        raise ApiError(400, Code.INVALID_PARAMETERS, source)
    return key


def _take(request: HttpRequest, key: str) -> ApiAnswer:
    """Claim the key and return its row, or return the answered row. Raises ApiError if another call holds
    it.
    """
    caller, now = caller_of(request), timezone.now()
    owner = {"consumer": caller.consumer, "user": caller.user}
    held = ApiAnswer(**owner, key=key, **_claim(request, now))
    try:
        with transaction.atomic():
            held.save(force_insert=True)
            return held
    except IntegrityError:
        found = ApiAnswer.objects.filter(**owner, key=key).first()
    if found is None:  # refused and forgotten between the two statements
        raise _under_way()
    if found.expires_at > now:
        if found.fingerprint != held.fingerprint:
            raise ApiError(409, Code.DUPLICATE_REQUEST, f"{HEADER}: was used for another request")
        if found.status is not None:
            return found
        if found.lease_until > now:
            raise _under_way()
    return _taken_over(found, request, now)


def _taken_over(found: ApiAnswer, request: HttpRequest, now: datetime) -> ApiAnswer:
    """Return the row, taken over from a call that died or an expired one, if no other call was first."""
    fresh = _claim(request, now)
    cleared: dict[str, Any] = {"status": None, "headers": {}, "body": ""}
    if not ApiAnswer.objects.filter(pk=found.pk, token=found.token, status=found.status).update(
        **fresh, **cleared
    ):
        raise _under_way()
    found.token, found.status = fresh["token"], None
    return found


def _claim(request: HttpRequest, now: datetime) -> dict[str, Any]:
    return {
        "fingerprint": _fingerprint(request),
        "token": uuid4(),
        "lease_until": now + LEASE,
        "expires_at": now + KEPT,
    }


def _fingerprint(request: HttpRequest) -> str:
    """Return a digest of method, operation, query string and body: equal for equal requests."""
    path = request.path_info.removeprefix("/api")
    head = f"{request.method} {path}?{request.META.get('QUERY_STRING', '')}\n".encode()
    return sha256(head + bodies.raw(request)).hexdigest()


def _keep(held: ApiAnswer, answer: HttpResponse) -> None:
    """Store the response in the transaction of its operation."""
    headers = {name: value for name, value in answer.headers.items() if name.lower() not in _NOT_KEPT}
    kept = {"status": answer.status_code, "headers": headers, "body": seal(answer.content.decode())}
    if not ApiAnswer.objects.filter(pk=held.pk, token=held.token, status=None).update(**kept):
        raise _under_way()  # our lease had lapsed, and another call took over: ours is undone


def _again(found: ApiAnswer) -> HttpResponse:
    answer = HttpResponse(
        opened(found.body), status=found.status, headers=found.headers, content_type="application/json"
    )
    if not found.body:
        del answer["Content-Type"]
    return answer


def _under_way() -> ApiError:
    source = f"{HEADER}: a request with this key is being answered; ask again in a moment"
    return ApiError(409, Code.DUPLICATE_REQUEST, source, headers={"Retry-After": "1"})


def sweep() -> int:
    """Delete expired responses and seal those of older versions; return how many (a django-q2 task).

    Each batch is a statement of its own, so a lost worker loses nothing.
    """
    now, touched = timezone.now(), 0
    expired = ApiAnswer.objects.filter(expires_at__lt=now)
    while batch := list(expired.order_by("expires_at").values_list("pk", flat=True)[:_BATCH]):
        touched += len(batch)
        # The filter once more: a key that is used anew meanwhile is not deleted.
        expired.filter(pk__in=batch).delete()
    readable = ApiAnswer.objects.filter(~Q(body=""), ~Q(body__startswith=SEALED))
    while rows := list(readable.order_by("pk").values_list("pk", "token", "body")[:_BATCH]):
        touched += len(rows)
        for pk, token, body in rows:
            ApiAnswer.objects.filter(pk=pk, token=token).update(body=seal(body))
    return touched
