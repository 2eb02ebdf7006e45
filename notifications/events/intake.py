"""Receiving events: trace and messages are stored in one transaction, once however often the event comes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.db.models import prefetch_related_objects

from notifications import outbox
from notifications.database.clock import db_now
from notifications.event_names import EVENTS
from notifications.events.context import surroundings, templates_for
from notifications.events.core_references import FIELDS, with_about
from notifications.events.matching import Plan, plan
from notifications.events.trace import Silence, message_keys, stored
from notifications.faults import Fault, Malformed
from notifications.models import BusinessEvent, Client, Group
from notifications.secrets.hidden import WORD
from notifications.text.validation import clean

_BATCH = 500
_TRIES = 3


@dataclass(frozen=True)
class Happening:
    """A reported event: its name, whom it concerns, and its data.

    `data` maps placeholders to texts (see `templating.told`).
    """

    name: str
    client: Client | None = None
    group: Group | None = None
    user: Any = None
    data: dict[str, str] = field(default_factory=dict)
    occurred_at: datetime | None = None
    key: UUID | None = None  # chosen by whoever may tell it twice
    # What it is about in the bank's core: its messages keep it, and its data name it in capitals.
    loan_account_key: UUID | None = None
    deposit_account_key: UUID | None = None
    repayment_key: UUID | None = None
    reference_id: str = ""

    @cached_property
    def told(self) -> dict[str, str]:
        """The event's data with its references added. Raises Malformed if they differ."""
        return with_about(self.data, {name: getattr(self, name) for name in FIELDS})

    @property
    def about(self) -> Client | Group | Any:
        return self.client or self.group or self.user


@dataclass(frozen=True, slots=True)
class Raised:
    """A stored event: stored by this call, or by an earlier one with the same key."""

    event: BusinessEvent
    created: bool

    @property
    def messages(self) -> list[UUID]:
        return message_keys(self.event)


def raise_one(happening: Happening, *, source: str = "") -> Raised:
    """Store one event and what it leads to."""
    return raise_many([happening], source=source)[0]


def raise_many(happenings: Sequence[Happening], *, source: str = "") -> list[Raised]:
    """Store events of `source` and what they lead to: all, or none. Raises Malformed."""
    for happening in happenings:
        _check(happening)
    with transaction.atomic():
        prefetch_related_objects(
            [one for each in happenings for one in (each.client, each.group) if one], "credit_officer"
        )
        for number in range(_TRIES):
            known = _known(happenings)
            now = db_now()
            fresh = {key: _row(key, one, now, source) for key, one in _keyed(happenings) if key not in known}
            try:
                _store(list(fresh.values()), now)
            except IntegrityError:  # another transaction has told one of them meanwhile
                if number == _TRIES - 1:
                    raise
                continue
            return [_answer(happening, known, fresh) for happening in happenings]
    raise AssertionError("unreachable")


def _keyed(happenings: Sequence[Happening]) -> Iterable[tuple[UUID | int, Happening]]:
    """Return each event by its key or its identity; one that is given twice counts once."""
    return {(one.key or id(one)): one for one in happenings}.items()


def _answer(
    happening: Happening, known: dict[UUID, BusinessEvent], fresh: dict[UUID | int, BusinessEvent]
) -> Raised:
    key = happening.key or id(happening)
    if isinstance(key, UUID) and key in known:
        return Raised(_same(happening, known[key]), created=False)
    return Raised(_same(happening, fresh[key]), created=True)


def _check(happening: Happening) -> None:
    clean("event", happening.name, most=64)
    if happening.name not in EVENTS:
        raise Malformed("event", Fault.NO_SUCH_EVENT, name=happening.name or "(none)")
    _ = happening.told


def _known(happenings: Sequence[Happening]) -> dict[UUID, BusinessEvent]:
    keys = [one.key for one in happenings if one.key]
    return {event.key: event for event in BusinessEvent.objects.filter(key__in=keys)} if keys else {}


def _same(happening: Happening, event: BusinessEvent) -> BusinessEvent:
    """Return the event if it equals the reported one.

    Raises Malformed if the key was used for another event.
    """
    # Of a value that was secret nothing is left to compare.
    data = {name: WORD if event.data.get(name) == WORD else value for name, value in happening.told.items()}
    told = (happening.name, _pk(happening.client), _pk(happening.group), _pk(happening.user), data)
    if told != (event.name, event.client_id, event.group_id, event.user_id, event.data):
        raise Malformed("eventKey", Fault.KEY_OF_ANOTHER_EVENT)
    return event


def _pk(row: Any) -> int | None:
    return row.pk if row is not None else None


def _row(key: UUID | int, happening: Happening, now: datetime, source: str) -> BusinessEvent:
    return BusinessEvent(
        key=key if isinstance(key, UUID) else uuid4(),
        name=happening.name,
        client=happening.client,
        group=happening.group,
        user=happening.user,
        subject_name=happening.about.name if happening.about else "",
        data=happening.told,
        occurred_at=happening.occurred_at or now,
        received_at=now,
        source=source[:200],
    )


def _store(events: Sequence[BusinessEvent], now: datetime) -> None:
    around = surroundings(events, templates_for(events), now)
    plans = [plan(event, around) for event in events]
    try:
        _insert(plans)
    except Malformed:  # the placeholders of a URL made none: that template falls silent, the others speak
        for each in plans:
            _drop_impossible(each)
        _insert(plans)


def _insert(plans: Sequence[Plan]) -> None:
    with transaction.atomic():
        for each in plans:
            each.event.pk = None
            each.event.trace, each.event.message_count = stored(each.entries), len(each.drafts)
        BusinessEvent.objects.bulk_create([each.event for each in plans], batch_size=_BATCH)
        outbox.enqueue_many(draft for each in plans for _, draft in each.drafts)


def _drop_impossible(planned: Plan) -> None:
    sound = []
    for entry, draft in planned.drafts:
        try:
            outbox.check(draft)
        except Malformed as error:
            assert draft.key is not None, "every draft of an event has its key"
            entry.messages.remove(draft.key.hex)
            entry.fall_silent(Silence.IMPOSSIBLE, str(error))
        else:
            sound.append((entry, draft))
    planned.drafts = sound
