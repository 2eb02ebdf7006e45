"""Legal holds: place and lift, audited; and the messages they hold."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from commlog import audit, permissions
from commlog.audit import AuditAction
from commlog.log import reading, writing
from commlog.models import CustomView, User
from commlog.retention import gate
from notifications.database.clock import db_now
from notifications.database.id_lookup import Among
from notifications.models import Client, Group, HeldMessage, LegalHold, Message, newest_id
from notifications.models.legal_hold import on_hold
from notifications.models.message import MessageQuerySet

_STEP = 2_000  # messages that the conditions of a hold are asked of at once
What = Client | Group | Message | CustomView


class NotUnderstood(Exception):
    """A view has conditions that are no longer understood, so nothing would be on hold."""


def place(what: What, *, reason: str, until: datetime | None, by: User) -> LegalHold:
    """Place a hold on all messages of a client or group, on a message, or on the matches of a view.

    A view's current conditions are copied. If the same hold exists for the same reason, it is returned: two
    people, or a form sent twice. Raises NotUnderstood, also for conditions that `by` may not use.
    """
    hold = LegalHold(reason=reason, until=until, placed_by=by, placed_by_name=by.name, placed_at=db_now())
    hold.label = what.key.hex if isinstance(what, Message) else str(what)
    if isinstance(what, Client):
        hold.client = what
    elif isinstance(what, Group):
        hold.group = what
    elif isinstance(what, CustomView):
        chosen = reading.of_view(what).over(permissions.as_read_by(by, _all()))
        if not chosen.sound:
            raise NotUnderstood
        hold.pairs, hold.words = [list(pair) for pair in writing.pairs(chosen.query)], chosen.words()
    with transaction.atomic():
        gate.close()
        active = LegalHold.objects.active().filter(label=hold.label, reason=reason, until=until)
        for same in active.filter(client=hold.client, group=hold.group):
            if same.pairs == hold.pairs:
                return same
        hold.save(force_insert=True)
        if isinstance(what, Message):
            HeldMessage.objects.create(hold=hold, message=what)
        _record(by, AuditAction.CREATED, hold)
    return hold


def lift(hold: LegalHold, *, by: User) -> bool:
    """Lift the hold, so that periods apply again. Return whether it was active."""
    with transaction.atomic():
        row = LegalHold.objects.select_for_update().get(pk=hold.pk)
        if not row.active:
            return False
        row.lifted_at, row.lifted_by_name = db_now(), by.name
        row.save(update_fields=["lifted_at", "lifted_by_name"])
        _record(by, AuditAction.DELETED, row)
    return True


def held_among(pks: Collection[int]) -> set[int]:
    """Return which of these messages are on hold, evaluating the conditions of holds again. For deletion."""
    active = LegalHold.objects.active()
    if not active.exists():
        return set()
    for hold in active.filter(pairs__isnull=False):
        note(hold, _all().filter(Among("pk", pks)))
    return set(Message.objects.filter(on_hold(), Among("pk", pks)).values_list("pk", flat=True))


class Recipients(NamedTuple):
    """Ids of the clients and groups that are on hold with everything about them."""

    clients: set[int]
    groups: set[int]


def recipients() -> Recipients:
    """Return the clients and groups currently on hold."""
    held = LegalHold.objects.active()
    clients, groups = (held.filter(**{f"{name}__isnull": False}) for name in ("client", "group"))
    return Recipients(
        set(clients.values_list("client_id", flat=True)), set(groups.values_list("group_id", flat=True))
    )


def look_through(hold: LegalHold) -> int:
    """Evaluate a hold's conditions on the next messages. Return their number."""
    first, newest = hold.looked_through, newest_id(Message)
    last = min(first + _STEP, newest)
    if last <= first:
        return 0
    note(hold, _all().filter(pk__gt=first, pk__lte=last))
    hold.looked_through = last
    hold.save(update_fields=["looked_through"])
    return last - first


def note(hold: LegalHold, among: MessageQuerySet) -> None:
    """Store which of these match the conditions of a hold. Conditions that are not understood match all."""
    chosen = reading.of_pairs(hold.pairs or []).over(among, widely=True)
    messages = chosen.messages if chosen.sound else among
    HeldMessage.objects.bulk_create(
        [HeldMessage(hold=hold, message_id=pk) for pk in messages.order_by().values_list("pk", flat=True)],
        update_conflicts=True,  # whoever else has noted it
        unique_fields=["hold", "message"],
        update_fields=["message"],
    )


def release(pks: Collection[int]) -> None:
    """Delete holds that have ended from these messages, so that they can be deleted."""
    HeldMessage.objects.filter(Among("message_id", pks)).exclude(
        hold__in=LegalHold.objects.active().values("pk")
    ).delete()


def _all() -> MessageQuerySet:
    return Message.objects.all()


def _record(by: User, action: AuditAction, hold: LegalHold) -> None:
    until = f"{hold.until:%Y-%m-%d %H:%M} UTC" if hold.until else "until lifted"
    facts = {"on hold": hold.about, "reason": hold.reason, "until": until, "conditions": hold.words}
    audit.record(by, action, hold, after={name: value for name, value in facts.items() if value})
