"""Who may see, resend and manage what: the only place that turns roles and menu items into yes or no, and into querysets."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseBase

from commlog.models import MenuItem, User
from commlog.models.menu_item import MenuItemType
from notifications.models import Message
from notifications.models.message import MessageQuerySet

Person = User | AnonymousUser
View = Callable[..., HttpResponseBase]

VIEW = "commlog.view_communication_history"
RESEND = "commlog.resend_failed_messages"
_NEEDS = {MenuItemType.COMMUNICATIONS: VIEW}


def menu_items_for(user: Person) -> QuerySet[MenuItem]:
    """The active menu items that the user sees: for everyone, for one of the user's roles, or the user's own; permissions included."""
    if not user.is_authenticated:
        return MenuItem.objects.none()
    shared = MenuItem.roles.through.objects.filter(group__user=user).values("menuitem_id")
    seen = MenuItem.objects.filter(Q(for_everyone=True) | Q(creator=user) | Q(pk__in=shared), active=True)
    return seen.filter(type__in=[type for type, permission in _NEEDS.items() if user.has_perm(permission)])


def may_read_messages(user: Person) -> bool:
    """Whether the user may read a message whose address is known, and the logs of clients, groups and users."""
    return user.has_perm(VIEW)


def may_read_log(user: Person) -> bool:
    """Whether the user may read the log of the whole organisation."""
    return may_read_messages(user) and menu_items_for(user).filter(type=MenuItemType.COMMUNICATIONS).exists()


def may_resend(user: Person) -> bool:
    """Whether the user may resend failed messages."""
    return may_read_messages(user) and user.has_perm(RESEND)


def messages_for(user: Person) -> MessageQuerySet:
    """The messages that the user may read one by one."""
    return Message.objects.all() if may_read_messages(user) else Message.objects.none()


def staff(request: HttpRequest) -> User:
    """The member of staff who asks; every page but the sign-in has one."""
    if not isinstance(request.user, User):
        raise PermissionDenied("Sign in first.")
    return request.user


def _demand(allowed: Callable[[Person], bool], refusal: str) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not allowed(request.user):
                raise PermissionDenied(refusal)
            return view(request, *args, **kwargs)

        return guarded

    return decorate


can_read_messages = _demand(may_read_messages, "Reading messages needs the permission “View communication history”.")
can_read_log = _demand(
    may_read_log,
    "The log needs the permission “View communication history” and an active menu item of the type Communications that you may see.",
)
can_resend = _demand(may_resend, "Resending needs the permissions “Resend failed messages” and “View communication history”.")
