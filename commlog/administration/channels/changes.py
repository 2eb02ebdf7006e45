"""Pausing, switching and limiting channels and lanes, by page or API; each change is audited."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from commlog import audit
from commlog.audit import AuditAction
from commlog.kit.edit_conflicts import Check, without_form
from notifications.lanes import switches
from notifications.models import ChannelSwitch, Lane
from notifications.states import MessageType


def switch(
    channel: MessageType, *, enabled: bool | None = None, paused: bool | None = None, by: Any
) -> ChannelSwitch:
    """Switch a channel on or off, pause or resume it. Arguments not given change nothing."""
    with transaction.atomic():
        ChannelSwitch.objects.get_or_create(channel=channel)
        row = ChannelSwitch.objects.select_for_update().get(channel=channel)
        before = _said(row)
        if enabled is not None:
            row.enabled = enabled
        if paused is not None:
            row.paused_at, row.paused_by = _paused(row, paused, by)
        row.save(update_fields=["enabled", "paused_at", "paused_by"])
        if _released(before, _said(row)):
            Lane.objects.filter(channel=channel).update(marked_until=None)
        audit.record(by, AuditAction.CHANGED, row, kind="channel", before=before, after=_said(row))
    switches.forget()
    return row


def change_lane(
    pk: int, *, cap: int, rate: float | None, paused: bool, by: Any, check: Check = without_form
) -> Lane:
    """Limit, pause or release a lane. `check`: see commlog.kit.edit_conflicts. Raises Lane.DoesNotExist."""
    with transaction.atomic():
        lane = Lane.objects.select_for_update(no_key=True).get(pk=pk)
        check()
        before = _described(lane)
        lane.cap, lane.rate = cap, rate
        lane.paused_at, lane.paused_by = _paused(lane, paused, by)
        lane.marked_until = lane.marked_until if paused else None
        lane.save(update_fields=["cap", "rate", "paused_at", "paused_by", "marked_until"])
        audit.record(by, AuditAction.CHANGED, lane, before=before, after=_described(lane))
    return lane


def _paused(row: ChannelSwitch | Lane, paused: bool, by: Any) -> tuple[datetime | None, str]:
    """Return since when and by whom it is paused: the first who paused it."""
    if not paused:
        return None, ""
    return (row.paused_at, row.paused_by) if row.paused_at else (timezone.now(), by.name[:200])


def _said(row: ChannelSwitch) -> dict[str, Any]:
    return {"enabled": row.enabled, "paused": row.paused_at is not None}


def _released(before: dict[str, Any], after: dict[str, Any]) -> bool:
    return (before["paused"] and not after["paused"]) or (after["enabled"] and not before["enabled"])


def _described(lane: Lane) -> dict[str, Any]:
    return {"parallel sends": lane.cap, "per-second limit": lane.rate, "paused": lane.paused_at is not None}
