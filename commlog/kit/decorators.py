"""Permission decorators of views."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, Protocol

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from commlog.kit.reuse import again


class Holder(Protocol):
    """A holder of permissions: a user, an anonymous visitor, the caller of the API."""

    def has_perm(self, permission: str, /) -> bool:
        """Return whether the permission is held."""


View = Callable[..., HttpResponseBase]


def demand(allowed: Callable[[Any], bool], refusal: str) -> Callable[[View], View]:
    """Allow only those whom `allowed` accepts."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not again(request, refusal, partial(allowed, request.user)):
                raise PermissionDenied(refusal)
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def demand_of(parameter: str, allowed: Callable[[Any, Any], bool], refusal: str) -> Callable[[View], View]:
    """Allow only those whom `allowed` accepts for the value of a URL parameter."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not allowed(request.user, kwargs[parameter]):
                raise PermissionDenied(refusal.format(getattr(kwargs[parameter], "label", kwargs[parameter])))
            return view(request, *args, **kwargs)

        return guarded

    return decorate
