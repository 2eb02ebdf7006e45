"""What operations have in common: who may, and doing what they do once."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from commlog import audit
from commlog.api.callers import caller_of
from commlog.api.codes import Code
from commlog.api.errors import ApiError
from commlog.kit.doors import Holder

Operation = Callable[..., HttpResponseBase]


def needs(allowed: Callable[[Holder], bool], refusal: str) -> Callable[[Operation], Operation]:
    """Only for callers whom `allowed` (of permissions.py) accepts; others get 403, recorded."""

    def decorate(operation: Operation) -> Operation:
        @wraps(operation)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            demand(request, allowed(caller_of(request)), refusal)
            return operation(request, *args, **kwargs)

        return guarded

    return decorate


def demand(request: HttpRequest, allowed: bool, refusal: str) -> None:
    """Go on only if it is allowed; for operations that know only later what it takes."""
    if not allowed:
        audit.refused(caller_of(request).actor, request, refusal)
        raise ApiError(403, Code.INVALID_PERMISSIONS, refusal)
