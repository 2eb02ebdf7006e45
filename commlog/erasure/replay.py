"""Replay after a restore: erasures since the backup are done again, from the list beside the database."""

from collections.abc import Callable, Iterator
from uuid import UUID

from commlog.audit import Command
from commlog.erasure import ledger, runs
from commlog.erasure.ledger import Remembered
from commlog.erasure.targets import Sought, kind_of_address, of_recipient
from commlog.models import Erasure, User
from commlog.models.erasure import ErasureKind, ErasureState
from notifications.database.clock import db_now
from notifications.models import Client, Group, Message
from notifications.secrets.sealed import digests
from notifications.text.spelling import fold

_BY = Command("erase")
_ENDLESS = float("inf")


def replay(say: Callable[[str], None]) -> bool:
    """Repeat listed erasures that this database lacks. Return whether all are done.

    `say` receives a line on each. Raises remembered.Unreadable.
    """
    whole = True
    for each in ledger.all_of_them():
        erasure = _erasure_of(each)
        if erasure is None:
            say(f"{each.pseudonym}: nothing of this person is in the database.")
        elif erasure.state == ErasureState.DONE:
            say(f"{each.pseudonym}: erased already.")
        else:
            ended = _do(erasure)
            whole = whole and ended == ErasureState.DONE.label.lower()
            say(f"{each.pseudonym}: {ended}.")
    return whole


def _erasure_of(each: Remembered) -> Erasure | None:
    """Return this database's erasure, or a new one; None if the database has nothing of the person."""
    known = Erasure.objects.filter(key=UUID(each.key)).first()
    if known is not None:
        # One that was refused has to be done once the hold is over: the list has those that were done.
        unfinished = Erasure.objects.filter(pk=known.pk).exclude(state=ErasureState.DONE)
        unfinished.update(state=ErasureState.UNDER_WAY, finished_at=None)
        return known
    recipient = None
    if each.recipient:
        kind, _, key = each.recipient.partition(":")
        recipient = _recipient(kind, key)
        if recipient is None:
            return None
        sought = of_recipient(recipient)
    else:
        sought = _found(each)
        if not sought.addresses and not sought.numbers:
            return None
    return Erasure.objects.create(
        key=UUID(each.key),
        kind=each.kind,
        client=recipient if isinstance(recipient, Client) else None,
        group=recipient if isinstance(recipient, Group) else None,
        sought=sought.sealed(),
        pseudonym=each.pseudonym,
        state=ErasureState.UNDER_WAY,
        replayed=True,
        asked_by_name=_BY.name,
        asked_at=db_now(),
    )


def _recipient(kind: str, key: str) -> Client | Group | None:
    model: type[Client] | type[Group] = Client if kind == "client" else Group
    return model.objects.filter(key=UUID(key)).first()


def _found(each: Remembered) -> Sought:
    """Find the address behind the digests, in the messages that are named and in all records."""
    wanted, found = set(each.digests), Sought()
    for text in {text for text in _candidates(each) if text and not wanted.isdisjoint(digests(fold(text)))}:
        kind = kind_of_address(text)
        (found.numbers if kind == ErasureKind.NUMBER else found.addresses).append(text)
    return found


def _candidates(each: Remembered) -> Iterator[str]:
    keys = [UUID(key) for key in each.messages]
    yield from Message.objects.filter(key__in=keys).values_list("destination", flat=True)
    for model in (Client, Group, User):
        for pair in model._default_manager.values_list("email", "mobile_phone").iterator():
            yield from pair


def _do(erasure: Erasure) -> str:
    """Run the erasure until it is done or has to wait."""
    Erasure.objects.filter(pk=erasure.pk).update(token=erasure.token + 1, lease_until=None)
    return runs.turn(erasure.pk, erasure.token + 1, seconds=_ENDLESS)
