"""Queries for the menu items, views and open jobs that a user sees, run on every page.

For `commlog.permissions` alone, which adds the other conditions of each.
"""

from functools import partial

from django.db.models import F, FilteredRelation, Q, QuerySet
from django.db.models.functions import Coalesce

from commlog.models.column_layout import LogKind
from commlog.models.custom_view import CustomView
from commlog.models.job import OPEN, Job, JobKind, JobState
from commlog.models.menu_item import MenuItem
from notifications.database.cached_sql import CachedQuery

MOST_TABS = 20
MOST_JOBS = 100  # counted no further


def items_of(user_id: int) -> QuerySet[MenuItem]:
    """Return the active items that the user sees: in the user's order, then the common one."""
    shared = MenuItem.roles.through.objects.filter(group__user=user_id).values("menuitem_id")
    seen = MenuItem.objects.filter(Q(for_everyone=True) | Q(creator=user_id) | Q(pk__in=shared), active=True)
    placed = seen.annotate(place=FilteredRelation("places", condition=Q(places__user=user_id)))
    return placed.order_by(F("place__position").asc(nulls_last=True), "position", "pk")


MENU = CachedQuery(items_of)


def views_of(kind: LogKind, user_id: int, *items: int) -> QuerySet[CustomView]:
    """Return the views of that kind of log under every item or one of these, favourites first."""
    shared = CustomView.roles.through.objects.filter(group__user=user_id).values("customview_id")
    named = CustomView.users.through.objects.filter(user=user_id).values("customview_id")
    mine = Q(owner=user_id) | Q(pk__in=shared) | Q(pk__in=named)
    seen = CustomView.objects.filter(Q(for_everyone=True) | mine, kind=kind)
    placed = seen.filter(Q(menu_item=None) | Q(menu_item__in=items)).annotate(
        place=FilteredRelation("places", condition=Q(places__user=user_id)),
        favourite=Coalesce(F("place__favourite"), False),
    )
    return placed.order_by("-favourite", F("place__position").asc(nulls_last=True), "pk")


def _tabs_of(kind: LogKind, *ids: int) -> QuerySet[CustomView]:
    return views_of(kind, *ids)[:MOST_TABS]


TABS = {kind: CachedQuery(partial(_tabs_of, kind)) for kind in LogKind}


def _jobs_of(user_id: int, also: Q = Q()) -> QuerySet[Job, tuple[str, int]]:  # noqa: B008  never changed
    """Return state and owner of open jobs, by one index lookup."""
    found = Job.objects.filter(Q(owner=user_id) | also, state__in=OPEN)
    return found.values_list("state", "owner")[:MOST_JOBS]


JOBS = CachedQuery(_jobs_of)
JOBS_TO_APPROVE = CachedQuery(
    partial(_jobs_of, also=Q(kind=JobKind.RESEND, state=JobState.AWAITING_APPROVAL))
)
