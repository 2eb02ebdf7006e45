"""Custom views: save, copy, order, describe and count."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from commlog import audit
from commlog.audit import AuditAction
from commlog.kit.edit_conflicts import Check, digest, without_form
from commlog.kit.limits import A_COUNT, TookTooLong, capped, counted, time_limit
from commlog.log import reading
from commlog.log.columns import columns_of
from commlog.log.query import LogQuery
from commlog.models import CustomView, User, ViewPlace
from commlog.models.column_layout import LogKind
from notifications.models.message import MessageQuerySet

CAP = 1_000  # counted no further
_WHICH = ["state", "created", "recipient", "destination"]
_WHY_FAILED = [*_WHICH, "failure_reason", "failure_details", "type", "message"]
_WHY_WAITING = [*_WHICH, "waiting_reason", "next_attempt", "type", "message"]
# What a new installation starts with. Existing ones get a change of it by a migration, where nobody has
# edited the view.
SHIPPED: dict[str, dict[str, Any]] = {
    "Failed": {"conditions": {"state": "UNDELIVERED"}, "columns": _WHY_FAILED},
    "Failed today": {
        "conditions": {"state": "FAILED"},
        "criteria": [["created", "TODAY", []]],
        "columns": _WHY_FAILED,
    },
    "Waiting": {"conditions": {"state": "PENDING"}, "columns": _WHY_WAITING},
    "Webhooks": {"conditions": {"type": "WEB_HOOK"}},
    "Manual": {"criteria": [["sender_key", "NOT_EMPTY", []]]},
}
_CONTENT = ("conditions", "criteria", "match", "sorting", "columns", "timestamps", "compact")


@dataclass(frozen=True, slots=True)
class Found:
    """A view's number of messages: a number, "1,000+", or nothing if unknown."""

    view: CustomView
    number: str


class SavedMeanwhile(Exception):
    """Somebody else has saved the view meanwhile; `stored`: its content now."""

    def __init__(self, stored: dict[str, Any]) -> None:
        super().__init__("the view was saved meanwhile")
        self.stored = stored


def stored_content(view: CustomView) -> dict[str, Any]:
    """Return the view's content in the form of `writing.content`."""
    return {name: getattr(view, name) for name in _CONTENT}


def version_of(view: CustomView) -> str:
    """Return the view's version, carried by pages so that saving does not undo another's change."""
    return digest(json.dumps(stored_content(view), sort_keys=True))


def save_anew(view: CustomView, actor: User, content: dict[str, Any], *, seen: str) -> None:
    """Save the screen into the view, opened at version `seen`. Raises SavedMeanwhile if it differs now."""

    def check() -> None:
        stored = CustomView.objects.get(pk=view.pk)
        if seen != version_of(stored) and (not seen or stored_content(stored) != content):
            raise SavedMeanwhile(stored_content(stored))

    save(view, actor, content, check=check)


def in_words(content: Mapping[str, Any], scope: MessageQuerySet) -> str:
    """Return a view's content for people. `content`: the fields named in `writing.content`."""
    chosen = reading.of_view(CustomView(**content)).over(scope)
    columns, sorting = (
        ", ".join(column.label for column in columns_of(content["columns"])),
        chosen.query.sorting,
    )
    said = [chosen.words(), f"columns {columns or 'as usual'}", f"sorted by {sorting}" if sorting else ""]
    return "; ".join(part for part in said if part)


def counts(views: Sequence[CustomView], scope: MessageQuerySet) -> list[Found]:
    """Return each view's number of messages; none counted beyond the cap or for over a second."""
    return [Found(view, number_in(view, scope)) for view in views]


def number_in(view: CustomView, scope: MessageQuerySet) -> str:
    """Return a view's number of messages in the form of `number_of`."""
    return number_of(reading.of_view(view), scope)


def number_of(query: LogQuery, scope: MessageQuerySet) -> str:
    """Return a log's number of messages: `1,000+` beyond the cap, `!` if invalid, "" after a second."""
    chosen = query.over(scope)
    if not chosen.sound:
        return "!"
    try:
        with time_limit(A_COUNT):
            return capped(counted(chosen.messages, CAP), CAP)
    except TookTooLong:
        return ""


def save(
    view: CustomView,
    actor: User,
    content: dict[str, Any],
    *,
    roles: Iterable[Any] | None = None,
    users: Iterable[User] | None = None,
    check: Check = without_form,
) -> CustomView:
    """Store and audit a new or changed view. `check`: see commlog.kit.edit_conflicts."""
    with transaction.atomic():
        new = view.pk is None
        before = None if new else described(CustomView.objects.select_for_update().get(pk=view.pk))
        check()
        if not new:
            view.refresh_from_db()
        for name, value in content.items():
            setattr(view, name, value)
        view.save(update_fields=None if new else [*content])
        if roles is not None:
            view.roles.set(roles)
        if users is not None:
            view.users.set(users)
        audit.record(
            actor,
            AuditAction.CREATED if new else AuditAction.CHANGED,
            view,
            before=before,
            after=described(view),
        )
    return view


def private_of(user: User) -> QuerySet[CustomView]:
    """Return the user's views that nobody else sees."""
    return CustomView.objects.filter(owner=user, for_everyone=False, roles=None, users=None)


def take_over(leaver: User, actor: User) -> int:
    """Transfer the private views of a user who left to the actor, and audit each. Return how many."""
    with transaction.atomic():
        views = list(private_of(leaver).select_for_update(of=("self",)).order_by("pk"))
        for view in views:
            view.owner = actor
            view.save(update_fields=["owner"])
            before, after = {"owner": leaver.name}, {"owner": actor.name}
            audit.record(actor, AuditAction.CHANGED, view, before=before, after=after)
    return len(views)


def copy(view: CustomView, actor: User) -> CustomView:
    """Copy the view's content to a private view of the actor."""
    content = stored_content(view) | {"kind": view.kind, "menu_item": view.menu_item}
    return save(CustomView(owner=actor, name=f"Copy of {view.name}"[:256]), actor, content)


def delete(view: CustomView, actor: User) -> None:
    """Delete the view, and audit it."""
    with transaction.atomic():
        audit.record(actor, AuditAction.DELETED, view, before=described(view))
        view.delete()


def toggle_favourite(view: CustomView, user: User) -> None:
    """Add the view to the user's favourites, or remove it."""
    with transaction.atomic():
        place, _ = ViewPlace.objects.select_for_update().get_or_create(user=user, view=view)
        ViewPlace.objects.filter(pk=place.pk).update(favourite=not place.favourite)


def move(view: CustomView, user: User, views: Sequence[CustomView], by: int) -> None:
    """Move the view by one place in the user's own order."""
    keys = [each.pk for each in views]
    here = keys.index(view.pk)
    if not 0 <= here + by < len(keys):
        return
    keys[here], keys[here + by] = keys[here + by], keys[here]
    with transaction.atomic():
        for position, pk in enumerate(keys):
            ViewPlace.objects.update_or_create(user=user, view_id=pk, defaults={"position": position})


def described(view: CustomView) -> dict[str, Any]:
    """Return the view as stored in the audit trail."""
    roles = sorted(view.roles.values_list("name", flat=True)) if view.pk else []
    users = sorted(view.users.values_list("username", flat=True)) if view.pk else []
    about = {name: getattr(view, name) for name in ("name", "kind", "for_everyone")}
    return about | {
        **stored_content(view),
        "roles": roles,
        "users": users,
        "menu_item": str(view.menu_item or ""),
    }


def install_defaults(**_: Any) -> None:
    """Create a new installation's views (post_migrate). Deleted ones stay deleted."""
    if CustomView.objects.exists():
        return
    for name, content in SHIPPED.items():
        CustomView.objects.create(name=name, kind=LogKind.LOG, for_everyone=True, **content)
