"""Erasure requests: preview, approval of large ones by a second person; each step is audited."""

import secrets
from dataclasses import dataclass, field

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from commlog import audit
from commlog.audit import Actor, AuditAction
from commlog.erasure.targets import (
    Sought,
    held_whole,
    kind_of,
    kind_of_address,
    messages_of,
    of_address,
    of_recipient,
    on_file,
    theirs,
)
from commlog.models import Erasure, User
from commlog.models.erasure import ErasureKind, ErasureState
from commlog.retention import holds
from notifications.database.clock import db_now
from notifications.forgetting import people
from notifications.models import BusinessEvent, Client, Group, LegalHold, Membership, Subscription
from notifications.models.legal_hold import on_hold
from notifications.states import LIVE

What = Client | Group | str
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_OF = {Client: ErasureKind.CLIENT, Group: ErasureKind.GROUP}


class Refused(Exception):
    """The erasure is refused; the text explains why to a clerk."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be erased: row counts, and what stays on legal hold. `whole`: everything would stay."""

    counts: dict[str, int]
    live: int
    held: int
    holds: list[LegalHold] = field(default_factory=list)
    whole: bool = False
    sought: Sought = field(default_factory=Sought)

    @property
    def shared(self) -> int:
        return self.sought.shared

    @property
    def messages(self) -> int:
        return self.counts["messages"]


def kind_for(what: What) -> ErasureKind:
    """Return the kind of erasure.

    Raises Refused for a text that is no address or number, or that belongs to a client, a group or a user.
    """
    if not isinstance(what, str):
        if what.erased_at and not people.is_left(theirs(what)):
            raise Refused("This has already been erased.")
        return _OF[type(what)]
    kind = kind_of_address(what)
    if kind is None:
        raise Refused("Enter an e-mail address, or a number with its country code.")
    if model := on_file(of_address(what)):
        noun = model._meta.model_name
        advice = "Change it there first." if model is User else f"Erase that {noun}."
        raise Refused(f"It is on file for a {noun}. {advice}")
    return kind


def preview(what: What) -> Preview:
    """Count what would be erased. Mentions elsewhere are found during the erasure."""
    sought = of_address(what) if isinstance(what, str) else of_recipient(what)
    recipient = None if isinstance(what, str) else what
    groups = messages_of(sought, recipient)
    counts = {"messages": sum(each.count() for each in groups)}
    if recipient:
        mine = {kind_of(recipient): recipient.pk}
        for name, model in (
            ("events", BusinessEvent),
            ("memberships", Membership),
            ("subscriptions", Subscription),
        ):
            counts[name] = model._default_manager.filter(**mine).count()
    held = [each.filter(on_hold()) for each in groups]
    by = Q(messages__message__in=held[-1].values("pk"))
    whole = False
    if recipient:
        by |= Q(messages__message__in=held[0].values("pk")) | Q(**{kind_of(recipient): recipient.pk})
        whole = held_whole(Erasure(**{kind_of(recipient): recipient}), holds.recipients())
    return Preview(
        counts,
        live=sum(each.filter(state__in=sorted(LIVE)).count() for each in groups),
        held=sum(each.count() for each in held),
        holds=list(LegalHold.objects.active().filter(by).distinct().order_by("pk")),
        whole=whole,
        sought=sought,
    )


def ask(what: What, *, by: Actor) -> Erasure:
    """Request an erasure; it starts at once, or after approval by a second person.

    Returns the open request if there is one already. Raises Refused.
    """
    kind, found = kind_for(what), preview(what)
    if found.whole:
        raise Refused("Everything about this person is on legal hold, so nothing is erased.")
    recipient = None if isinstance(what, str) else what
    mine = {kind_of(recipient): recipient} if recipient else {}
    limit = settings.ERASURE_APPROVAL_THRESHOLD
    waits = bool(limit) and found.messages > limit
    with transaction.atomic():
        if recipient:
            type(recipient)._default_manager.select_for_update().get(pk=recipient.pk)
            if known := Erasure.objects.filter(finished_at=None, **mine).first():
                return known
        erasure = Erasure.objects.create(
            kind=kind,
            **mine,
            sought=found.sought.sealed(),
            pseudonym=_pseudonym(),
            state=ErasureState.AWAITING_APPROVAL if waits else ErasureState.UNDER_WAY,
            asked_by=by if isinstance(by, User) else None,
            asked_by_name=audit.name_of(by),
            asked_at=db_now(),
        )
        _record(by, erasure, "requested")
    return erasure


def approve(erasure: Erasure, *, by: User) -> bool:
    """Approve the request. Return whether that changed anything: the requester cannot approve."""
    return _decide(erasure, by, "approved", state=ErasureState.UNDER_WAY)


def reject(erasure: Erasure, *, by: User) -> bool:
    """Reject the request before it starts. Return whether that changed anything."""
    return _decide(erasure, by, "not approved", state=ErasureState.REJECTED, finished_at=db_now(), sought="")


def _decide(erasure: Erasure, by: User, said: str, **changes: object) -> bool:
    with transaction.atomic():
        waiting = Erasure.objects.filter(pk=erasure.pk, state=ErasureState.AWAITING_APPROVAL)
        others = waiting.exclude(asked_by=by)
        if not others.update(decided_by=by, decided_by_name=by.name, **changes):
            return False
        _record(by, erasure, said)
    return True


def _pseudonym() -> str:
    return f"Erased person {''.join(secrets.choice(_LETTERS) for _ in range(8))}"


def _record(by: Actor, erasure: Erasure, said: str) -> None:
    audit.record(by, AuditAction.ERASED, erasure, after={"of": str(erasure.label).lower(), "erasure": said})
