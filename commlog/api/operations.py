"""Wrappers for operations: permission checks, and execution once by Idempotency-Key."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from commlog import audit
from commlog.api.callers import caller_of
from commlog.api.codes import Code
from commlog.api.errors import ApiError
from commlog.kit.decorators import Holder

Operation = Callable[..., HttpResponseBase]


def needs(allowed: Callable[[Holder], bool], refusal: str) -> Callable[[Operation], Operation]:
    """Allow only callers whom `allowed` (of permissions.py) accepts; others get 403, which is recorded."""

    def decorate(operation: Operation) -> Operation:
        @wraps(operation)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            demand(request, allowed(caller_of(request)), refusal)
            return operation(request, *args, **kwargs)

        return guarded

    return decorate


def demand(request: HttpRequest, allowed: bool, refusal: str) -> None:
    """Raise ApiError (403) unless allowed; for operations that learn the required permission late."""
    if not allowed:
        audit.refused(caller_of(request).actor, request, refusal)
        raise ApiError(403, Code.INVALID_PERMISSIONS, refusal)
