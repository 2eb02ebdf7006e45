"""Retention periods. Nothing is deleted before an administrator has set one; each change is audited."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from commlog import audit
from commlog.audit import AuditAction
from commlog.kit.edit_conflicts import Check, without_form
from commlog.models import RetentionPeriod, User
from commlog.models.retention import GRACE, OF_MESSAGES, Kept
from commlog.retention import gate
from notifications.database.clock import db_now

_KIND = "retention period"
Days = int | None  # None: for ever
Scope = tuple[str, int | None]
EVERYTHING: Scope = ("", None)


@dataclass(frozen=True, slots=True)
class Policy:
    """The periods that apply at a time."""

    at: datetime
    periods: Mapping[tuple[str, Scope], RetentionPeriod]
    now: datetime | None = None

    @classmethod
    def at_moment(cls, at: datetime, *, now: datetime | None = None) -> "Policy":
        """Return the periods that apply at a time if nobody changes them, by one query.

        With `now` nothing is due that is not due now as well: a period that is lengthened during a night's
        run takes effect in it.
        """
        rows = RetentionPeriod.objects.all()
        return cls(at, {(row.what, row.scope): row for row in rows if not row.over_at(at)}, now)

    def of(self, what: Kept, channel: str = "", template: int | None = None) -> RetentionPeriod | None:
        """Return the period of such a message: its template's, else its channel's, else the general one."""
        scopes = [("", template)] if template else []
        found = (self.periods.get((what, scope)) for scope in (*scopes, (channel, None), EVERYTHING))
        return next((row for row in found if row), None)

    def before(self, row: RetentionPeriod | None) -> datetime | None:
        """Return the time before which messages of this period are due; None: never."""
        moments = (self.at, self.now or self.at)
        days = [row.days_at(moment) if row else None for moment in moments]
        known = [each for each in days if each is not None]
        return self.at - timedelta(days=max(known)) if len(known) == len(days) else None

    def due(self, what: Kept) -> Iterator[tuple[RetentionPeriod, datetime]]:
        """Yield the periods by which something is due, and before which time."""
        for (name, _), row in sorted(self.periods.items(), key=lambda item: item[1].pk):
            before = self.before(row)
            if name == what and before is not None:
                yield row, before


def change(values: Mapping[Kept, Days], *, by: User, check: Check = without_form) -> None:
    """Set the general periods. `check`: see commlog.kit.edit_conflicts."""
    with transaction.atomic():
        policy = _locked()
        check()
        for what, days in values.items():
            _set(policy, what, EVERYTHING, days, by)


def change_exception(
    scope: Scope, values: Mapping[Kept, Days], *, by: User, check: Check = without_form
) -> None:
    """Set the periods for text and rows of a channel's or a template's messages."""
    with transaction.atomic():
        policy = _locked()
        check()
        for what in OF_MESSAGES:
            _set(policy, what, scope, values[what], by)


def end_exception(scope: Scope, *, by: User) -> None:
    """End the exception of a channel or template.

    At once or, if the general period is shorter, after the same wait as any shorter period.
    """
    with transaction.atomic():
        policy = _locked()
        now = policy.at
        for what in OF_MESSAGES:
            row = policy.periods.get((what, scope))
            if row is None:
                continue
            before, after = row.days_at(now), _fallback(policy, what, scope)
            if _is_shorter(after, before):
                row.days, row.days_before, row.ends, row.starts_at = before, before, True, now + GRACE
                row.save(update_fields=["days", "days_before", "ends", "starts_at"])
            else:
                row.delete()
            _walk_anew(what)
            _record(by, what, str(row), before, after, now + GRACE if row.pk else now, ends=True)


def begin(night: datetime, *, since: datetime | None) -> None:
    """Prepare a night: delete ended exceptions, and restart those periods that changed since the last
    night.
    """
    begun = RetentionPeriod.objects.filter(starts_at__lte=night)
    if since:
        begun = begun.filter(starts_at__gt=since)
    for what in set(begun.values_list("what", flat=True)):
        _walk_anew(Kept(what))
    RetentionPeriod.objects.filter(ends=True, starts_at__lte=night).delete()


def _locked() -> Policy:
    """Return the current periods, and lock them: each change compares with the last one."""
    gate.close()
    list(RetentionPeriod.objects.select_for_update().values_list("pk", flat=True))
    return Policy.at_moment(db_now())


def _set(policy: Policy, what: Kept, scope: Scope, days: Days, by: User) -> None:
    now = policy.at
    row = policy.periods.get((what, scope))
    if (row and row.days == days and not row.ends) or (row is None and days is None and scope == EVERYTHING):
        return
    before = row.days_at(now) if row else _fallback(policy, what, scope)
    asked = row.days if row else before
    starts_at = now + GRACE if _is_shorter(days, before) else now
    channel, template = scope
    row, _ = RetentionPeriod.objects.update_or_create(
        what=what,
        channel=channel,
        template_id=template,
        defaults={"days": days, "days_before": before, "ends": False, "starts_at": starts_at},
    )
    _walk_anew(what)
    _record(by, what, str(row), asked, days, starts_at)


def _fallback(policy: Policy, what: Kept, scope: Scope) -> Days:
    row = policy.periods.get((what, EVERYTHING)) if scope != EVERYTHING else None
    return row.days_at(policy.at) if row else None


def _is_shorter(days: Days, than: Days) -> bool:
    return days is not None and (than is None or days < than)


def _walk_anew(what: Kept) -> None:
    """Restart the walk: messages skipped for another period may now belong to this one."""
    RetentionPeriod.objects.filter(what=what).update(reached_at=None, reached_pk=0)


def _record(
    by: User, what: Kept, label: str, before: Days, after: Days, starts_at: datetime, *, ends: bool = False
) -> None:
    said: dict[str, Any] = {"kept": in_words(after), "from": f"{starts_at:%Y-%m-%d %H:%M} UTC"}
    audit.record(
        by,
        AuditAction.DELETED if ends else AuditAction.CHANGED,
        kind=_KIND,
        key=what,
        label=label,
        before={"kept": in_words(before)},
        after=said,
    )


def in_words(days: Days) -> str:
    """Return `for ever`, `1 day`, `30 days`."""
    return "for ever" if days is None else f"{days} day{'' if days == 1 else 's'}"
